"""Rooms with real clients over real sockets: order, lifetime, close codes."""

from __future__ import annotations

import asyncio
import json
import random
import socket
from collections.abc import Callable
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode as ProtocolCode
from websockets.frames import Frame, Opcode

from service.realtime.rooms import Rooms
from service.realtime.token import room_token
from service.server import give_up_on_the_unread
from tests.service.sockets import DEADLINE_S, SECRET, RawClient, entered, room_url, say, told, until

ServeRooms = Callable[..., Any]


async def test_everybody_hears_one_order_the_speakers_included(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(queue=1000)
    async with (
        entered(service.url, "tea") as one,
        entered(service.url, "tea") as two,
        entered(service.url, "tea") as three,
    ):
        clients = [one, two, three]
        for client in clients:
            assert (await told(client))["type"] == "server.hello"

        async def speak(client: ClientConnection, name: int) -> None:
            for number in range(50):
                await say(client, f"{name}.{number}")

        await asyncio.gather(*(speak(client, name) for name, client in enumerate(clients)))
        heard = [[await told(client) for _ in range(150)] for client in clients]

    assert heard[0] == heard[1] == heard[2]
    assert [message["seq"] for message in heard[0]] == list(range(1, 151))
    for name in range(3):
        own = [m["body"] for m in heard[0] if m["body"].startswith(f"{name}.")]
        assert own == [f"{name}.{number}" for number in range(50)]


@pytest.mark.parametrize("token", ["", "wrong", "ünknown", "0" * 64])
async def test_a_wrong_token_closes_before_anything_is_sent(
    serve_rooms: ServeRooms, token: str
) -> None:
    service = serve_rooms()
    async with entered(service.url, "tea", token=token) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await told(client)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401
    assert len(service.rooms) == 0


async def test_a_missing_token_closes_just_so(serve_rooms: ServeRooms) -> None:
    service = serve_rooms()
    url = room_url(service.url, "tea").partition("?")[0]
    async with RawClient(url) as client:
        frame = await client.frame()

    assert (frame.opcode, frame.data[:2]) == (Opcode.CLOSE, (4401).to_bytes(2, "big"))


@pytest.mark.parametrize(
    ("room", "query"),
    [
        ("no%20such%20name", {"token": None}),
        ("n" * 65, {}),
        ("tea", {"resume_from": "-1"}),
        ("tea", {"resume_from": ""}),
        ("tea", {"resume_from": "1.5"}),
        ("tea", {"resume_from": "1" * 19}),
        ("tea", {"resume_from": "١"}),
    ],
)
async def test_a_malformed_request_has_its_own_code(
    serve_rooms: ServeRooms, room: str, query: dict[str, Any]
) -> None:
    service = serve_rooms()
    if "token" in query:
        query = {"token": room_token(SECRET, "no such name")}
    async with entered(service.url, room, **query) as client:
        with pytest.raises(ConnectionClosed) as closed:
            await told(client)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4400
    assert len(service.rooms) == 0


async def test_a_replay_among_broadcasts_has_no_gap_and_no_double(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(queue=10_000, history=10_000)
    dice = random.Random(1)
    done = asyncio.Event()

    async def speak() -> None:
        async with entered(service.url, "tea") as speaker:
            await told(speaker)
            while not done.is_set():
                await say(speaker, "hi")
                await told(speaker)

    async def come_and_go() -> int:
        seen = 0
        for _ in range(15):
            query = {"resume_from": seen}
            async with entered(service.url, "tea", **query) as client:
                # Through the replay and into what is said meanwhile.
                last = (await told(client))["last_seq"] + dice.randint(-2, 5)
                while seen < last:
                    message = await told(client)
                    assert (message["type"], message["seq"]) == ("message", seen + 1)
                    seen += 1
        return seen

    async with asyncio.timeout(DEADLINE_S), asyncio.TaskGroup() as group:
        group.create_task(speak())
        seen = await asyncio.gather(*(come_and_go() for _ in range(4)))
        done.set()

    assert min(seen) > 15


async def test_a_resume_beyond_the_history_says_where_it_goes_on(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(history=3)
    async with entered(service.url, "tea") as speaker:
        await told(speaker)
        for number in range(1, 7):
            await say(speaker, str(number))
            await told(speaker)
        for query, reason in (
            ({"resume_from": 2}, "history"),
            ({"resume_from": 9}, "ahead"),
            ({"resume_from": 6, "epoch": "another"}, "epoch"),
        ):
            async with entered(service.url, "tea", **query) as client:
                hello, gap, *replay = [await told(client) for _ in range(5)]
                assert hello["last_seq"] == 6
                assert (gap["type"], gap["reason"], gap["next_seq"]) == ("server.gap", reason, 4)
                assert [message["seq"] for message in replay] == [4, 5, 6]


@pytest.mark.parametrize(
    "frame",
    [
        "not json",
        "[]",
        "null",
        '{"type":"message"}',
        '{"type":"message","body":5}',
        '{"type":"shout","body":"hi"}',
        '{"type":"message","body":"hi","seq":1}',
        '{"type":"message","body":"\\ud800"}',
        json.dumps({"type": "message", "body": "x" * 4097}),
        b"\xff\xfe",
        "[" * 10_000,
    ],
)
async def test_what_is_not_understood_is_said_and_survived(
    serve_rooms: ServeRooms, frame: str | bytes
) -> None:
    service = serve_rooms()
    async with entered(service.url, "tea") as client, entered(service.url, "tea") as other:
        await told(client)
        await told(other)
        await client.send(frame)
        error = await told(client)
        await say(client, "still here")

        assert (error["type"], error["code"]) == ("server.error", "invalid_message")
        assert [m["body"] for m in (await told(client), await told(other))] == ["still here"] * 2


async def test_the_longest_message_passes_and_a_longer_frame_closes(
    serve_rooms: ServeRooms,
) -> None:
    service = serve_rooms()
    longest = "\U0001f375" * 4096
    async with entered(service.url, "tea") as client, entered(service.url, "tea") as other:
        await told(client)
        await told(other)
        await client.send(json.dumps({"type": "message", "body": longest}, ensure_ascii=False))
        assert (await told(other))["body"] == longest
        await told(client)
        await client.send("x" * 60_000)
        with pytest.raises(ConnectionClosed) as closed:
            await told(client)
        await say(other, "the room goes on")
        assert (await told(other))["body"] == "the room goes on"

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == ProtocolCode.MESSAGE_TOO_BIG


async def test_a_member_who_closes_is_gone(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(linger_s=0)
    async with entered(service.url, "tea") as client:
        await told(client)
        assert service.rooms.members == 1

    await until(lambda: (len(service.rooms), service.rooms.members) == (0, 0))


async def test_a_member_whose_connection_is_reset_is_gone(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(linger_s=0)
    async with RawClient(room_url(service.url, "tea")) as client:
        await client.frame()
        assert service.rooms.members == 1
        client.reset()

        await until(lambda: (len(service.rooms), service.rooms.members) == (0, 0))


async def test_a_room_that_is_empty_expires_by_itself(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(linger_s=0.01)
    async with entered(service.url, "tea") as client:
        await told(client)

    await until(lambda: len(service.rooms) == 0)


async def test_a_slow_member_is_dropped_with_its_code_and_holds_nobody_back(
    serve_rooms: ServeRooms,
) -> None:
    service = serve_rooms(queue=20)
    rooms: Rooms = service.rooms
    async with (
        RawClient(room_url(service.url, "tea"), receive_buffer=4096) as slow,
        entered(service.url, "tea") as quick,
    ):
        await told(quick)
        seq = 0
        async with asyncio.timeout(DEADLINE_S):
            while rooms.dropped == 0:
                await say(quick, "x" * 4096)
                seq += 1
                assert (await told(quick))["seq"] == seq
        await until(lambda: rooms.members == 1)
        await say(quick, "unhindered")
        assert (await told(quick))["seq"] == seq + 1

        heard = [await slow.frame()]
        while heard[-1].opcode != Opcode.CLOSE:
            heard.append(await slow.frame())
        assert (rooms.dropped, rooms.members) == (1, 1)

    assert heard[-1].data[:2] == (4408).to_bytes(2, "big")
    hello, *messages = [json.loads(bytes(frame.data)) for frame in heard[:-1]]
    assert hello["type"] == "server.hello"
    assert [message["seq"] for message in messages] == list(range(1, len(messages) + 1))


async def test_a_burst_of_one_client_drops_nobody(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(queue=5)
    async with (
        RawClient(room_url(service.url, "tea")) as speaker,
        entered(service.url, "tea") as listener,
    ):
        await told(listener)
        await speaker.frame()
        speaker.send_texts([json.dumps({"type": "message", "body": "hi"})] * 200)
        await speaker.flush()

        assert [(await told(listener))["seq"] for _ in range(200)] == list(range(1, 201))

    assert service.rooms.dropped == 0


async def test_who_answers_pings_stays_and_who_does_not_is_closed(serve_rooms: ServeRooms) -> None:
    service = serve_rooms(heartbeat_s=0.1, linger_s=0)
    async with RawClient(room_url(service.url, "tea")) as client:
        await client.frame()
        for _ in range(3):
            assert (await client.frame()).opcode == Opcode.PING
            await client.flush()
        assert service.rooms.members == 1

        frame: Frame = await client.frame()
        while frame.opcode == Opcode.PING:
            frame = await client.frame()

        assert (frame.opcode, frame.data[:2]) == (Opcode.CLOSE, (1011).to_bytes(2, "big"))
        await until(lambda: (len(service.rooms), service.rooms.members) == (0, 0))


async def test_a_stopping_server_tells_its_members_to_come_back(serve_rooms: ServeRooms) -> None:
    service = serve_rooms()
    async with entered(service.url, "tea") as one, entered(service.url, "tea") as two:
        await told(one)
        await told(two)
        service.server.should_exit = True
        for client in (one, two):
            with pytest.raises(ConnectionClosed) as closed:
                await told(client)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == ProtocolCode.SERVICE_RESTART

    await until(lambda: not service.thread.is_alive())
    assert service.rooms.members == 0


async def test_no_token_is_logged(
    serve_rooms: ServeRooms, capsys: pytest.CaptureFixture[str]
) -> None:
    service = serve_rooms()
    async with entered(service.url, "tea") as client:
        await told(client)

    logged = capsys.readouterr().err
    assert "startup complete" in logged
    assert room_token(SECRET, "tea") not in logged


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="only Linux has it")
def test_the_system_gives_up_on_connections_whose_peer_never_reads() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        give_up_on_the_unread(listening)
        with socket.create_connection(listening.getsockname()), listening.accept()[0] as accepted:
            unread_ms = accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT)

    assert 1_000 <= unread_ms <= 60_000
