from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass

import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from service.app import create_app
from service.http.rooms import rooms_router
from service.realtime.rooms import RoomLimits, Rooms, keep_swept
from service.server import Options, Server, configuration, give_up_on_the_unread
from service.settings import ServiceSettings
from tests.service.conftest import few_rows
from tests.service.sockets import SECRET


@dataclass
class Service:
    """The whole service on a real socket."""

    url: str
    server: Server
    thread: threading.Thread


@dataclass
class RoomService(Service):
    """The rooms alone on a real socket, and from inside."""

    rooms: Rooms


@contextmanager
def _served(app: FastAPI, heartbeat_s: float, stopping: Callable[[], None]) -> Iterator[Service]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        host, port = listening.getsockname()
        give_up_on_the_unread(listening)
        config = configuration(app, Options(host, port, None), "uvloop", heartbeat_s)
        server = Server(config, stopping)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        while not server.started:
            time.sleep(0.005)
        yield Service(f"http://{host}:{port}", server, thread)
        server.should_exit = True
        thread.join()


@pytest.fixture
def serve_service(database_url: str, pricing_url: str) -> Iterator[Callable[..., Service]]:
    """Serves the whole service, with the settings given."""
    with ExitStack() as running:

        def served(**settings: str) -> Service:
            values = few_rows(database_url, pricing_url) | settings
            app = create_app(ServiceSettings.from_values(values))
            return running.enter_context(_served(app, 20, app.state.stopping))

        yield served


@contextmanager
def _serving(rooms: Rooms, heartbeat_s: float) -> Iterator[RoomService]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(keep_swept(rooms))
        yield
        sweeper.cancel()

    app = FastAPI(lifespan=lifespan)
    app.include_router(rooms_router(rooms, SecretStr(SECRET)))
    with _served(app, heartbeat_s, lambda: None) as service:
        yield RoomService(service.url, service.server, service.thread, rooms)


@pytest.fixture
def serve_rooms() -> Iterator[Callable[..., RoomService]]:
    """Serves rooms as the service does, with the limits given."""
    with ExitStack() as running:

        def served(
            queue: int = 100,
            history: int = 1000,
            linger_s: float = 60,
            linger_rooms: int = 1000,
            heartbeat_s: float = 20,
            wait_for_slow: bool = False,
        ) -> RoomService:
            limits = RoomLimits(queue, history, linger_s, linger_rooms)
            rooms = Rooms(limits, "here", wait_for_slow=wait_for_slow)
            serving: AbstractContextManager[RoomService] = _serving(rooms, heartbeat_s)
            return running.enter_context(serving)

        yield served
