"""Pricing fails, and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

Start = Callable[..., Awaitable[httpx.AsyncClient]]
Serve = Callable[[ASGIApp], str]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}


class Outage:
    """A pricing that can be down, and counts what it is asked."""

    def __init__(self, serve: Serve) -> None:
        self.asked = 0
        self.down = False
        self.every_other = False
        self._numbers = count(1)
        self.url = serve(Starlette(routes=[Route("/quotes", self._quote, methods=["POST"])]))

    async def _quote(self, _: Request) -> Response:
        self.asked += 1
        if self.down or (self.every_other and next(self._numbers) % 2):
            return JSONResponse({"error": "down"}, 503)
        return JSONResponse({"unit_prices_cents": {"SKU-1": 100}})


async def _retries(service: httpx.AsyncClient) -> float:
    families = text_string_to_metric_families((await service.get("/metrics")).text)
    samples = [sample for family in families for sample in family.samples]
    [value] = [sample.value for sample in samples if sample.name == "pricing_retries_total"]
    return float(value)


@pytest.mark.parametrize("inside", ["false", "true"])
async def test_a_passing_failure_is_not_seen_by_clients(
    start: Start, serve: Serve, inside: str
) -> None:
    pricing = Outage(serve)
    pricing.every_other = True
    service = await start(
        PRICING_URL=pricing.url, PRICING_BACKOFF_MS="1", PRICING_INSIDE_TRANSACTION=inside
    )

    answers = [await service.post("/orders", json=ORDER) for _ in range(5)]

    assert [answer.status_code for answer in answers] == [201] * 5
    assert await _retries(service) == 5


async def test_an_outage_is_not_made_worse_and_ends(start: Start, serve: Serve) -> None:
    pricing = Outage(serve)
    service = await start(PRICING_URL=pricing.url, PRICING_BACKOFF_MS="1")
    pricing.down = True

    down = await asyncio.gather(*(service.post("/orders", json=ORDER) for _ in range(50)))

    assert {answer.status_code for answer in down} == {502}
    # A reserve of ten, and a tenth of fifty.
    assert pricing.asked - 50 == await _retries(service) <= 15
    pricing.down = False
    assert (await service.post("/orders", json=ORDER)).status_code == 201
    assert len((await service.get("/orders")).json()["orders"]) == 1


async def test_retries_without_a_budget_multiply_an_outage(start: Start, serve: Serve) -> None:
    pricing = Outage(serve)
    service = await start(
        PRICING_URL=pricing.url, PRICING_RETRY="unbounded", PRICING_BACKOFF_MS="1"
    )
    pricing.down = True

    await asyncio.gather(*(service.post("/orders", json=ORDER) for _ in range(50)))

    assert pricing.asked == 150
