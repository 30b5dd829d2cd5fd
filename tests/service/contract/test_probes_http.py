from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import httpx
from prometheus_client.parser import text_string_to_metric_families

import service
from service.pricing.app import create_app as create_pricing
from service.settings import PricingSettings

Start = Callable[..., Awaitable[httpx.AsyncClient]]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


async def _metrics(client: httpx.AsyncClient) -> Samples:
    text = (await client.get("/metrics")).text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def _of(metrics: Samples, name: str, **labels: str) -> float:
    return metrics[name, frozenset(labels.items())]


async def test_ready_tells_which_process_it_is_and_no_secret(
    start: Start, database_url: str
) -> None:
    one, other = await start(DB_POOL_SIZE="3"), await start()

    answer = await one.get("/ready")

    assert answer.status_code == 200
    ready = answer.json()
    assert set(ready) == {"status", "instance", "pid", "settings"}
    assert (ready["status"], ready["pid"]) == ("ready", os.getpid())
    assert ready["settings"]["DATABASE_URL"] == "***"
    assert ready["settings"]["DB_POOL_SIZE"] == "3"
    assert database_url not in answer.text
    assert (await one.get("/ready")).json() == ready
    assert (await other.get("/ready")).json()["instance"] != ready["instance"]


async def test_not_ready_without_tables(start: Start, database_url: str) -> None:
    client = await start(DB_MIGRATE_ON_START="false")

    answer = await client.get("/ready")

    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "not_ready")
    assert "retry-after" in answer.headers
    assert (await client.get("/health")).json() == {"status": "ok"}


async def test_it_starts_without_a_database_and_says_so(start: Start) -> None:
    nowhere = "postgresql://nobody@/nothing?host=/nonexistent"
    client = await start(DB_MIGRATE_ON_START="false", DATABASE_URL=nowhere)

    assert (await client.get("/ready")).status_code == 503
    assert (await client.get("/health")).status_code == 200
    assert (await client.get("/orders")).json()["error"]["code"] == "database_unavailable"


async def test_several_may_migrate_at_once(start: Start, database_url: str) -> None:
    await asyncio.gather(*(start() for _ in range(4)))

    assert await _scalar(database_url, "SELECT count(*) FROM customers") == 3
    assert await _scalar(database_url, "SELECT count(*) FROM invoices") == 12
    assert await _scalar(database_url, "SELECT count(*) FROM stock WHERE sku LIKE 'SKU-%'") == 5


async def test_invoices_are_indexed_as_configured(start: Start, database_url: str) -> None:
    indexes = "SELECT count(*) FROM pg_indexes WHERE indexname = 'invoices_customer_id'"

    await start(INVOICES_INDEXED="false")
    assert await _scalar(database_url, indexes) == 0
    await start(INVOICES_INDEXED="true")
    assert await _scalar(database_url, indexes) == 1


async def test_reset_brings_back_the_seeded_state(start: Start, database_url: str) -> None:
    client = await start()
    first = (await client.post("/orders", json=ORDER)).json()
    reset = Path(service.__file__).with_name("reset.sql").read_text()

    await _scalar(database_url, reset)

    assert (await client.get("/orders")).json() == {"orders": [], "next": None}
    assert await _scalar(database_url, "SELECT count(*) FROM stock WHERE available <> opening") == 0
    assert (await client.post("/orders", json=ORDER)).json()["id"] == first["id"]


async def test_requests_are_counted_by_route_and_probes_are_not(start: Start) -> None:
    client = await start()
    await client.get("/ready")
    await client.get("/health")
    placed = (await client.post("/orders", json=ORDER)).json()
    await client.get(f"/orders/{placed['id']}")
    await client.get("/orders/999")
    await client.get("/nowhere")
    await client.put("/elsewhere")

    metrics = await _metrics(client)

    counts = {
        tuple(dict(labels)[label] for label in ("method", "route", "status")): value
        for (name, labels), value in metrics.items()
        if name == "http_requests_total"
    }
    assert counts == {
        ("POST", "/orders", "201"): 1,
        ("GET", "/orders/{order_id}", "200"): 1,
        ("GET", "/orders/{order_id}", "404"): 1,
        ("unknown", "unknown", "404"): 2,
    }
    assert _of(metrics, "http_request_duration_seconds_count", route="/orders/{order_id}") == 2
    assert _of(metrics, "http_requests_in_flight") == 0


