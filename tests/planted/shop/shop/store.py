"""What is read from and written to the database."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import asyncpg

from shop.pricing import Line, Priced

_BASKET = """
SELECT sku, name, pieces, price FROM basket_lines JOIN products USING (sku)
WHERE basket = $1 ORDER BY sku
"""


class NotEnough(Exception):
    """There are fewer pieces in stock than are wanted."""


class Store:
    """The shop's database."""

    def __init__(self, pool: asyncpg.Pool[Any]) -> None:
        self._pool = pool

    async def product(self, sku: str) -> dict[str, Any] | None:
        """A product with its stock."""
        row = await self._pool.fetchrow(
            "SELECT sku, name, price, pieces FROM products JOIN stock USING (sku) WHERE sku = $1",
            sku,
        )
        return None if row is None else dict(row)

    async def products(self, after: str, limit: int) -> list[dict[str, Any]]:
        """Products in the order of their SKUs."""
        rows = await self._pool.fetch(
            "SELECT sku, name, price FROM products WHERE sku > $1 ORDER BY sku LIMIT $2",
            after,
            limit,
        )
        return [dict(row) for row in rows]

    async def basket(self, number: int) -> list[Line]:
        """The lines of a basket."""
        return [Line(**dict(row)) for row in await self._pool.fetch(_BASKET, number)]

    async def order(self, basket: int, priced: Priced) -> int:
        """Take what is bought from the stock; the number of the order."""
        async with self._pool.acquire() as connection, connection.transaction():
            for line in priced.lines:
                left = await connection.fetchval(
                    "UPDATE stock SET pieces = pieces - $2 WHERE sku = $1 AND pieces >= $2 "
                    "RETURNING pieces",
                    line.sku,
                    line.pieces,
                )
                if left is None:
                    raise NotEnough(line.sku)
            number: int = await connection.fetchval(
                "INSERT INTO orders (basket, total, check_sum) VALUES ($1, $2, $3) RETURNING id",
                basket,
                priced.total,
                priced.check,
            )
            return number

    async def turnover(self) -> Decimal:
        """What all orders were worth."""
        total: Decimal = await self._pool.fetchval("SELECT coalesce(sum(total), 0) FROM orders")
        return total
