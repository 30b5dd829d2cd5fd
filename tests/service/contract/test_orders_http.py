from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from service.unit_of_work.sql import SqlOrders

Start = Callable[..., Awaitable[httpx.AsyncClient]]
Serve = Callable[[ASGIApp], str]
ORDER = {
    "customer_id": 1,
    "lines": [{"sku": "SKU-2", "quantity": 3}, {"sku": "SKU-1", "quantity": 1}],
}


def _error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert set(response.json()) == {"error"}
    error: dict[str, Any] = response.json()["error"]
    assert set(error) == {"code", "message", "details", "request_id"}
    assert error["code"] == code
    assert error["request_id"] == response.headers["x-request-id"]
    assert ("retry-after" in response.headers) == (status == 503)
    return error


async def _rows(database_url: str, statement: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(database_url)
    try:
        return [tuple(row) for row in await connection.fetch(statement)]
    finally:
        await connection.close()


async def test_an_order_is_placed_read_and_listed(start: Start, database_url: str) -> None:
    service = await start()

    placed = await service.post("/orders", json=ORDER)

    assert placed.status_code == 201
    order = placed.json()
    assert [(line["sku"], line["quantity"]) for line in order["lines"]] == [
        ("SKU-1", 1),
        ("SKU-2", 3),
    ]
    prices = [line["unit_price_cents"] for line in order["lines"]]
    assert order["total_cents"] == prices[0] + 3 * prices[1]
    assert (await service.get(f"/orders/{order['id']}")).json() == order
    assert (await service.get("/orders")).json() == {"orders": [order], "next": None}
    stock = await _rows(database_url, "SELECT sku, opening - available FROM stock ORDER BY sku")
    assert stock[:3] == [("*", 0), ("SKU-1", 1), ("SKU-2", 3)]


async def test_pages_go_back_from_the_newest(start: Start) -> None:
    service = await start()
    for _ in range(4):
        await service.post("/orders", json=ORDER)

    page = (await service.get("/orders", params={"limit": 2, "offset": 1})).json()

    assert [order["id"] for order in page["orders"]] == [3, 2]
    assert all(len(order["lines"]) == 2 for order in page["orders"])
    assert page["next"] == "/orders?limit=2&offset=3"
    beyond = await service.get("/orders", params={"offset": 4})
    assert beyond.json() == {"orders": [], "next": None}


@pytest.mark.parametrize(
    ("paging", "begun", "following"),
    [
        ("keyset", "", ["before=4", "before=2", None]),
        ("offset", "", ["offset=2", "offset=4", None]),
        ("offset", "&before=6", ["before=4", "before=2", None]),
        ("keyset", "&offset=0", ["offset=2", "offset=4", None]),
    ],
)
async def test_a_listing_continues_as_it_was_begun(
    start: Start, paging: str, begun: str, following: list[str | None]
) -> None:
    service = await start(LIST_PAGING=paging)
    for _ in range(5):
        await service.post("/orders", json=ORDER)

    seen, url = [], f"/orders?limit=2{begun}"
    for position in following:
        page = (await service.get(url)).json()
        seen += [order["id"] for order in page["orders"]]
        assert page["next"] == (position and f"/orders?limit=2&{position}")
        url = page["next"]

    assert seen == [5, 4, 3, 2, 1]


async def test_plain_json_is_the_same_to_the_byte(start: Start) -> None:
    validated, plain = await start(), await start(RESPONSE_VALIDATION="false")
    for _ in range(3):
        await validated.post("/orders", json=ORDER)

    for url in ("/orders/1", "/orders?limit=2", "/orders?limit=2&before=1"):
        one, other = await validated.get(url), await plain.get(url)
        assert one.content == other.content
        assert one.headers["content-type"] == other.headers["content-type"]


async def test_a_page_takes_as_many_statements_as_one_order(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()
    for _ in range(5):
        await service.post("/orders", json=ORDER)
    statements: list[str] = []
    execute = AsyncConnection.execute

    async def counted(self: AsyncConnection, statement: Any, *args: Any) -> Any:
        if "outbox" not in str(statement):  # what the relay does meanwhile
            statements.append(str(statement))
        return await execute(self, statement, *args)

    monkeypatch.setattr(AsyncConnection, "execute", counted)

    assert len((await service.get("/orders")).json()["orders"]) == 5

    assert len(statements) == 2


async def test_one_shared_stock_row(start: Start, database_url: str) -> None:
    service = await start(STOCK_ROWS="one")

    await service.post("/orders", json=ORDER)

    taken = "SELECT sku, opening - available FROM stock WHERE available <> opening"
    assert await _rows(database_url, taken) == [("*", 4)]


async def test_every_way_to_call_pricing(start: Start) -> None:
    for call, inside in product(("awaited", "blocking"), ("false", "true")):
        service = await start(PRICING_CALL=call, PRICING_INSIDE_TRANSACTION=inside)
        assert (await service.post("/orders", json=ORDER)).status_code == 201, (call, inside)


async def test_what_cannot_be_ordered(start: Start, database_url: str) -> None:
    service = await start()
    await _rows(database_url, "UPDATE customers SET credit_limit_cents = 1 WHERE id = 2")
    await _rows(database_url, "UPDATE stock SET available = 2 WHERE sku = 'SKU-2'")

    unknown = await service.post("/orders", json=ORDER | {"customer_id": 99})
    exhausted = await service.post("/orders", json=ORDER | {"customer_id": 2})
    short = await service.post("/orders", json=ORDER)

    assert _error(unknown, 422, "unknown_customer")["details"] == {"customer_id": 99}
    assert _error(exhausted, 409, "credit_exhausted")["details"] == {"customer_id": 2}
    assert _error(short, 409, "out_of_stock")["details"] == {"sku": "SKU-2", "quantity": 3}
    # SKU-1 had been reserved before SKU-2 ran short.
    assert (
        await _rows(database_url, "SELECT FROM stock WHERE sku = 'SKU-1' AND available <> opening")
        == []
    )
    assert await _rows(database_url, "SELECT FROM orders") == []


async def test_a_body_that_is_not_an_order(start: Start) -> None:
    service = await start()
    bodies: list[object] = [
        {},
        {"customer_id": 1, "lines": []},
        {"customer_id": 0, "lines": ORDER["lines"]},
        {"customer_id": 1, "lines": [{"sku": "*", "quantity": 1}]},
        {"customer_id": 1, "lines": [{"sku": "SKU-1\x00", "quantity": 1}]},
        {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 0}]},
        {"customer_id": 1, "lines": ORDER["lines"], "discount": 100},
    ]

    for body in bodies:
        error = _error(await service.post("/orders", json=body), 422, "invalid_request")
        assert all(set(detail) == {"loc", "msg", "type"} for detail in error["details"])


