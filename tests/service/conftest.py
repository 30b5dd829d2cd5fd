from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager
from typing import Literal

import httpx
import pytest
import uvicorn
from starlette.types import ASGIApp

from service.app import create_app
from service.pricing.app import create_app as create_pricing
from service.settings import PricingSettings, ServiceSettings

Start = Callable[..., Awaitable[httpx.AsyncClient]]
Serve = Callable[[ASGIApp], str]


def few_rows(database_url: str, pricing_url: str) -> dict[str, str]:
    """Settings of a service that starts quickly."""
    return {
        "DATABASE_URL": database_url,
        "DB_MIGRATE_ON_START": "true",
        "DB_POOL_SIZE": "2",
        "PRICING_URL": pricing_url,
        "SEED_SKUS": "5",
        "SEED_CUSTOMERS": "3",
        "SEED_INVOICES": "12",
    }


@contextmanager
def served(app: ASGIApp, lifespan: Literal["on", "off"] = "off") -> Iterator[str]:
    """Serve an application on loopback, and give its URL."""
    # In a thread, so that a blocking call of the service does not stop who should answer it.
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan=lifespan))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        server.force_exit = lifespan == "off"
        thread.join()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Serves applications on loopback; gives their URLs."""
    with ExitStack() as running:
        yield lambda app: running.enter_context(served(app))


@pytest.fixture(scope="session")
def pricing_url() -> Iterator[str]:
    """The pricing stand-in, quick."""
    settings = PricingSettings.from_values({"PRICING_LATENCY_MS": "5", "PRICING_CAPACITY": "100"})
    with served(create_pricing(settings)) as url:
        yield url


@pytest.fixture
def serve_service(database_url: str, pricing_url: str) -> Iterator[Callable[..., str]]:
    """Serves services over real sockets, on the test's database; gives their URLs."""
    with ExitStack() as running:

        def started(**settings: str) -> str:
            values = few_rows(database_url, pricing_url) | settings
            app = create_app(ServiceSettings.from_values(values))
            return running.enter_context(served(app, lifespan="on"))

        yield started


@pytest.fixture
async def start(database_url: str, pricing_url: str) -> AsyncIterator[Start]:
    """Starts services on the test's database, with few rows; gives a client of each."""
    async with AsyncExitStack() as running:

        async def started(**settings: str) -> httpx.AsyncClient:
            values = few_rows(database_url, pricing_url)
            app = create_app(ServiceSettings.from_values(values | settings))
            await running.enter_async_context(app.router.lifespan_context(app))
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            client = httpx.AsyncClient(transport=transport, base_url="http://service")
            return await running.enter_async_context(client)

        yield started
