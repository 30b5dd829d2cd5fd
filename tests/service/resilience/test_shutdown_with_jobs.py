"""The service stops while jobs wait: they are done before anything they need is closed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import asyncpg
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from service.app import create_app
from service.settings import ServiceSettings
from tests.service.conftest import few_rows
from tests.service.process import service_process

Serve = Callable[[ASGIApp], str]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
ORDERS = 6


class SlowInvoices:
    """A pricing that answers the first questions, and later ones after a release."""

    def __init__(self, serve: Serve) -> None:
        self._loop = asyncio.get_running_loop()
        self.asked = 0
        self.go = asyncio.Event()
        self.url = serve(Starlette(routes=[Route("/quotes", self._quote, methods=["POST"])]))

    async def _quote(self, _: Request) -> Response:
        self.asked += 1
        if self.asked > ORDERS:
            waiting = asyncio.run_coroutine_threadsafe(self.go.wait(), self._loop)
            await asyncio.wrap_future(waiting)
        return JSONResponse({"unit_prices_cents": {"SKU-1": 100}})


async def _documents(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return int(await connection.fetchval("SELECT count(*) FROM order_documents"))
    finally:
        await connection.close()


async def _order_and_ask_for_invoices(client: httpx.AsyncClient) -> None:
    for _ in range(ORDERS):
        (await client.post("/orders", json=ORDER)).raise_for_status()
    for order in range(1, ORDERS + 1):
        assert (await client.post(f"/orders/{order}/invoice")).status_code == 202


async def test_a_stopped_process_finishes_its_jobs(database_url: str, serve: Serve) -> None:
    pricing = SlowInvoices(serve)
    settings = few_rows(database_url, pricing.url) | {"JOB_WORKERS": "2", "JOB_DRAIN_S": "60"}
    with service_process(**settings) as process:
        async with httpx.AsyncClient(base_url=process.url) as client:
            await _order_and_ask_for_invoices(client)
        assert await _documents(database_url) == 0
        process.popen.send_signal(signal.SIGTERM)
        # Pricing is slow: the jobs take longer than the server takes to close its connections.
        asyncio.get_running_loop().call_later(1, pricing.go.set)
        code = await asyncio.to_thread(process.popen.wait, 60)

    assert code == -signal.SIGTERM  # the server's way to say that it stopped because of it
    assert await _documents(database_url) == ORDERS


async def test_what_does_not_fit_into_the_drain_is_named(
    database_url: str, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    pricing = SlowInvoices(serve)
    settings = few_rows(database_url, pricing.url) | {"JOB_WORKERS": "2", "JOB_DRAIN_S": "0.05"}
    app = create_app(ServiceSettings.from_values(settings))
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
            await _order_and_ask_for_invoices(client)

    pricing.go.set()
    names = ", ".join(f"invoice of order {order}" for order in range(1, ORDERS + 1))
    assert f"jobs not finished: {names}" in caplog.text
    assert await _documents(database_url) == 0