async def test_requests_that_lead_nowhere(start: Start) -> None:
    service = await start()

    _error(await service.get("/nowhere"), 404, "not_found")
    _error(await service.get("/orders/"), 404, "not_found")
    _error(await service.put("/orders"), 405, "method_not_allowed")
    _error(await service.get("/orders/1"), 404, "unknown_order")
    _error(await service.get(f"/orders/{2**63}"), 422, "invalid_request")
    _error(await service.get("/orders", params={"limit": 101}), 422, "invalid_request")
    both = {"offset": 1, "before": 1}
    _error(await service.get("/orders", params=both), 422, "invalid_request")
    _error(await service.get("/orders", params={"ofset": 1}), 422, "invalid_request")
    _error(await service.post("/orders", content=b"{"), 422, "invalid_request")


async def test_a_mistake_of_ours_tells_nothing(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()

    async def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(SqlOrders, "page", broken)

    error = _error(await service.get("/orders"), 500, "internal_error")

    assert "secret" not in str(error)


async def test_a_failed_statement_is_a_mistake_of_ours(start: Start, database_url: str) -> None:
    service = await start()
    await _rows(database_url, "DROP TABLE order_lines")

    _error(await service.post("/orders", json=ORDER), 500, "internal_error")


async def test_a_lost_connection_is_said_and_replaced(start: Start, database_url: str) -> None:
    service = await start(DB_POOL_SIZE="1")
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    await _rows(
        database_url, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"
    )

    _error(await service.get("/orders"), 503, "database_unavailable")

    assert (await service.get("/orders")).status_code == 200


async def test_no_connection_becomes_free(start: Start, serve: Serve) -> None:
    asked, go = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def quote(request: Request) -> Response:
        loop.call_soon_threadsafe(asked.set)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), loop))
        return JSONResponse({"unit_prices_cents": {"SKU-1": 1, "SKU-2": 2}})

    url = serve(Starlette(routes=[Route("/quotes", quote, methods=["POST"])]))
    service = await start(
        DB_POOL_SIZE="1",
        DB_POOL_TIMEOUT_S="0.1",
        PRICING_URL=url,
        PRICING_INSIDE_TRANSACTION="true",
    )
    holder = asyncio.create_task(service.post("/orders", json=ORDER))
    await asked.wait()

    _error(await service.get("/orders"), 503, "database_busy")

    go.set()
    assert (await holder).status_code == 201


@pytest.mark.parametrize("call", ["awaited", "blocking"])
async def test_pricing_fails(start: Start, serve: Serve, call: str) -> None:
    answers: list[Response | None] = [
        JSONResponse({"error": "no"}, 500),
        JSONResponse({"unit_prices_cents": {}}),
        Response("no JSON"),
        None,
    ]

    async def quote(request: Request) -> Response:
        answer = answers.pop(0)
        if answer is None:
            await asyncio.sleep(0.5)
        return answer or Response()

    url = serve(Starlette(routes=[Route("/quotes", quote, methods=["POST"])]))
    service = await start(
        PRICING_CALL=call, PRICING_URL=url, PRICING_TIMEOUT_S="0.2", PRICING_RETRY="none"
    )

    for _ in range(3):
        _error(await service.post("/orders", json=ORDER), 502, "pricing_failed")
    _error(await service.post("/orders", json=ORDER), 504, "pricing_timeout")


async def test_pricing_is_not_there(start: Start) -> None:
    for call in ("awaited", "blocking"):
        service = await start(PRICING_CALL=call, PRICING_URL="http://127.0.0.1:1")
        _error(await service.post("/orders", json=ORDER), 503, "pricing_unavailable")
