"""What the benchmarks share: a loop for async code, and a database full of orders.

`DATABASE_URL=postgresql://... pytest scenarios` runs them all; without it, those that need a
database are skipped. The database is filled once, and found as it is from then on.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple

import pytest

ORDERS = 120_000
LINES = 3  # of each order
# keys are checked once, after all rows, in a fifth of the time
_FILLED = """
    TRUNCATE orders, order_lines RESTART IDENTITY CASCADE;
    ALTER TABLE order_lines
        DROP CONSTRAINT order_lines_pkey, DROP CONSTRAINT order_lines_order_id_fkey;
    ALTER TABLE orders DROP CONSTRAINT orders_customer_id_fkey;
    INSERT INTO orders (customer_id, total_cents)
        SELECT n % 1000 + 1, 4711 FROM generate_series(1, {orders}) n;
    INSERT INTO order_lines (order_id, sku, quantity, unit_price_cents)
        SELECT n, 'SKU-' || line, line, 100 * line
        FROM generate_series(1, {orders}) n, generate_series(1, {lines}) line;
    ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers;
    ALTER TABLE order_lines
        ADD PRIMARY KEY (order_id, sku), ADD FOREIGN KEY (order_id) REFERENCES orders;
"""


class Filled(NamedTuple):
    """A database with orders numbered from 1."""

    url: str
    orders: int


Run = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture
def run() -> Iterator[Run]:
    """Runs a coroutine to its end, on a loop of the benchmark's own."""
    loop = asyncio.new_event_loop()
    yield loop.run_until_complete
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.close()


@pytest.fixture
def database(run: Run) -> Filled:
    """A migrated database that is full of orders."""
    url = os.environ.get("DATABASE_URL")
    if not url:
        pytest.skip("needs DATABASE_URL, a PostgreSQL database to fill with orders")
    run(_fill(url))
    return Filled(url, ORDERS)


async def _fill(url: str) -> None:
    import asyncpg

    from service.database import Database
    from service.settings import ServiceSettings

    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('orders') IS NULL"):
            database = Database(ServiceSettings.from_values({"DATABASE_URL": url}))
            await database.migrate()
            await database.close()
        if await connection.fetchval("SELECT count(*) FROM orders") != ORDERS:
            await connection.execute(_FILLED.format(orders=ORDERS, lines=LINES))
            await connection.execute("VACUUM ANALYZE orders")
            await connection.execute("VACUUM ANALYZE order_lines")
    finally:
        await connection.close()
