"""Quotes over HTTP: what a basket costs, without ordering it."""

from collections.abc import Callable, Mapping, Sequence

from fastapi import APIRouter

from service.http.dto import QuoteRequest, QuoteResponse
from service.http.errors import BODY, PRICING, answers
from service.orders.model import Item, merged
from service.pricing.client import Pricing

Ask = Callable[[Sequence[Item]], Mapping[str, int]]


def awaited_quotes_router(pricing: Pricing) -> APIRouter:
    """The route of quotes, on the event loop."""
    router = APIRouter(prefix="/quotes", tags=["quotes"])

    @router.post("", responses=answers(*BODY, *PRICING))
    async def quote(asked: QuoteRequest) -> QuoteResponse:
        items = merged(asked.items())
        return QuoteResponse.of(items, await pricing.quote(items))

    return router


def threaded_quotes_router(ask: Ask) -> APIRouter:
    """The route of quotes as a `def` endpoint: each holds a thread until pricing answers."""
    router = APIRouter(prefix="/quotes", tags=["quotes"])

    @router.post("", responses=answers(*BODY, *PRICING))
    def quote(asked: QuoteRequest) -> QuoteResponse:
        items = merged(asked.items())
        return QuoteResponse.of(items, ask(items))

    return router
