from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from typing import Any

import pytest

from service.realtime.member import Member
from service.realtime.room import Resume, Room
from service.realtime.rooms import RoomLimits, Rooms
from service.realtime.token import opens, room_token


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rooms(clock: Clock) -> Rooms:
    return Rooms(RoomLimits(queue=3, history=4, linger_s=10, linger_rooms=2), "here", clock=clock)


async def read(member: Member, count: int) -> list[dict[str, Any]]:
    return [json.loads(await member.next()) for _ in range(count)]


def seqs(told: list[dict[str, Any]]) -> list[int]:
    return [message["seq"] for message in told if message["type"] == "message"]


async def say(rooms: Rooms, room: Room, count: int) -> None:
    for _ in range(count):
        await rooms.say(room, f"number {room.last_seq + 1}")


async def test_a_member_is_greeted_before_anything_else(rooms: Rooms) -> None:
    with rooms.joined("tea", None) as (room, _):
        await say(rooms, room, 2)
        with rooms.joined("tea", None) as (_, late):
            await say(rooms, room, 1)
            hello, message = await read(late, 2)

    assert hello == {
        "type": "server.hello",
        "room": "tea",
        "epoch": room.epoch,
        "last_seq": 2,
        "instance": "here",
    }
    assert message == {"type": "message", "seq": 3, "body": "number 3"}


async def test_a_broadcast_is_encoded_once_and_reaches_the_speaker_too(rooms: Rooms) -> None:
    with rooms.joined("tea", None) as (room, speaker), rooms.joined("tea", None) as (_, other):
        await rooms.say(room, "hi")
        await speaker.next()
        await other.next()

        assert await speaker.next() is await other.next()


async def test_rooms_do_not_hear_each_other(rooms: Rooms) -> None:
    with rooms.joined("tea", None) as (tea, _), rooms.joined("coffee", None) as (coffee, member):
        await rooms.say(tea, "tea")
        await rooms.say(coffee, "coffee")

        assert [message.get("body") for message in await read(member, 2)] == [None, "coffee"]


@pytest.mark.parametrize(
    ("resume", "replayed"),
    [
        (None, []),
        (Resume(6), []),
        (Resume(5), [6]),
        (Resume(2), [3, 4, 5, 6]),
    ],
)
async def test_what_was_missed_is_replayed(
    rooms: Rooms, resume: Resume | None, replayed: list[int]
) -> None:
    with ExitStack() as joined:
        room, reader = joined.enter_context(rooms.joined("tea", None))
        for _ in range(6):
            await say(rooms, room, 1)
            await read(reader, 1)
        _, member = joined.enter_context(rooms.joined("tea", resume))
        await say(rooms, room, 1)

        assert seqs(await read(member, 2 + len(replayed))) == [*replayed, 7]


@pytest.mark.parametrize(
    ("resume", "reason"),
    [(Resume(1), "history"), (Resume(7), "ahead"), (Resume(6, "another life"), "epoch")],
)
async def test_a_replay_that_cannot_be_whole_says_so(
    rooms: Rooms, resume: Resume, reason: str
) -> None:
    with ExitStack() as joined:
        room, reader = joined.enter_context(rooms.joined("tea", None))
        for _ in range(6):
            await say(rooms, room, 1)
            await read(reader, 1)
        _, member = joined.enter_context(rooms.joined("tea", resume))

        _, gap, *replay = await read(member, 6)

    assert gap == {
        "type": "server.gap",
        "reason": reason,
        "resume_from": resume.seq,
        "next_seq": 3,
    }
    assert seqs(replay) == [3, 4, 5, 6]


async def test_a_slow_member_is_dropped_and_the_others_hear_all(rooms: Rooms) -> None:
    with rooms.joined("tea", None) as (room, slow), rooms.joined("tea", None) as (_, quick):
        heard = await read(quick, 1)
        for _ in range(5):
            await say(rooms, room, 1)
            heard += await read(quick, 1)

        assert seqs(heard) == [1, 2, 3, 4, 5]
        assert (slow.dropped.is_set(), quick.dropped.is_set()) == (True, False)
        assert (rooms.members, rooms.dropped, rooms.broadcasts) == (1, 1, 5)


async def test_a_long_replay_does_not_count_as_being_slow(rooms: Rooms) -> None:
    with ExitStack() as joined:
        room, reader = joined.enter_context(rooms.joined("tea", None))
        for _ in range(4):
            await say(rooms, room, 1)
            await read(reader, 1)
        _, member = joined.enter_context(rooms.joined("tea", Resume(0)))
        await say(rooms, room, 3)

        assert not member.dropped.is_set()
        assert seqs(await read(member, 8)) == [1, 2, 3, 4, 5, 6, 7]


