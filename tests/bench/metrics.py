"""What the metrics cost the service: two processes, metrics on and off, in interleaved batches.

Run as `python -m tests.bench.metrics`. Both services share a core with a database and a pricing,
the driver has the other. Users place a batch of orders as fast as they are answered, at one service
and then at the other, in pairs of random order, so that what drifts falls out of a pair. A batch
ends when its last order is answered: none of it is in flight during the next.
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
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import aiohttp

from lab.analysis.arm_comparison import ratio
from lab.machine.cpu_pinning import divide_cores
from lab.processes.child_processes import Children
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.postgres_databases import Databases
from tests.runs import ROOT
from tests.service.process import ServiceProcess, service_process

PAIRS = 400
USERS, ORDERS, WARMUP = 16, 64, 500
PAUSE_S = 0.02  # for what follows an answer: its event, its receipt
LIMIT = 0.95


@dataclass(frozen=True)
class Batch:
    """What a batch of orders took."""

    seconds: float
    cpu_s: float  # of the service's process


async def place(session: aiohttp.ClientSession, service: ServiceProcess, orders: int) -> Batch:
    """Place so many orders, each user one after the other."""
    todo = iter(range(orders))

    async def user() -> None:
        for _ in todo:
            line = {"sku": f"SKU-{random.randint(1, 10_000)}", "quantity": 1}
            order = {"customer_id": random.randint(1, 1_000), "lines": [line]}
            async with session.post(f"{service.url}/orders", json=order) as answer:
                await answer.read()
                assert answer.status == 201, answer.status

    cpu_s, began = _cpu_s(service), time.perf_counter()
    await asyncio.gather(*(user() for _ in range(USERS)))
    batch = Batch(time.perf_counter() - began, _cpu_s(service) - cpu_s)
    await asyncio.sleep(PAUSE_S)
    return batch


def _cpu_s(service: ServiceProcess) -> float:
    """All threads' time on a core, to the nanosecond."""
    tasks = Path(f"/proc/{service.popen.pid}/task").glob("*/schedstat")
    return sum(int(task.read_text().split()[0]) for task in tasks) / 1e9


async def batches(services: dict[str, ServiceProcess], pairs: int) -> dict[str, list[Batch]]:
    """The batches of each service; the lists pair up."""
    done: dict[str, list[Batch]] = {name: [] for name in services}
    async with aiohttp.ClientSession() as session:
        for service in services.values():
            await place(session, service, WARMUP)
        for _ in range(pairs):
            for name in random.sample(list(services), 2):
                done[name].append(await place(session, services[name], ORDERS))
    return done


@contextmanager
def services() -> Iterator[dict[str, ServiceProcess]]:
    """Two services that differ in METRICS only, on the target's core."""
    cores = divide_cores()
    with Children() as children, ExitStack() as running:
        postgres = EmbeddedPostgres(children, cores.target)
        postgres.start()
        databases = Databases(postgres.url, prefix="bench")
        os.sched_setaffinity(0, cores.target)  # inherited by those started now
        pricing_url = _pricing(children)
        found = {}
        for name, metrics in (("on", "true"), ("off", "false")):
            settings = {
                "DATABASE_URL": databases.create(name),
                "DB_MIGRATE_ON_START": "true",
                "PRICING_URL": pricing_url,
                "METRICS": metrics,
            }
            found[name] = running.enter_context(service_process(**settings))
        os.sched_setaffinity(0, cores.driver)
        yield found
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
    """Print the ratio of throughputs, and of CPU time an order, with their 99 % intervals."""
    with services() as running:
        done = asyncio.run(batches(running, pairs))
    on, off = done["on"], done["off"]
    rates = {name: [ORDERS / batch.seconds for batch in taken] for name, taken in done.items()}
    found = ratio(rates["on"], rates["off"], tail=0.005)
    cpu = ratio([batch.cpu_s for batch in on], [batch.cpu_s for batch in off], tail=0.005)
    told = "at least 95 %" if found.low >= LIMIT else "not shown to be at least 95 %"
    print(
        f"  {pairs} pairs of {ORDERS} orders: metrics off {median(rates['off']):.0f}, "
        f"on {median(rates['on']):.0f} orders a second; on / off {found.estimate:.3f} "
        f"[{found.low:.3f} to {found.high:.3f}], 99 %: {told}\n"
        f"  CPU time of the service an order: metrics off {_ms(off):.2f}, on {_ms(on):.2f} ms; "
        f"on / off {cpu.estimate:.3f} [{cpu.low:.3f} to {cpu.high:.3f}], 99 %"
    )
    return 0


def _ms(taken: list[Batch]) -> float:
    return median(batch.cpu_s for batch in taken) * 1e3 / ORDERS


if __name__ == "__main__":
    sys.exit(main())
