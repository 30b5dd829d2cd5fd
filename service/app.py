"""Puts the service together."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Callable

from anyio import to_thread
from fastapi import FastAPI
from prometheus_client import CollectorRegistry, Counter
from sqlalchemy.ext.asyncio import AsyncConnection

from service.backoff import Backoff
from service.database import Database
from service.errors import ServiceError
from service.fulfilment import Fulfilment
from service.housekeeping import Housekeeping
from service.http.errors import handle_errors
from service.http.invoices import invoices_router
from service.http.middleware import Identify, LimitBody, Measure
from service.http.orders import orders_router
from service.http.paging import Paging
from service.http.presentation import PlainPresentation, ValidatedPresentation
from service.http.probes import probes_router
from service.http.progress import progress_router
from service.http.quotes import awaited_quotes_router, threaded_quotes_router
from service.http.rooms import rooms_router
from service.idempotency.process import ProcessIdempotency, ProcessRecords
from service.idempotency.sql import SqlIdempotency
from service.idempotency.store import Idempotency
from service.jobs.queue import JobLimits, JobQueue
from service.metrics import (
    HttpMetrics,
    JobMetrics,
    OutboxMetrics,
    PoolMetrics,
    RoomMetrics,
    heap_metric,
    lag_metric,
    pricing_metric,
    records_metric,
    retry_metric,
    tasks_metric,
    watch_event_loop,
)
from service.orders.checkout import Checkout
from service.orders.feed import ProgressFeed
from service.orders.invoicing import Invoicing
from service.orders.progress import ProgressChanges
from service.outbox.relay import Delivery, Pace, Relay, Relays
from service.pricing.client import (
    AwaitedPricing,
    BlockingPricing,
    MeasuredPricing,
    Pricing,
)
from service.pricing.retry import RetriedPricing, RetryBudget, UnboundedBudget
from service.realtime.rooms import RoomLimits, Rooms, keep_swept
from service.receipts.log import LoggedReceipts
from service.settings import ServiceSettings
from service.unit_of_work.sql import (
    LeakySqlUnitOfWork,
    NPlusOneSqlOrders,
    SharedSqlStock,
    SqlOrders,
    SqlStock,
    SqlUnitOfWork,
)

_logger = logging.getLogger(__name__)

# However often something failed, it is tried again about this soon.
LONGEST_BACKOFF_S = 2.0


def create_app(settings: ServiceSettings) -> FastAPI:
    """Build the application; it connects to nothing before its lifespan begins."""
    registry = CollectorRegistry()
    database = Database(settings)
    pool_metrics = PoolMetrics(registry, database.pool_size, database.in_use)
    lag = lag_metric(registry)
    stock = SharedSqlStock if settings.stock_rows == "one" else SqlStock
    orders = NPlusOneSqlOrders if settings.list_lines == "n_plus_one" else SqlOrders
    work_kind = SqlUnitOfWork if settings.connection_returned_on_error else LeakySqlUnitOfWork
    idempotency = _idempotency(settings, registry)
    delivery, pace = _delivery(settings), Pace(settings.outbox_rate)
    asked = _pricing(settings)
    measured = MeasuredPricing(asked, pricing_metric(registry))
    pricing = _retried(settings, measured, retry_metric(registry))

    def unit_of_work() -> SqlUnitOfWork:
        return work_kind(database, pool_metrics, stock, idempotency, orders)

    # Work that no request waits for has a pool of its own: a relay's connection and, meanwhile, its
    # consumer's, and one for the housekeeping.
    background = Database(
        settings.model_copy(
            update={"db_pool_size": 2 * settings.outbox_relays + 1, "db_pool_overflow": 0}
        )
    )
    background_metrics = PoolMetrics(
        registry, background.pool_size, background.in_use, pool="db_background_pool"
    )

    def background_work() -> SqlUnitOfWork:
        return SqlUnitOfWork(background, background_metrics, stock, idempotency)

    outbox_metrics = OutboxMetrics(registry)
    changes = ProgressChanges()
    fulfilment = Fulfilment(background_work, changes, outbox_metrics)
    relays = Relays(
        [
            Relay(background_work, fulfilment, delivery, outbox_metrics, pace)
            for _ in range(settings.outbox_relays)
        ]
    )
    housekeeping = Housekeeping(background_work, outbox_metrics)

    checkout = Checkout(
        unit_of_work,
        pricing,
        settings.pricing_inside_transaction,
        placed=relays.wake,
    )
    invoicing = Invoicing(unit_of_work, pricing)
    jobs = JobQueue(_job_limits(settings), JobMetrics(registry))
    paging = Paging(settings.list_paging)
    presentation = ValidatedPresentation() if settings.response_validation else PlainPresentation()

    feed = ProgressFeed(unit_of_work, changes, settings.stream_heartbeat_s)
    instance = str(uuid.uuid4())
    rooms = _rooms(settings, instance)
    RoomMetrics(registry, rooms)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(database.close)
            closing.push_async_callback(background.close)
            await closing.enter_async_context(asked)
            to_thread.current_default_thread_limiter().total_tokens = settings.thread_tokens
            if settings.db_migrate_on_start:
                await database.migrate()
            try:
                await database.warm()
            except ServiceError as error:
                # The service starts all the same, and is not ready until the database is.
                _logger.warning("%s", error)
            await closing.enter_async_context(relays)
            await closing.enter_async_context(jobs)
            if settings.metrics:
                heap_metric(registry)
                tasks_metric(registry)
                ticker = asyncio.create_task(watch_event_loop(lag))
                closing.callback(ticker.cancel)
                watcher = asyncio.create_task(housekeeping.keep_watching())
                closing.callback(watcher.cancel)
            pruner = asyncio.create_task(housekeeping.keep_pruning())
            closing.callback(pruner.cancel)
            sweeper = asyncio.create_task(keep_swept(rooms))
            closing.callback(sweeper.cancel)
            yield

    app = FastAPI(title="Orders", lifespan=lifespan, redirect_slashes=False)
    # For the server: what would never end by itself has to, before the lifespan can.
    app.state.stopping = feed.stop
    # The last one added is the outermost.
    app.add_middleware(LimitBody, limit=settings.max_body_bytes)
    if settings.metrics:
        app.add_middleware(Measure, metrics=HttpMetrics(registry))
    app.add_middleware(Identify)
    handle_errors(app)
    app.include_router(probes_router(settings, database, registry, instance))
    app.include_router(rooms_router(rooms, settings.room_secret))
    app.include_router(
        orders_router(checkout, unit_of_work, LoggedReceipts(), paging, presentation)
    )
    app.include_router(progress_router(feed))
    app.include_router(invoices_router(jobs, invoicing, unit_of_work))
    if settings.quote_endpoint == "thread":
        app.include_router(threaded_quotes_router(_blocking_pricing(settings).ask))
    else:
        app.include_router(awaited_quotes_router(pricing))
    return app


def _idempotency(
    settings: ServiceSettings, registry: CollectorRegistry
) -> Callable[[AsyncConnection], Idempotency]:
    ttl_s = settings.idempotency_ttl_s
    if settings.idempotency_store == "database":
        return lambda connection: SqlIdempotency(connection, ttl_s)
    records = ProcessRecords(ttl_s, settings.idempotency_forgets)
    records_metric(registry, lambda: len(records))
    return lambda _: ProcessIdempotency(records)


def _delivery(settings: ServiceSettings) -> Delivery:
    longest_s = settings.outbox_backoff_max_ms / 1000
    backoff = Backoff(settings.outbox_backoff_ms / 1000, longest_s)
    return Delivery(settings.outbox_batch, settings.outbox_max_attempts, backoff)


def _rooms(settings: ServiceSettings, instance: str) -> Rooms:
    limits = RoomLimits(
        settings.room_queue,
        settings.room_history,
        settings.room_linger_s,
        settings.room_linger_rooms,
    )
    return Rooms(limits, instance, settings.room_cleanup, settings.slow_consumer == "wait")


def _pricing(settings: ServiceSettings) -> Pricing:
    if settings.pricing_call == "blocking":
        return _blocking_pricing(settings)
    return AwaitedPricing(_quotes_url(settings), settings.pricing_timeout_s)


def _blocking_pricing(settings: ServiceSettings) -> BlockingPricing:
    return BlockingPricing(_quotes_url(settings), settings.pricing_timeout_s)


def _quotes_url(settings: ServiceSettings) -> str:
    return f"{str(settings.pricing_url).rstrip('/')}/quotes"


def _retried(settings: ServiceSettings, pricing: Pricing, retries: Counter) -> Pricing:
    if settings.pricing_retry == "none":
        return pricing
    unbounded = settings.pricing_retry == "unbounded"
    budget = UnboundedBudget() if unbounded else RetryBudget(settings.pricing_retry_budget)
    backoff = Backoff(settings.pricing_backoff_ms / 1000, LONGEST_BACKOFF_S)
    return RetriedPricing(pricing, budget, settings.pricing_retries, backoff, retries)


def _job_limits(settings: ServiceSettings) -> JobLimits:
    return JobLimits(
        settings.job_queue_limit,
        settings.job_workers,
        settings.job_attempts,
        Backoff(settings.job_backoff_ms / 1000, LONGEST_BACKOFF_S),
        settings.job_drain_s,
    )
