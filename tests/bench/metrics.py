"""What the metrics cost the service: two processes, metrics on and off, in interleaved slices.

Run as `python -m tests.bench.metrics`. Both services share a core with a database and a pricing,
the driver has the other; in slices of half a second the same users order from one or the other, as
fast as they are answered. Slices come in pairs of random order, so that what drifts falls out.
"""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from statistics import median

import aiohttp

from lab.analysis.comparison import ratio
from lab.processes import Children, divide_cores
from lab.targets.postgres import Databases, EmbeddedPostgres
from tests.runs import ROOT
from tests.service.process import service_process

PAIRS = 60
USERS = 16
WARMUP_S, SLICE_S = 2.0, 0.5
LIMIT = 0.95


class Users:
    """They order as fast as they are answered, from whom they are told to."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self.url = url
        self.answered = 0

    async def order(self) -> None:
        """Order until cancelled."""
        while True:
            line = {"sku": f"SKU-{random.randint(1, 10_000)}", "quantity": 1}
            order = {"customer_id": random.randint(1, 1_000), "lines": [line]}
            async with self._session.post(f"{self.url}/orders", json=order) as answer:
                await answer.read()
                assert answer.status == 201, answer.status
            self.answered += 1


async def slices(urls: dict[str, str], pairs: int) -> dict[str, list[float]]:
    """Orders a second of every slice, by service; the lists pair up."""
    rates: dict[str, list[float]] = {name: [] for name in urls}
    async with aiohttp.ClientSession() as session:
        users = Users(session, next(iter(urls.values())))
        ordering = [asyncio.create_task(users.order()) for _ in range(USERS)]
        for url in urls.values():
            users.url = url
            await asyncio.sleep(WARMUP_S)
        for _ in range(pairs):
            for name in random.sample(list(urls), 2):
                users.url = urls[name]
                before, began = users.answered, time.monotonic()
                await asyncio.sleep(SLICE_S)
                rates[name].append((users.answered - before) / (time.monotonic() - began))
        over = [task for task in ordering if task.done()]
        for task in ordering:
            task.cancel()
        await asyncio.gather(*ordering, return_exceptions=True)
        for task in over:
            task.result()
    return rates


@contextmanager
def services() -> Iterator[dict[str, str]]:
    """Two services that differ in METRICS only, on the target's core."""
    cores = divide_cores()
    with Children() as children, ExitStack() as running:
        postgres = EmbeddedPostgres(children, cores.target)
        postgres.start()
        databases = Databases(postgres.url, prefix="bench")
        os.sched_setaffinity(0, cores.target)  # inherited by those started now
        pricing_url = _pricing(children)
        urls = {}
        for name, metrics in (("on", "true"), ("off", "false")):
            settings = {
                "DATABASE_URL": databases.create(name),
                "DB_MIGRATE_ON_START": "true",
                "PRICING_URL": pricing_url,
                "METRICS": metrics,
            }
            urls[name] = running.enter_context(service_process(**settings)).url
        os.sched_setaffinity(0, cores.driver)
        yield urls
        running.close()
        databases.close(drop=True)


def _pricing(children: Children) -> str:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        children.start(
            [sys.executable, "-m", "service.pricing", "--fd", str(listening.fileno())],
            role="pricing",
            env={"PRICING_LATENCY_MS": "0"},
            cwd=ROOT,
            pass_fds=(listening.fileno(),),
        )
        return f"http://127.0.0.1:{listening.getsockname()[1]}"


def main(pairs: int = PAIRS) -> int:
    """Print the ratio with its 99 % interval."""
    with services() as urls:
        rates = asyncio.run(slices(urls, pairs))
    found = ratio(rates["on"], rates["off"], tail=0.005)
    told = "at least 95 %" if found.low >= LIMIT else "not shown to be at least 95 %"
    print(
        f"  {pairs} pairs of slices: metrics off {median(rates['off']):.0f}, "
        f"on {median(rates['on']):.0f} orders a second; on / off {found.estimate:.3f} "
        f"[{found.low:.3f} to {found.high:.3f}], 99 %: {told}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
