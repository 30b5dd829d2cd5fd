from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

Start = Callable[..., Awaitable[httpx.AsyncClient]]
Serve = Callable[[ASGIApp], str]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 2}]}
DEADLINE_S = 60


async def _invoice(service: httpx.AsyncClient, url: str) -> httpx.Response:
    async with asyncio.timeout(DEADLINE_S):
        while (answer := await service.get(url)).status_code == 202:
            await asyncio.sleep(0.005)
    return answer


async def _figure(service: httpx.AsyncClient, name: str) -> float:
    families = text_string_to_metric_families((await service.get("/metrics")).text)
    [value] = [s.value for family in families for s in family.samples if s.name == name]
    return float(value)


class HeldPricing:
    """A pricing that answers orders at once, and invoices when it is told to."""

    def __init__(self, serve: Serve) -> None:
        self._loop = asyncio.get_running_loop()
        self.go = asyncio.Event()
        self.held = False
        self.url = serve(Starlette(routes=[Route("/quotes", self._quote, methods=["POST"])]))

    async def _quote(self, _: Request) -> Response:
        if self.held:
            waiting = asyncio.run_coroutine_threadsafe(self.go.wait(), self._loop)
            await asyncio.wrap_future(waiting)
        return JSONResponse({"unit_prices_cents": {"SKU-1": 150}})


async def test_an_invoice_is_written_after_the_response(start: Start, serve: Serve) -> None:
    pricing = HeldPricing(serve)
    service = await start(PRICING_URL=pricing.url)
    await service.post("/orders", json=ORDER)
    pricing.held = True

    asked = await service.post("/orders/1/invoice")

    assert asked.status_code == 202
    assert asked.headers["Location"] == "/orders/1/invoice"
    under_way = await service.get(asked.headers["Location"])
    assert under_way.status_code == 202
    assert under_way.json() == asked.json() == {"order_id": 1, "status": "under_way"}
    pricing.go.set()
    written = await _invoice(service, asked.headers["Location"])
    assert written.status_code == 200
    assert written.headers["content-type"] == "text/plain; charset=utf-8"
    assert written.text.startswith("Invoice of order 1, ")
    assert written.text.endswith("Total 3.00\nAt today's prices 3.00\n")
    assert await _figure(service, "jobs_done_total") == 1


async def test_invoices_that_are_not_there(start: Start) -> None:
    service = await start()
    await service.post("/orders", json=ORDER)

    unknown = [await service.post("/orders/9/invoice"), await service.get("/orders/9/invoice")]
    unasked = await service.get("/orders/1/invoice")

    assert [each.json()["error"]["code"] for each in unknown] == ["unknown_order"] * 2
    assert unasked.json()["error"]["code"] == "unknown_invoice"
    assert {each.status_code for each in (*unknown, unasked)} == {404}


async def test_a_full_queue_answers_503(start: Start, serve: Serve) -> None:
    pricing = HeldPricing(serve)
    service = await start(PRICING_URL=pricing.url, JOB_QUEUE_LIMIT="1", JOB_WORKERS="1")
    for _ in range(3):
        await service.post("/orders", json=ORDER)
    pricing.held = True
    await service.post("/orders/1/invoice")
    async with asyncio.timeout(DEADLINE_S):
        while await _figure(service, "job_queue_depth"):
            await asyncio.sleep(0.005)
    await service.post("/orders/2/invoice")

    refused = await service.post("/orders/3/invoice")

    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "queue_full")
    assert refused.headers["Retry-After"] == "1"
    assert await _figure(service, "jobs_rejected_total") == 1
    pricing.go.set()
    for order in (1, 2):
        assert (await _invoice(service, f"/orders/{order}/invoice")).status_code == 200
    assert (await service.get("/orders/3/invoice")).status_code == 404


async def test_an_invoice_that_cannot_be_written_is_given_up(start: Start, serve: Serve) -> None:
    service = await start()
    await service.post("/orders", json=ORDER)
    broken = await start(PRICING_URL="http://127.0.0.1:1", PRICING_RETRY="none", JOB_BACKOFF_MS="1")

    await broken.post("/orders/1/invoice")

    assert (await _invoice(broken, "/orders/1/invoice")).status_code == 404
    assert await _figure(broken, "jobs_failed_total") == 1
    assert await _figure(broken, "jobs_retried_total") == 2
