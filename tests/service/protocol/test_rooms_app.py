"""Rooms as the whole application has them, without a socket; and their end at any moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient
from starlette.types import Message, Scope
from starlette.websockets import WebSocketDisconnect

from service.app import create_app
from service.http.rooms import rooms_router
from service.realtime.rooms import RoomLimits, Rooms
from service.realtime.token import room_token
from service.settings import ServiceSettings
from tests.service.conftest import few_rows
from tests.service.sockets import SECRET, until

TEA = f"/rooms/tea?token={room_token(SECRET, 'tea')}"


@pytest.fixture
def client(database_url: str, pricing_url: str) -> Iterator[TestClient]:
    values = few_rows(database_url, pricing_url) | {"ROOM_SECRET": SECRET, "ROOM_HISTORY": "2"}
    with TestClient(create_app(ServiceSettings.from_values(values))) as client:
        yield client


def test_hello_comes_first_and_names_the_instance(client: TestClient) -> None:
    with client.websocket_connect(TEA) as one, client.websocket_connect(TEA) as other:
        hello = one.receive_json()
        assert (hello["type"], hello["room"], hello["last_seq"]) == ("server.hello", "tea", 0)
        assert other.receive_json() == hello
        assert len(hello["instance"]) == 36

        one.send_json({"type": "message", "body": "hi"})
        said = {"type": "message", "seq": 1, "body": "hi"}
        assert [one.receive_json(), other.receive_json()] == [said, said]


def test_limits_are_those_of_the_settings(client: TestClient) -> None:
    with client.websocket_connect(TEA) as speaker:
        speaker.receive_json()
        for _ in range(3):
            speaker.send_json({"type": "message", "body": "hi"})
            speaker.receive_json()
    with client.websocket_connect(f"{TEA}&resume_from=0") as late:
        told = [late.receive_json() for _ in range(4)]

    assert [message["type"] for message in told] == [
        "server.hello",
        "server.gap",
        "message",
        "message",
    ]
    metrics = client.get("/metrics").text
    assert "room_broadcasts_total 3.0" in metrics
    assert "\nrooms 1.0" in metrics
    assert "room_members 0.0" in metrics
    assert "http_requests_in_flight 0.0" in metrics


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/rooms/tea", 4401),
        (f"{TEA}0", 4401),
        (TEA.replace("tea?", "coffee?"), 4401),
        (f"{TEA}&resume_from=x", 4400),
        (f"/rooms/t!?token={room_token(SECRET, 't!')}", 4400),
    ],
)
def test_who_may_not_enter_is_told_by_the_code_alone(
    client: TestClient, path: str, code: int
) -> None:
    with client.websocket_connect(path) as refused, pytest.raises(WebSocketDisconnect) as closed:
        refused.receive_json()

    assert closed.value.code == code


async def test_a_cancelled_member_leaves_nothing_behind() -> None:
    rooms = Rooms(RoomLimits(queue=1, history=1, linger_s=0, linger_rooms=0), "here")
    app = FastAPI()
    app.include_router(rooms_router(rooms, SecretStr(SECRET)))
    scope: Scope = {
        "type": "websocket",
        "path": "/rooms/tea",
        "query_string": TEA.partition("?")[2].encode(),
        "headers": [],
        "state": {},
        "subprotocols": [],
    }
    sent: list[Message] = []
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})

    async def send(message: Message) -> None:
        sent.append(message)

    before = asyncio.all_tasks()
    serving: asyncio.Task[Any] = asyncio.create_task(app(scope, incoming.get, send))
    await until(lambda: len(sent) == 2)
    assert rooms.members == 1
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert (len(rooms), rooms.members) == (0, 0)
    assert asyncio.all_tasks() == before
