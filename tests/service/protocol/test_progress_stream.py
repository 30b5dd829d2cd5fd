"""An order's progress over a real socket: order of events, resume, lifetime."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.service.sockets import DEADLINE_S, until

ServeService = Callable[..., Any]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
STORY = [("1", "placed"), ("2", "confirmed"), ("3", "packed"), ("4", "shipped")]
NO_RELAY = {"OUTBOX_RELAYS": "0"}  # the test moves the order on by itself


class Events:
    """The events of a response, as they come."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next_block(self) -> list[str]:
        """The lines up to the next empty one; none at the end."""
        block: list[str] = []
        async with asyncio.timeout(DEADLINE_S):
            async for line in self._lines:
                if not line:
                    return block
                block.append(line)
        return block

    async def next(self) -> tuple[str, str] | None:
        """Id and status of the next event; None at the end."""
        while block := await self.next_block():
            fields = dict(line.partition(": ")[::2] for line in block)
            if "data" in fields:
                assert fields["event"] == "progress"
                return fields["id"], json.loads(fields["data"])["status"]
        return None

    async def rest(self) -> list[tuple[str, str]]:
        """All that follow."""
        events = []
        while (event := await self.next()) is not None:
            events.append(event)
        return events


@asynccontextmanager
async def followed(url: str, order_id: int, seen: str | None = None) -> AsyncIterator[Events]:
    headers = {} if seen is None else {"Last-Event-ID": seen}
    async with (
        httpx.AsyncClient(base_url=url, timeout=DEADLINE_S) as client,
        client.stream("GET", f"/orders/{order_id}/progress", headers=headers) as response,
    ):
        yield Events(response)


def place(url: str) -> int:
    order: dict[str, int] = httpx.post(f"{url}/orders", json=ORDER).json()
    return order["id"]


def metrics(url: str) -> dict[str, float]:
    text = httpx.get(f"{url}/metrics").text
    return {
        sample.name + str(sample.labels.get("route", "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def move_on(database_url: str, order_id: int, *steps: tuple[str, str]) -> None:
    connection = await asyncpg.connect(database_url)
    for seq, status in steps:
        await connection.execute(
            "INSERT INTO order_progress (order_id, seq, status) VALUES ($1, $2, $3)",
            order_id,
            int(seq),
            status,
        )
    await connection.close()


async def test_an_order_is_followed_to_its_end_and_resumed_anywhere(
    serve_service: ServeService,
) -> None:
    url = serve_service().url
    order_id = place(url)

    async with followed(url, order_id) as events:
        assert events.response.headers["content-type"].startswith("text/event-stream")
        assert await events.rest() == STORY
    for seen in range(4):
        async with followed(url, order_id, str(seen)) as events:
            assert await events.rest() == STORY[seen:]
    async with followed(url, order_id, "4") as events:
        assert events.response.status_code == 204


async def test_steps_come_as_they_are_taken_over_several_connections(
    serve_service: ServeService, database_url: str
) -> None:
    url = serve_service(**NO_RELAY).url
    order_id = place(url)

    async with followed(url, order_id) as events:
        assert await events.next() == STORY[0]
        await move_on(database_url, order_id, STORY[1])
        assert await events.next() == STORY[1]
    await move_on(database_url, order_id, STORY[2])
    async with followed(url, order_id, "2") as events:
        assert await events.next() == STORY[2]
        await move_on(database_url, order_id, STORY[3])
        assert await events.rest() == [STORY[3]]


async def test_what_cannot_be_followed_is_refused_before_the_stream_begins(
    serve_service: ServeService,
) -> None:
    url = serve_service(**NO_RELAY).url
    order_id = place(url)

    async with followed(url, order_id + 1) as events:
        answer = events.response
        await answer.aread()
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "unknown_order")
    for malformed in ("x", "-1", "1.5", "40000"):
        async with followed(url, order_id, malformed) as events:
            answer = events.response
            await answer.aread()
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_request")


async def test_an_open_stream_is_no_request_in_flight_and_holds_no_connection(
    serve_service: ServeService,
) -> None:
    url = serve_service(**NO_RELAY, DB_POOL_SIZE="1", STREAM_HEARTBEAT_S="1").url
    order_id = place(url)
    placing = metrics(url)["http_in_flight_request_seconds_total"]
    opened = time.perf_counter()

    async with (
        followed(url, order_id) as one,
        followed(url, order_id) as two,
        followed(url, order_id) as three,
    ):
        for events in (one, two, three):
            assert await events.next() == STORY[0]
            assert await events.next_block() == [": ping"]
        assert httpx.get(f"{url}/orders/{order_id}").status_code == 200
        meanwhile = metrics(url)
        seconds = time.perf_counter() - opened
    assert meanwhile["http_streams_open"] == 3
    assert meanwhile["http_requests_in_flight"] == 0
    assert meanwhile["http_in_flight_request_seconds_total"] - placing < seconds

    await until(lambda: metrics(url)["http_streams_open"] == 0)
    after = metrics(url)
    assert after["db_pool_in_use"] == 0
    assert after["http_requests_in_flight"] == 0
    route = "/orders/{order_id}/progress"
    assert after[f"http_request_duration_seconds_count{route}"] == 3
    assert after[f"http_request_duration_seconds_sum{route}"] < seconds


async def test_a_stopping_server_ends_its_streams(serve_service: ServeService) -> None:
    streams = 5
    service = serve_service(**NO_RELAY)
    order_id = place(service.url)

    async def follow() -> list[tuple[str, str]]:
        async with followed(service.url, order_id) as events:
            first = await events.next()
            assert first is not None
            begun.append(first)
            return [first, *await events.rest()]

    begun: list[tuple[str, str]] = []
    following = [asyncio.create_task(follow()) for _ in range(streams)]
    await until(lambda: len(begun) == streams)
    service.server.should_exit = True

    # A stream that is cut off instead raises an error of the protocol.
    assert await asyncio.gather(*following) == [STORY[:1]] * streams
    await until(lambda: not service.thread.is_alive())
