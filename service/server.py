"""How the processes are started: one uvicorn each."""

import argparse
import contextlib
import socket
import sys
from dataclasses import dataclass
from typing import Literal, TypeVar

import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from service.settings import Settings, errors_in

# Longer than clients keep a connection: closing first would race with their next request.
_KEEP_ALIVE_S = 75
_DRAIN_S = 10

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


def run(app: ASGIApp, options: Options, loop: Literal["uvloop", "asyncio"] = "uvloop") -> None:
    """Serve until told to stop."""
    config = uvicorn.Config(
        app,
        host=options.host,
        port=options.port,
        loop=loop,
        http="httptools",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=_DRAIN_S,
    )
    server = uvicorn.Server(config)
    # uvicorn's own fd option takes any socket for a Unix one. Told by its number alone, a
    # socket knows its family and protocol, without which asyncio leaves Nagle's delay on.
    with contextlib.suppress(KeyboardInterrupt):
        server.run(None if options.fd is None else [socket.socket(fileno=options.fd)])
