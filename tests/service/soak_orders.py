"""Orders placed while their service is killed again and again, and what became of them.

`python -m tests.service.soak_orders [ORDERS KILLS]`
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import uvicorn

from lab.processes.child_processes import Children
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.postgres_databases import Databases
from service.pricing.app import create_app as create_pricing
from service.settings import PricingSettings
from tests.runs import ROOT
from tests.service.works import rows, scalar, until

_CLIENTS = 20
_RETRY_S = 0.02
_DELIVER_AGAIN = """
    INSERT INTO outbox (id, kind, payload) OVERRIDING SYSTEM VALUE
    SELECT event_id, 'order.placed', '{"order_id": 1}' FROM consumed_events
"""


class KilledService:
    """``python -m service`` on one socket, which outlives every kill."""

    def __init__(self, **settings: str) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"

    def start(self, **settings: str) -> None:
        """Start a process; clients that come too early wait in the socket."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "service", "--fd", str(self._listening.fileno())],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **self._settings, **settings},
            pass_fds=[self._listening.fileno()],
            stderr=subprocess.DEVNULL,
        )

    def kill(self) -> None:
        """End it with SIGKILL, at whatever it is."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it and its socket."""
        self.kill()
        self._listening.close()


async def survive(database_url: str, pricing_url: str, orders: int, kills: int) -> dict[str, Any]:
    """Place orders, each under its key until it is acknowledged, through all of the kills."""
    service = KilledService(
        DATABASE_URL=database_url, PRICING_URL=pricing_url, DB_MIGRATE_ON_START="true"
    )
    acknowledged: dict[str, bytes] = {}
    attempts = replays = duplicates = 0
    todo = iter(range(orders))

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal attempts, replays
        for number in todo:
            key = f"order-{number}"
            while key not in acknowledged:
                attempts += 1
                with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                    async with session.post(
                        f"{service.url}/orders",
                        json={"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]},
                        headers={"Idempotency-Key": key},
                    ) as reply:
                        if reply.status == 201:
                            acknowledged[key] = await reply.read()
                            replays += "Idempotency-Replayed" in reply.headers
                            continue
                await asyncio.sleep(_RETRY_S)

    async def dropped(session: aiohttp.ClientSession) -> int:
        # Of this process so far: it takes the count with it.
        async with session.get(f"{service.url}/metrics") as reply:
            text = await reply.text()
        name = "events_duplicate_total "
        [line] = [line for line in text.splitlines() if line.startswith(name)]
        return int(float(line.removeprefix(name)))

    async def killer(session: aiohttp.ClientSession) -> None:
        nonlocal duplicates
        for number in range(1, kills + 1):
            while len(acknowledged) < number * orders // (kills + 1):
                await asyncio.sleep(0.001)
            duplicates += await dropped(session)
            service.kill()
            service.start()

    service.start()
    try:
        timeout = aiohttp.ClientTimeout(total=60)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            async with asyncio.TaskGroup() as group:
                group.create_task(killer(session))
                for _ in range(_CLIENTS):
                    group.create_task(client(session))
            await until(lambda: _delivered(database_url))
            # A kill seldom falls between a delivery and its mark, so every one is repeated.
            await rows(database_url, _DELIVER_AGAIN)
            await until(lambda: _delivered(database_url))
            duplicates += await dropped(session)
    finally:
        service.close()
    return await _figures(database_url, acknowledged) | {
        "kills": kills,
        "attempts": attempts,
        "answers replayed": replays,
        "duplicate events dropped": duplicates,
    }


async def _delivered(database_url: str) -> bool:
    return await scalar(database_url, "SELECT count(*) FROM outbox") == 0


async def _figures(database_url: str, acknowledged: dict[str, bytes]) -> dict[str, Any]:
    kept = await rows(database_url, "SELECT key, body FROM idempotency_keys")
    shipped = "SELECT order_id FROM order_progress WHERE status = 'shipped'"
    return {
        "acknowledged": len(acknowledged),
        "orders": await scalar(database_url, "SELECT count(*) FROM orders"),
        "acknowledged as stored": sum(acknowledged[str(key)] == body for key, body in kept),
        "quantity taken from stock": await scalar(
            database_url, "SELECT (sum(opening - available))::bigint FROM stock"
        ),
        "events consumed": await scalar(database_url, "SELECT count(*) FROM consumed_events"),
        "orders shipped": len({order_id for (order_id,) in await rows(database_url, shipped)}),
        "orders shipped twice": await scalar(
            database_url,
            "SELECT count(*) FROM (SELECT order_id FROM order_progress "
            "GROUP BY order_id HAVING count(*) <> 4) odd",
        ),
        "events waiting": await scalar(database_url, "SELECT count(*) FROM outbox"),
        "dead letters": await scalar(database_url, "SELECT count(*) FROM dead_letters"),
    }


def holds(figures: dict[str, Any], orders: int) -> bool:
    """Whether every acknowledged order exists once, and its event was consumed once."""
    once = (
        "acknowledged",
        "orders",
        "acknowledged as stored",
        "quantity taken from stock",
        "events consumed",
        "orders shipped",
    )
    never = ("orders shipped twice", "events waiting", "dead letters")
    return (
        all(figures[each] == orders for each in once)
        and not any(figures[each] for each in never)
        and figures["duplicate events dropped"] >= orders
    )


def table(figures: dict[str, Any]) -> list[str]:
    """The figures in Markdown."""
    return ["| what | count |", "| --- | --- |", *(f"| {k} | {v} |" for k, v in figures.items())]


@asynccontextmanager
async def _pricing() -> AsyncIterator[str]:
    settings = PricingSettings.from_values({"PRICING_LATENCY_MS": "5", "PRICING_CAPACITY": "100"})
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(create_pricing(settings), log_level="critical", lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


def survived(orders: int, kills: int) -> dict[str, Any]:
    """The same on a PostgreSQL of its own."""

    async def run(url: str) -> dict[str, Any]:
        async with _pricing() as pricing_url:
            return await survive(url, pricing_url, orders, kills)

    with Children() as children:
        server = EmbeddedPostgres(children)
        server.start()
        databases = Databases(server.url, prefix="soak")
        try:
            began = time.monotonic()
            figures = asyncio.run(run(databases.create("orders")))
            return figures | {"seconds": round(time.monotonic() - began, 1)}
        finally:
            databases.close(drop=True)


def main() -> int:
    """Print the figures; 1 where something was lost or doubled."""
    given = [int(argument) for argument in sys.argv[1:]]
    orders, kills = given or (1_000, 10)
    figures = survived(orders, kills)
    print("\n".join(table(figures)))
    return 0 if holds(figures, orders) else 1


if __name__ == "__main__":
    sys.exit(main())
