from __future__ import annotations

import httpx

from tests.service.conftest import few_rows
from tests.service.soak_orders import KilledService, holds, survive, table
from tests.service.works import rows, scalar, until

ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}


async def test_an_event_outlives_its_service_killed_before_delivery(
    database_url: str, pricing_url: str
) -> None:
    service = KilledService(**few_rows(database_url, pricing_url))
    try:
        service.start(OUTBOX_RELAYS="0")
        async with httpx.AsyncClient(timeout=60) as client:
            answer = await client.post(f"{service.url}/orders", json=ORDER)
        service.kill()
        assert await scalar(database_url, "SELECT count(*) FROM outbox") == 1

        service.start()

        async def shipped() -> bool:
            return await scalar(database_url, "SELECT count(*) FROM outbox") == 0

        await until(shipped)
    finally:
        service.close()
    steps = await rows(database_url, "SELECT order_id, status FROM order_progress ORDER BY seq")
    statuses = ("placed", "confirmed", "packed", "shipped")
    assert steps == [(answer.json()["id"], status) for status in statuses]


async def test_orders_survive_the_death_of_their_service(
    database_url: str, pricing_url: str
) -> None:
    figures = await survive(database_url, pricing_url, orders=100, kills=2)

    assert holds(figures, 100), "\n".join(table(figures))
