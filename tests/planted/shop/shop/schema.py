"""Tables and first rows. `python -m shop.schema` makes them."""

from __future__ import annotations

import asyncio
import os

import asyncpg

TABLES = """
CREATE TABLE products (
    sku text PRIMARY KEY,
    name text NOT NULL,
    price numeric(10, 2) NOT NULL CHECK (price > 0)
);
CREATE TABLE stock (
    sku text PRIMARY KEY REFERENCES products,
    pieces integer NOT NULL CHECK (pieces >= 0)
);
CREATE TABLE basket_lines (
    basket integer NOT NULL,
    sku text NOT NULL REFERENCES products,
    pieces integer NOT NULL CHECK (pieces > 0),
    PRIMARY KEY (basket, sku)
);
CREATE TABLE orders (
    id bigserial PRIMARY KEY,
    basket integer NOT NULL,
    total numeric(10, 2) NOT NULL,
    check_sum text NOT NULL,
    placed_at timestamptz NOT NULL DEFAULT now()
);
"""
PRODUCTS = 200
BASKETS = 100
LINES = 8


def products() -> list[tuple[str, str, float]]:
    """SKU, name and price of every product."""
    return [(f"p{n:04d}", f"product {n}", 1 + n % 50 + 0.99) for n in range(PRODUCTS)]


def basket_lines() -> list[tuple[int, str, int]]:
    """Basket, SKU and pieces of every line."""
    return [
        (basket, f"p{(basket * 7 + line * 13) % PRODUCTS:04d}", 1 + (basket + line) % 4)
        for basket in range(BASKETS)
        for line in range(LINES)
    ]


async def create(url: str) -> None:
    """Make tables and rows."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(TABLES)
        await connection.executemany(
            "INSERT INTO products VALUES ($1, $2, ($3::float8)::numeric(10, 2))", products()
        )
        await connection.execute("INSERT INTO stock SELECT sku, 1000 FROM products")
        await connection.executemany("INSERT INTO basket_lines VALUES ($1, $2, $3)", basket_lines())
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(create(os.environ["DATABASE_URL"]))
