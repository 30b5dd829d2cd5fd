"""What the metrics add to a request: a coarse ratio within one process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from statistics import median
from time import process_time

import httpx

Start = Callable[..., Awaitable[httpx.AsyncClient]]
ROUNDS, REQUESTS = 15, 20


async def test_metrics_cost_a_fraction_of_a_request(start: Start) -> None:
    services = {"on": await start(), "off": await start(METRICS="false")}
    spent: dict[str, list[float]] = {name: [] for name in services}

    for _ in range(ROUNDS):
        for name, service in services.items():
            began = process_time()
            for _ in range(REQUESTS):
                await service.get("/nowhere")
            spent[name].append(process_time() - began)

    assert median(spent["on"]) < 1.5 * median(spent["off"])
