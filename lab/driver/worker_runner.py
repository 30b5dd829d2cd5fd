"""Locust's worker runner as the lab uses it: for membership, messages and reports.

The users run in a process of their own, so that neither a scenario that hangs nor a full core
keeps a worker from answering its master.
"""

from __future__ import annotations

import time
import traceback
from typing import Any, NoReturn

import gevent
from gevent.event import AsyncResult
from gevent.queue import Queue
from locust.env import Environment
from locust.exception import RPCError
from locust.rpc import Message
from locust.runners import WorkerRunner

from lab.driver.worker_messages import HEARTBEAT_S, REPORT
from lab.driver_messages import WorkerExit

_POLL_S = 0.25


class LabWorkerRunner(WorkerRunner):
    """Sends a report as soon as there is one, and ends when its master is silent."""

    def __init__(self, environment: Environment, host: str, port: int) -> None:
        """Connect; returns when the master has answered.

        Raises:
            ConnectionError: If none does within five minutes.
        """
        self.over = AsyncResult()
        """Gets a `WorkerExit` when the worker is to end."""
        self._outgoing = Queue()
        self._sending: dict[str, Any] = {}
        self._heard = time.monotonic()
        environment.events.report_to_master.add_listener(self._add_report)
        super().__init__(environment, host, port)

    def report(self, data: dict[str, Any]) -> None:
        """Send these data with Locust's next report, which follows at once."""
        self._outgoing.put(data)

    def end(self, how: WorkerExit) -> None:
        """Let the worker end; the first reason counts."""
        if not self.over.ready():
            self.over.set(how)

    def handle_message(self, msg: Message) -> None:
        """As Locust's, without what starts and stops users in this process."""
        try:
            match msg.type:
                case "heartbeat":
                    self._heard = time.monotonic()
                case "quit":
                    self.end(WorkerExit.ENDED)
                case "ack" | "reconnect":
                    super().handle_message(msg)
                case _ if msg.type in self.custom_messages:
                    super().handle_message(msg)
        except Exception:  # of whatever speaks at that address
            traceback.print_exc()

    def heartbeat_timeout_checker(self) -> NoReturn:
        """End if the master has not been heard of for too long."""
        self._heard = time.monotonic()
        while True:
            gevent.sleep(_POLL_S)
            if time.monotonic() - self._heard > HEARTBEAT_S:
                self.end(WorkerExit.NO_MASTER)

    def stats_reporter(self) -> NoReturn:
        """Send the reports, in order."""
        while True:
            self._sending = self._outgoing.get()
            try:
                self._send_stats()
            except RPCError:  # the master will miss its number
                traceback.print_exc()

    def logs_reporter(self) -> None:
        """Nothing: logs stay where they are written."""

    def _add_report(self, data: dict[str, Any], **_: Any) -> None:
        data[REPORT] = self._sending
