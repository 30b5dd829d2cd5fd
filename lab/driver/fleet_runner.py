"""Locust's master runner as the lab uses it: for membership, messages and reports of workers.

Its port is open to whoever can reach it. What cannot be read, or comes from somebody who is not
admitted, is dropped: it must not end the run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import gevent
from locust.env import Environment
from locust.event import Events
from locust.rpc import Message
from locust.runners import STATE_MISSING, MasterRunner

from lab.driver.worker_messages import JOIN, PONG
from lab.errors import first_line

_OF_ANYBODY = ("client_ready", "heartbeat", "quit", JOIN)
_OF_WORKERS = ("stats", PONG)
EVERYWHERE = ("0.0.0.0", "*", "::")  # addresses that stand for all of a machine's
_PAUSE_S = 0.1  # a broken socket must not take a core


class BindError(Exception):
    """The address cannot be listened at."""


class FleetRunner(MasterRunner):
    """Listens for workers. Locust's own users, statistics and web pages are not used."""

    def __init__(self, host: str, port: int, note: Callable[[str], None]) -> None:
        """Listen.

        Args:
            host: The address of this machine, or a name of it.
            port: 0: any that is free.
            note: Called with a sentence about what was dropped.

        Raises:
            BindError: If that is not possible.
        """
        self.admitted: set[str] = set()  # ids of workers
        self.joining: dict[str, str] = {}  # addresses of those whose `Join` is being answered
        self._note = note
        where = f"[{host}]" if ":" in host else host
        try:
            super().__init__(Environment(events=Events()), where, port)
        except (Exception, SystemExit) as error:  # Locust exits if the port is in use
            in_use = isinstance(error, SystemExit) or "already in use" in str(error)
            why = "is in use: choose another port" if in_use else f"is no place to listen ({error})"
            remedy = "" if in_use else ": write an address of this machine"
            raise BindError(f"{where}:{port} {why}{remedy} by --bind") from error
        self.port = int(self.server.port)
        self.local_port = self.port if _reaches_loopback(host) else self._bind_loopback()

    def is_missing(self, client: str) -> bool:
        """Whether a worker has left, or has not been heard of for some seconds."""
        node = self.clients.get(client)
        return node is None or node.state == STATE_MISSING

    def dismiss(self, client: str) -> None:
        """Tell a worker to end."""
        self.admitted.discard(client)
        self.clients.pop(client, None)
        self.send_message("quit", client_id=client)

    def client_listener(self) -> NoReturn:
        """Receive messages for ever, whatever they are."""
        while True:
            try:
                frames = self.server.socket.recv_multipart(copy=False)
            except Exception as error:
                self._note(f"the port of the workers cannot be read: {first_line(error)[:120]}")
                gevent.sleep(_PAUSE_S)
                continue
            try:
                self._receive(frames)
            except Exception as error:
                self._note(
                    f"a message on the port of the workers was dropped: {first_line(error)[:120]}"
                )

    def _receive(self, frames: list[Any]) -> None:
        if len(frames) != 2:
            raise ValueError(f"{len(frames)} parts in place of two")
        client = frames[0].bytes.decode()
        msg = Message.unserialize(frames[1].bytes)
        if not isinstance(msg.type, str) or msg.node_id != client:
            raise ValueError("its sender is not whom it names")
        address = _address(frames[1])
        if msg.type == JOIN:
            self.joining[client] = address
        if msg.type in _OF_ANYBODY or (msg.type in _OF_WORKERS and client in self.admitted):
            self.handle_message(client, msg)
        elif client in self.admitted:
            raise ValueError(f"unknown type {msg.type[:40]!r} from {address}")

    def _bind_loopback(self) -> int:
        """Listen for workers of this machine as well; returns the port."""
        return int(self.server.socket.bind_to_random_port("tcp://127.0.0.1"))


def _reaches_loopback(host: str) -> bool:
    return host in ("127.0.0.1", "localhost", *EVERYWHERE)


def _address(frame: Any) -> str:
    try:
        return str(frame.get("Peer-Address"))
    except Exception:  # a transport that has none
        return "an unknown address"
