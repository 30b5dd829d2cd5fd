from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tests.service.works import rows, scalar, until

Start = Callable[..., Awaitable[httpx.AsyncClient]]
Serve = Callable[[ASGIApp], str]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
KEY = {"Idempotency-Key": "7f3c"}
STORES = ["database", "process"]


def _code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def _orders(database_url: str) -> object:
    return await scalar(database_url, "SELECT count(*) FROM orders")


@pytest.mark.parametrize("store", STORES)
async def test_the_first_response_is_repeated_to_the_byte(
    start: Start, database_url: str, store: str
) -> None:
    service = await start(IDEMPOTENCY_STORE=store)

    first = await service.post("/orders", json=ORDER, headers=KEY)
    again = await service.post("/orders", json=ORDER, headers=KEY)

    assert first.status_code == again.status_code == 201
    assert again.content == first.content
    assert again.headers["content-type"] == first.headers["content-type"] == "application/json"
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert await _orders(database_url) == 1


async def test_with_and_without_a_key_an_order_looks_alike(start: Start) -> None:
    service = await start()

    keyed = await service.post("/orders", json=ORDER, headers=KEY)
    plain = await service.post("/orders", json=ORDER)

    assert plain.status_code == keyed.status_code
    assert set(plain.headers) == set(keyed.headers)
    assert plain.headers["content-type"] == keyed.headers["content-type"]
    assert list(plain.json()) == list(keyed.json())
    assert (await service.get(f"/orders/{keyed.json()['id']}")).content == keyed.content


@pytest.mark.parametrize("store", STORES)
async def test_another_payload_conflicts(start: Start, database_url: str, store: str) -> None:
    service = await start(IDEMPOTENCY_STORE=store)
    await service.post("/orders", json=ORDER, headers=KEY)

    other = await service.post("/orders", json=ORDER | {"customer_id": 2}, headers=KEY)

    assert _code(other) == (409, "idempotency_key_reused")
    assert await _orders(database_url) == 1


async def test_how_the_payload_is_written_does_not_matter(start: Start) -> None:
    service = await start()
    first = await service.post("/orders", json=ORDER, headers=KEY)

    rewritten = b'{ "lines" : [{"quantity":1,  "sku":"SKU-1"}],\n"customer_id": 1 }'
    again = await service.post(
        "/orders", content=rewritten, headers=KEY | {"Content-Type": "application/json"}
    )

    assert again.content == first.content
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("inside", ["false", "true"])
async def test_many_at_once_place_one_order(
    start: Start, database_url: str, store: str, inside: str
) -> None:
    service = await start(IDEMPOTENCY_STORE=store, PRICING_INSIDE_TRANSACTION=inside)

    answers = await asyncio.gather(
        *(service.post("/orders", json=ORDER, headers=KEY) for _ in range(6))
    )

    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert await _orders(database_url) == 1


@pytest.mark.parametrize("store", STORES)
async def test_a_failed_attempt_may_be_tried_again(
    start: Start, serve: Serve, database_url: str, store: str
) -> None:
    answers: list[Response] = [JSONResponse({"error": "no"}, 500)]

    async def quote(_: Request) -> Response:
        return answers.pop() if answers else JSONResponse({"unit_prices_cents": {"SKU-1": 5}})

    url = serve(Starlette(routes=[Route("/quotes", quote, methods=["POST"])]))
    service = await start(IDEMPOTENCY_STORE=store, PRICING_URL=url, PRICING_RETRY="none")
    failed = await service.post("/orders", json=ORDER, headers=KEY)
    await rows(database_url, "UPDATE stock SET available = 0")
    refused = await service.post("/orders", json=ORDER, headers=KEY)
    await rows(database_url, "UPDATE stock SET available = opening")

    # Nothing happened under the key: even another payload may take it.
    placed = await service.post("/orders", json=ORDER | {"customer_id": 2}, headers=KEY)

    assert _code(failed) == (502, "pricing_failed")
    assert _code(refused) == (409, "out_of_stock")
    assert placed.status_code == 201
    assert "idempotency-replayed" not in placed.headers


async def test_a_stored_response_needs_neither_pricing_nor_stock(
    start: Start, database_url: str
) -> None:
    service = await start()
    first = await service.post("/orders", json=ORDER, headers=KEY)
    await rows(database_url, "UPDATE stock SET available = 0")
    without_pricing = await start(PRICING_URL="http://127.0.0.1:1", PRICING_RETRY="none")

    assert (await without_pricing.post("/orders", json=ORDER, headers=KEY)).content == first.content


async def test_an_expired_key_is_as_good_as_new(start: Start, database_url: str) -> None:
    service = await start()
    first = await service.post("/orders", json=ORDER, headers=KEY)
    await rows(database_url, "UPDATE idempotency_keys SET expires_at = now()")

    second = await service.post("/orders", json=ORDER | {"customer_id": 2}, headers=KEY)
    again = await service.post("/orders", json=ORDER | {"customer_id": 2}, headers=KEY)

    assert second.json()["id"] != first.json()["id"]
    assert again.content == second.content


@pytest.mark.parametrize("key", ["", " ", "a b", "ü".encode("latin-1"), b"\x01", "k" * 256])
async def test_a_key_is_visible_ascii(start: Start, database_url: str, key: Any) -> None:
    service = await start()

    answer = await service.post("/orders", json=ORDER, headers={"Idempotency-Key": key})

    assert _code(answer) == (422, "invalid_request")
    assert await _orders(database_url) == 0


async def test_the_longest_key_is_taken(start: Start) -> None:
    service = await start()
    key = {"Idempotency-Key": "~" * 254 + "!"}

    assert (await service.post("/orders", json=ORDER, headers=key)).status_code == 201


async def test_an_order_and_its_event_and_first_step_come_together(
    start: Start, database_url: str
) -> None:
    service = await start(OUTBOX_RELAYS="0")

    order_id = (await service.post("/orders", json=ORDER)).json()["id"]

    events = await rows(database_url, "SELECT kind, payload->>'order_id', attempts FROM outbox")
    assert events == [("order.placed", str(order_id), 0)]
    steps = await rows(database_url, "SELECT order_id, seq, status FROM order_progress")
    assert steps == [(order_id, 1, "placed")]


async def test_a_refused_order_leaves_no_event(start: Start, database_url: str) -> None:
    service = await start(OUTBOX_RELAYS="0")

    await service.post("/orders", json=ORDER | {"customer_id": 99}, headers=KEY)

    for table in ("orders", "order_progress", "outbox", "idempotency_keys"):
        assert await scalar(database_url, f"SELECT count(*) FROM {table}") == 0


async def test_the_outbox_is_measured(start: Start, database_url: str) -> None:
    service = await start(OUTBOX_RELAYS="0")
    for _ in range(3):
        await service.post("/orders", json=ORDER)

    async def seen() -> bool:
        return "outbox_pending 3.0" in (await service.get("/metrics")).text

    await until(seen)
