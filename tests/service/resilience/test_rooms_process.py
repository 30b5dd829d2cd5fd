"""Rooms of a real process, while clients come and go, and when it stops."""

from __future__ import annotations

import asyncio
import signal

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode

from tests.service.process import service_process
from tests.service.reconnecting import reconnect
from tests.service.sockets import DEADLINE_S, SECRET, entered, say, told


async def test_reconnecting_clients_miss_nothing_and_leave_no_room_behind(
    database_url: str,
) -> None:
    settings = {"DATABASE_URL": database_url, "ROOM_SECRET": SECRET, "ROOM_LINGER_S": "1"}
    with service_process(**settings) as service:
        counts = await reconnect(service.url, clients=20, seconds=3)

    assert (counts["gaps"], counts["doubles"], counts["out of order"]) == (0, 0, 0)
    assert (counts["rooms left"], counts["room_members left"]) == (0, 0)
    # That it was put to the test at all.
    assert counts["missed meanwhile"] > 20
    assert 0 < counts["broken off"] < counts["connections"]


async def test_a_service_told_to_stop_sends_its_members_away_and_ends(database_url: str) -> None:
    with service_process(DATABASE_URL=database_url, ROOM_SECRET=SECRET) as service:
        async with entered(service.url, "tea") as one, entered(service.url, "tea") as two:
            await told(one)
            await told(two)
            await say(one, "the last word")
            assert (await told(two))["body"] == "the last word"
            service.popen.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed) as closed:
                await told(two)
        code = await asyncio.to_thread(service.popen.wait, DEADLINE_S)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == CloseCode.SERVICE_RESTART
    assert code in (0, -signal.SIGTERM)
