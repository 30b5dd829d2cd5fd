from __future__ import annotations

import threading
from collections.abc import Awaitable, Callable

import httpx
import pytest
from anyio import to_thread

from service.pricing.client import AwaitedPricing, BlockingPricing

Start = Callable[..., Awaitable[httpx.AsyncClient]]
BASKET = {"lines": [{"sku": "SKU-1", "quantity": 2}, {"sku": "SKU-2", "quantity": 1}]}


@pytest.mark.parametrize("endpoint", ["async", "thread"])
async def test_a_basket_is_priced(start: Start, endpoint: str) -> None:
    service = await start(QUOTE_ENDPOINT=endpoint)

    quoted = await service.post("/quotes", json=BASKET)

    assert quoted.status_code == 200
    prices = quoted.json()["unit_prices_cents"]
    assert set(prices) == {"SKU-1", "SKU-2"}
    assert quoted.json()["total_cents"] == 2 * prices["SKU-1"] + prices["SKU-2"]
    ordered = (await service.post("/orders", json=BASKET | {"customer_id": 1})).json()
    assert ordered["total_cents"] == quoted.json()["total_cents"]


@pytest.mark.parametrize("endpoint", ["async", "thread"])
async def test_a_quote_fails_as_an_order_does(start: Start, endpoint: str) -> None:
    service = await start(QUOTE_ENDPOINT=endpoint, PRICING_URL="http://127.0.0.1:1")

    down = await service.post("/quotes", json=BASKET)
    invalid = await service.post("/quotes", json={"lines": []})

    assert (down.status_code, down.json()["error"]["code"]) == (503, "pricing_unavailable")
    assert invalid.status_code == 422


async def test_the_def_endpoint_blocks_a_thread_and_the_other_none(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[threading.Thread] = []

    def ask(*_: object) -> dict[str, int]:
        threads.append(threading.current_thread())
        return {"SKU-1": 1, "SKU-2": 1}

    async def quote(*_: object) -> dict[str, int]:
        return ask()

    monkeypatch.setattr(BlockingPricing, "ask", ask)
    monkeypatch.setattr(AwaitedPricing, "quote", quote)
    for endpoint in ("async", "thread"):
        await (await start(QUOTE_ENDPOINT=endpoint)).post("/quotes", json=BASKET)

    assert threads[0] is threading.current_thread()
    assert threads[1] is not threading.current_thread()


async def test_the_threads_are_as_many_as_configured(start: Start) -> None:
    await start(THREAD_TOKENS="3")

    assert to_thread.current_default_thread_limiter().total_tokens == 3
