"""How the processes are started: one uvicorn each."""

import argparse
import contextlib
import logging
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from service.settings import Settings, errors_in

# Longer than clients keep a connection: closing first would race with their next request.
_KEEP_ALIVE_S = 75
_DRAIN_S = 10
_HEARTBEAT_S = 20
_UNREAD_S = 30
# Room for the longest message that a room takes, in its longest spelling.
_FRAME_BYTES = 32_768

SettingsT = TypeVar("SettingsT", bound=Settings)


@dataclass(frozen=True, slots=True)
class Options:
    """Where to listen."""

    host: str
    port: int
    fd: int | None


def options(program: str, port: int) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog=program)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=port, help="port to listen on")
    parser.add_argument("--fd", type=int, help="listening socket inherited from the parent")
    chosen = parser.parse_args()
    return Options(chosen.host, chosen.port, chosen.fd)


def settings_or_exit(kind: type[SettingsT]) -> SettingsT:
    """Read the settings from the environment; say what is wrong with them and exit."""
    try:
        return kind()
    except ValidationError as invalid:
        for error in errors_in(invalid):
            print(f"{error.setting}: {error.message}", file=sys.stderr)
        sys.exit(2)


class Server(uvicorn.Server):
    """A server that notifies the application when it begins to stop.

    The lifespan ends only after every response has: too late for those that would never end.
    """

    def __init__(self, config: uvicorn.Config, stopping: Callable[[], None]) -> None:
        super().__init__(config)
        self._stopping = stopping

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop, and let what is under way finish."""
        self._stopping()
        await super().shutdown(sockets)


def log_from(level: str) -> None:
    """Send the service's log to standard error, from this level on."""
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("service").setLevel(level.upper())


def run(
    app: ASGIApp,
    options: Options,
    loop: Literal["uvloop", "asyncio"] = "uvloop",
    heartbeat_s: float = _HEARTBEAT_S,
    stopping: Callable[[], None] = lambda: None,
) -> None:
    """Serve until a signal asks to stop."""
    config = configuration(app, options, loop, heartbeat_s)
    # uvicorn's own fd option takes any socket for a Unix one. Made from its number alone, a
    # socket knows its family and protocol, without which asyncio leaves Nagle's delay on.
    listening = config.bind_socket() if options.fd is None else socket.socket(fileno=options.fd)
    give_up_on_the_unread(listening)
    with contextlib.suppress(KeyboardInterrupt):
        Server(config, stopping).run([listening])


def configuration(
    app: ASGIApp, options: Options, loop: Literal["uvloop", "asyncio"], heartbeat_s: float
) -> uvicorn.Config:
    """How uvicorn serves."""
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        loop=loop,
        http="httptools",
        ws="websockets-sansio",
        ws_max_size=_FRAME_BYTES,
        ws_ping_interval=heartbeat_s,
        ws_ping_timeout=heartbeat_s,
        # Compressing anew for each member would cost more than all the rest of a broadcast.
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    logging.getLogger("uvicorn.error").addFilter(_tells_of_no_single_socket)
    return config


def _tells_of_no_single_socket(record: logging.LogRecord) -> bool:
    # The address of a WebSocket is logged in full, and with it the token.
    return not str(record.msg).startswith(('%s - "WebSocket', "connection "))


def give_up_on_the_unread(listening: socket.socket) -> None:
    """Have the system end connections whose peer does not read, though it may be alive.

    Nothing else would: a connection is closed only once all that was sent has been taken.
    """
    if hasattr(socket, "TCP_USER_TIMEOUT") and listening.family != socket.AF_UNIX:
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _UNREAD_S * 1000)
