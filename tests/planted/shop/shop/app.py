"""The service: `uvicorn shop.app:app`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel, Field

from shop.pricing import Priced, price
from shop.store import NotEnough, Store


class PricedLine(BaseModel):
    """A line of a basket."""

    sku: str
    name: str
    pieces: int
    amount: float


class PricedBasket(BaseModel):
    """A basket with its price."""

    basket: int
    lines: list[PricedLine]
    discount: float
    total: float
    check: str


class NewOrder(BaseModel):
    """What is ordered."""

    basket: int = Field(ge=0)


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """The pool of connections."""
    async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=4) as pool:
        app.state.store = Store(pool)
        yield


app = FastAPI(lifespan=lifespan)


def store_of(request: Request) -> Store:
    """The database of the service."""
    store: Store = request.app.state.store
    return store


@app.get("/ready")
async def ready() -> dict[str, bool]:
    """Whether it serves."""
    return {"ready": True}


@app.get("/products")
async def list_products(request: Request, after: str = "", limit: int = 20) -> list[dict[str, Any]]:
    """A page of products."""
    if not 1 <= limit <= 100:
        raise HTTPException(422, "limit is from 1 to 100")
    return await store_of(request).products(after, limit)


@app.get("/products/{sku}")
async def show_product(request: Request, sku: str) -> dict[str, Any]:
    """One product with its stock."""
    found = await store_of(request).product(sku)
    if found is None:
        raise HTTPException(404, f"there is no product {sku}")
    return found


@app.get("/baskets/{number}/price")
async def price_basket(request: Request, number: int) -> PricedBasket:
    """What a basket costs."""
    return _shown(number, await _priced(store_of(request), number))


@app.post("/orders", status_code=201)
async def place_order(request: Request, order: NewOrder) -> dict[str, Any]:
    """Buy a basket."""
    store = store_of(request)
    priced = await _priced(store, order.basket)
    try:
        number = await store.order(order.basket, priced)
    except NotEnough as missing:
        raise HTTPException(409, f"not enough of {missing} in stock") from missing
    return {"order": number, "total": float(priced.total)}


@app.get("/turnover")
async def turnover(request: Request) -> dict[str, float]:
    """What was sold so far."""
    return {"turnover": float(await store_of(request).turnover())}


async def _priced(store: Store, number: int) -> Priced:
    lines = await store.basket(number)
    if not lines:
        raise HTTPException(404, f"there is no basket {number}")
    return price(lines)


def _shown(number: int, priced: Priced) -> PricedBasket:
    return PricedBasket(
        basket=number,
        lines=[
            PricedLine(sku=line.sku, name=line.name, pieces=line.pieces, amount=float(line.amount))
            for line in priced.lines
        ],
        discount=float(priced.discount),
        total=float(priced.total),
        check=priced.check,
    )
