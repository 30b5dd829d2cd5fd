"""The stand-in for the remote pricing service: it takes its time, and no more at once than it can.

It is the only place that waits on purpose.
"""

import asyncio
import os
import random
import uuid
from zlib import crc32

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from service.settings import PricingSettings


def create_app(settings: PricingSettings) -> Starlette:
    """Build the pricing application."""
    latency_s = settings.pricing_latency_ms / 1000
    capacity = asyncio.Semaphore(settings.pricing_capacity)
    instance = str(uuid.uuid4())

    async def quote(request: Request) -> JSONResponse:
        try:
            skus = [str(line["sku"]) for line in (await request.json())["lines"]]
        except (ValueError, TypeError, KeyError):
            return JSONResponse({"error": "expected lines with a sku each"}, 422)
        async with capacity:
            await asyncio.sleep(latency_s)
        if random.random() < settings.pricing_error_rate:
            return JSONResponse({"error": "as configured"}, 500)
        return JSONResponse({"unit_prices_cents": {sku: _price(sku) for sku in skus}})

    async def ready(_: Request) -> JSONResponse:
        return JSONResponse(
            {
                "status": "ready",
                "instance": instance,
                "pid": os.getpid(),
                "settings": settings.canonical(),
            }
        )

    return Starlette(
        routes=[Route("/quotes", quote, methods=["POST"]), Route("/ready", ready)],
    )


def _price(sku: str) -> int:
    # Any price will do, as long as an SKU always has the same.
    return 100 + crc32(sku.encode()) % 9_900