async def test_the_room_may_wait_for_its_slowest_member(clock: Clock) -> None:
    limits = RoomLimits(queue=1, history=4, linger_s=10, linger_rooms=2)
    rooms = Rooms(limits, "here", wait_for_slow=True, clock=clock)
    with rooms.joined("tea", None) as (room, slow):
        await rooms.say(room, "one")
        waiting = asyncio.create_task(rooms.say(room, "two"))
        after = asyncio.create_task(rooms.say(room, "three"))
        await asyncio.sleep(0)
        assert not waiting.done()

        assert seqs(await read(slow, 2)) == [1]
        await waiting
        assert not slow.dropped.is_set()
        assert [message["body"] for message in await read(slow, 2)] == ["two", "three"]
        await after


async def test_nobody_waits_for_a_member_that_is_gone(clock: Clock) -> None:
    limits = RoomLimits(queue=1, history=4, linger_s=10, linger_rooms=2)
    rooms = Rooms(limits, "here", wait_for_slow=True, clock=clock)
    with rooms.joined("tea", None) as (room, _):
        await rooms.say(room, "one")
        waiting = asyncio.create_task(rooms.say(room, "two"))
        await asyncio.sleep(0)

    async with asyncio.timeout(10):
        await waiting
    assert room.last_seq == 2


async def test_an_empty_room_lingers_and_is_then_removed(rooms: Rooms, clock: Clock) -> None:
    with rooms.joined("tea", None) as (room, _):
        await rooms.say(room, "hi")
    clock.now = 9
    rooms.sweep()
    with rooms.joined("tea", Resume(0, room.epoch)) as (same, member):
        assert same is room
        assert seqs(await read(member, 2)) == [1]
    clock.now = 18
    rooms.sweep()
    assert len(rooms) == 1

    clock.now = 19
    rooms.sweep()

    assert len(rooms) == 0
    with rooms.joined("tea", Resume(0, room.epoch)) as (another, member):
        assert another.epoch != room.epoch
        assert (await read(member, 2))[1]["reason"] == "epoch"


async def test_a_room_is_not_removed_under_its_members(rooms: Rooms, clock: Clock) -> None:
    with rooms.joined("tea", None):
        pass
    with rooms.joined("tea", None):
        clock.now = 1000
        rooms.sweep()
        assert len(rooms) == 1


async def test_only_so_many_empty_rooms_linger(rooms: Rooms) -> None:
    lives = {}
    for name in ("one", "two", "three"):
        with rooms.joined(name, None) as (room, _):
            lives[name] = room

    assert len(rooms) == 2
    with rooms.joined("three", None) as (room, _):
        assert room is lives["three"]
    with rooms.joined("one", None) as (room, _):
        assert room is not lives["one"]


async def test_without_cleanup_rooms_stay(clock: Clock) -> None:
    limits = RoomLimits(queue=3, history=4, linger_s=0, linger_rooms=0)
    rooms = Rooms(limits, "here", cleanup=False, clock=clock)
    with rooms.joined("tea", None):
        pass
    clock.now = 1000
    rooms.sweep()

    assert (len(rooms), rooms.members) == (1, 0)


async def test_a_room_is_left_however_the_stay_ends(rooms: Rooms) -> None:
    with pytest.raises(RuntimeError), rooms.joined("tea", None):
        raise RuntimeError("a mistake")

    assert rooms.members == 0


async def test_who_leaves_late_does_not_touch_the_next_room_of_that_name(
    rooms: Rooms, clock: Clock
) -> None:
    with ExitStack() as stays:
        old, _ = stays.enter_context(rooms.joined("tea", None))
        with rooms.joined("tea", None) as (_, quick):
            await read(quick, 1)
            for _ in range(4):
                await say(rooms, old, 1)
                await read(quick, 1)
        # The slow one was dropped but is still saying good-bye; by then the room is gone.
        clock.now = 10
        rooms.sweep()
        assert len(rooms) == 0
        with rooms.joined("tea", None):
            stays.close()
            clock.now = 20
            rooms.sweep()

            assert len(rooms) == 1


def test_a_token_opens_its_own_room_only() -> None:
    token = room_token("a secret", "tea")

    assert opens(token, "a secret", "tea")
    assert not opens(token, "a secret", "coffee")
    assert not opens(token, "another secret", "tea")
    assert not opens("", "a secret", "tea")
    assert not opens("ü", "a secret", "tea")