async def test_the_wait_for_a_connection_is_seen_in_full(start: Start) -> None:
    client = await start(DB_POOL_SIZE="1", PRICING_INSIDE_TRANSACTION="true")

    await asyncio.gather(*(client.post("/orders", json=ORDER) for _ in range(10)))

    metrics = await _metrics(client)
    waited = _of(metrics, "db_pool_wait_seconds_sum")
    held = _of(metrics, "db_pool_hold_seconds_sum")
    spent = _of(metrics, "http_request_duration_seconds_sum", route="/orders")
    assert _of(metrics, "db_pool_wait_seconds_count") == 10
    assert _of(metrics, "db_pool_hold_seconds_count") == 10
    assert _of(metrics, "pricing_request_seconds_count") == 10
    # One connection, ten requests: the k-th waits for k others, of at least 5 ms of pricing each.
    assert held >= 10 * 0.005
    assert waited >= 45 * 0.005
    assert waited + held <= spent
    assert _of(metrics, "db_pool_size") == 1
    assert _of(metrics, "db_pool_in_use") == 0


async def test_the_integral_of_requests_in_flight_is_the_time_they_took(start: Start) -> None:
    client = await start()

    await asyncio.gather(*(client.post("/orders", json=ORDER) for _ in range(10)))

    metrics = await _metrics(client)
    integral = _of(metrics, "http_in_flight_request_seconds_total")
    spent = _of(metrics, "http_request_duration_seconds_sum", route="/orders")
    assert abs(integral - spent) <= 0.02 * spent


async def test_the_event_loop_is_watched(start: Start) -> None:
    client = await start()
    before = await _metrics(client)
    await asyncio.sleep(0.15)
    after = await _metrics(client)

    lag = "event_loop_lag_seconds_count"
    assert _of(after, lag) > _of(before, lag)


async def test_pricing_is_ready_with_its_own_settings() -> None:
    app = create_pricing(PricingSettings.from_values({"PRICING_LATENCY_MS": "3"}))
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://pricing"
    ) as client:
        ready = (await client.get("/ready")).json()
        bad = await client.post("/quotes", json={"lines": [{}]})

    assert set(ready) == {"status", "instance", "pid", "settings"}
    assert ready["settings"] == {
        "PRICING_LATENCY_MS": "3",
        "PRICING_CAPACITY": "64",
        "PRICING_ERROR_RATE": "0",
    }
    assert bad.status_code == 422


async def test_pricing_makes_wait_what_is_beyond_its_capacity() -> None:
    values = {"PRICING_LATENCY_MS": "20", "PRICING_CAPACITY": "2"}
    app = create_pricing(PricingSettings.from_values(values))
    clock = asyncio.get_running_loop().time
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://pricing"
    ) as client:
        started = clock()
        quotes = (client.post("/quotes", json={"lines": [{"sku": "SKU-1"}]}) for _ in range(6))
        answers = await asyncio.gather(*quotes)

    assert all(answer.status_code == 200 for answer in answers)
    assert clock() - started >= 3 * 0.020


async def test_pricing_fails_as_often_as_configured() -> None:
    for rate, status in (("0", 200), ("1", 500)):
        values = {"PRICING_LATENCY_MS": "0", "PRICING_ERROR_RATE": rate}
        app = create_pricing(PricingSettings.from_values(values))
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url="http://pricing"
        ) as client:
            quotes = [
                await client.post("/quotes", json={"lines": [{"sku": "SKU-1"}]}) for _ in range(20)
            ]
        assert {quote.status_code for quote in quotes} == {status}


async def _scalar(database_url: str, statement: str) -> object:
    connection = await asyncpg.connect(database_url)
    try:
        if statement.startswith("SELECT"):
            return await connection.fetchval(statement)
        return await connection.execute(statement)
    finally:
        await connection.close()
