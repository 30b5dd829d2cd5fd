from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator

import httpx
import pytest

from lab.processes.child_processes import Children
from lab.targets.embedded_postgres import EmbeddedPostgres
from tests.service.works import scalar, until

Start = Callable[..., Awaitable[httpx.AsyncClient]]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
CLIENTS, EACH = 10, 12


class Restarted:
    """A PostgreSQL that is stopped, one way or the other, and started again on its data."""

    def __init__(self, children: Children) -> None:
        self._children = children
        self._server = EmbeddedPostgres(children)
        self._server.start()
        self.url = self._server.url

    def stop(self, how: signal.Signals) -> None:
        """SIGINT ends its sessions and closes its books, SIGQUIT drops all where it stands."""
        child = self._server.child
        assert child is not None
        child.popen.send_signal(how)
        child.popen.wait(30)
        self._children.stop(child)

    def start(self) -> None:
        """Start it again."""
        self._server.start()


@pytest.fixture
def server() -> Iterator[Restarted]:
    with Children() as children:
        yield Restarted(children)


async def test_the_database_restarted_under_load(start: Start, server: Restarted) -> None:
    client = await start(DATABASE_URL=server.url, DB_POOL_SIZE="5", OUTBOX_BACKOFF_MAX_MS="200")
    acknowledged: dict[str, bytes] = {}
    refused: list[httpx.Response] = []

    async def place(key: str) -> None:
        while key not in acknowledged:
            answer = await client.post("/orders", json=ORDER, headers={"Idempotency-Key": key})
            if answer.status_code == 201:
                acknowledged[key] = answer.content
            else:
                refused.append(answer)
                await asyncio.sleep(0.02)

    async def shopper(number: int) -> None:
        for order in range(EACH):
            await place(f"{number}-{order}")

    async def restart() -> None:
        for number, how in enumerate((signal.SIGINT, signal.SIGQUIT), 1):
            while len(acknowledged) < number * CLIENTS * EACH // 3:
                await asyncio.sleep(0)
            before = len(refused)
            await asyncio.to_thread(server.stop, how)
            assert (await client.get("/ready")).status_code == 503
            assert (await client.get("/health")).status_code == 200
            while len(refused) < before + CLIENTS:
                await asyncio.sleep(0.01)
            await asyncio.to_thread(server.start)

    async with asyncio.TaskGroup() as group:
        group.create_task(restart())
        for number in range(CLIENTS):
            group.create_task(shopper(number))

    async def shipped() -> bool:
        return await scalar(server.url, "SELECT count(*) FROM outbox") == 0

    await until(shipped)
    assert (await client.get("/ready")).status_code == 200
    told = {(answer.status_code, answer.json()["error"]["code"]) for answer in refused}
    assert told == {(503, "database_unavailable")}
    assert all("Retry-After" in answer.headers for answer in refused)
    kept = "SELECT count(*) FROM idempotency_keys"
    steps = "SELECT count(*) FROM order_progress"
    assert len(set(acknowledged.values())) == CLIENTS * EACH
    for count in (kept, "SELECT count(*) FROM orders", f"{steps} WHERE status = 'shipped'"):
        assert await scalar(server.url, count) == CLIENTS * EACH
    assert await scalar(server.url, steps) == 4 * CLIENTS * EACH
