"""Puts the service together."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from service.database import Database
from service.errors import ServiceError
from service.http.errors import handle_errors
from service.http.middleware import Observe
from service.http.orders import orders_router
from service.http.probes import probes_router
from service.metrics import HttpMetrics, PoolMetrics, lag_metric, pricing_metric, watch_event_loop
from service.orders.checkout import Checkout
from service.pricing.client import (
    AwaitedPricing,
    BlockingPricing,
    MeasuredPricing,
    Pricing,
)
from service.settings import ServiceSettings
from service.unit_of_work.sql import SharedSqlStock, SqlStock, SqlUnitOfWork

_logger = logging.getLogger(__name__)


def create_app(settings: ServiceSettings) -> FastAPI:
    """Build the application; it connects to nothing before its lifespan begins."""
    registry = CollectorRegistry()
    database = Database(settings)
    pool_metrics = PoolMetrics(registry, database.pool_size, database.in_use)
    lag = lag_metric(registry)
    stock = SharedSqlStock if settings.stock_rows == "one" else SqlStock
    pricing = _pricing(settings)

    def unit_of_work() -> SqlUnitOfWork:
        return SqlUnitOfWork(database, pool_metrics, stock)

    checkout = Checkout(
        unit_of_work,
        MeasuredPricing(pricing, pricing_metric(registry)),
        settings.pricing_inside_transaction,
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(database.close)
            await closing.enter_async_context(pricing)
            if settings.db_migrate_on_start:
                await database.migrate()
            try:
                await database.warm()
            except ServiceError as error:
                # The service starts all the same, and is not ready until the database is.
                _logger.warning("%s", error)
            ticker = asyncio.create_task(watch_event_loop(lag))
            closing.callback(ticker.cancel)
            yield

    app = FastAPI(title="Orders", lifespan=lifespan, redirect_slashes=False)
    app.add_middleware(Observe, metrics=HttpMetrics(registry))
    handle_errors(app)
    app.include_router(probes_router(settings, database, registry))
    app.include_router(orders_router(checkout, unit_of_work))
    return app


def _pricing(settings: ServiceSettings) -> Pricing:
    url = f"{str(settings.pricing_url).rstrip('/')}/quotes"
    if settings.pricing_call == "blocking":
        return BlockingPricing(url, settings.pricing_timeout_s)
    return AwaitedPricing(url, settings.pricing_timeout_s)
