"""The driver of a load that workers share: `python -m lab.driver.master`.

To the lab it is a driver: it reads messages of `lab.driver_messages` and answers on standard
output. It makes no load itself and imports no scenario. When its input ends, or it is told to end,
it dismisses the workers and ends.
"""

from __future__ import annotations

import os
import signal
import traceback
from pathlib import Path

# Locust patches sockets and threads on import: before anything else does network work
import gevent
import locust  # noqa: F401
from gevent.os import make_nonblocking, nb_read
from gevent.queue import Queue

from lab.driver.fleet_members import FleetError
from lab.driver.fleet_runner import BindError
from lab.driver.fleet_trial import FleetTrial
from lab.driver.message_pipe import MessagePipe
from lab.driver.worker_fleet import REMOTE_S, Fleet
from lab.driver_messages import (
    Failed,
    FleetFormed,
    FormFleet,
    LoadScenario,
    Message,
    ProtocolError,
    RunTrial,
    Up,
    decode,
)


class Master:
    """Serves the requests of the lab, one after the other."""

    def __init__(self, project: Path) -> None:
        """Serve nothing yet.

        Args:
            project: The folder of the project; workers find scenarios in theirs.
        """
        self._pipe = MessagePipe()
        self._project = project
        self._lines = Queue()
        self._fleet: Fleet | None = None
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._end)

    def serve(self) -> None:
        """Until the input ends."""
        make_nonblocking(0)
        gevent.spawn(self._read)
        self._pipe.send(Up())
        while True:
            line = self._lines.get()
            try:
                self._answer(decode(line))
            except FleetError as error:
                self._pipe.send(Failed(str(error), error.line, error.file, error.of_scenario))
            except BindError as error:
                self._pipe.send(Failed(str(error), None, of_scenario=False, of_command=True))
            except Exception as error:
                traceback.print_exc()
                text = f"{type(error).__name__}: {error}"
                self._pipe.send(Failed(text, None, of_scenario=False))

    def _answer(self, message: Message) -> None:
        match message:
            case FormFleet() as spec if self._fleet is None:
                self._fleet = Fleet(spec, self._pipe.send)
                self._fleet.complete(REMOTE_S)
                self._pipe.send(FleetFormed(tuple(each.title for each in self._fleet.members)))
            case LoadScenario() as request if self._fleet is not None:
                self._pipe.send(self._fleet.load(self._in_project(request)))
            case RunTrial() as trial if self._fleet is not None:
                FleetTrial(self._fleet, trial, self._pipe.send).run()
            case _:
                raise ProtocolError(f"{type(message).__name__} is no request now")

    def _in_project(self, request: LoadScenario) -> LoadScenario:
        """The request with a path from the project folder, which every worker has for itself."""
        path = os.path.relpath(request.path, self._project)
        if path.startswith(".."):
            raise FleetError(
                f"{request.path} is outside of the project folder, which is all that workers have",
                of_scenario=True,
            )
        return LoadScenario(path, request.open_load, request.limit_factor, request.files)

    def _read(self) -> None:
        pending = b""
        while chunk := nb_read(0, 1 << 16):
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                self._lines.put(line)
        self._end()

    def _end(self) -> None:
        if self._fleet is not None:
            self._fleet.quit()
        os._exit(0)


if __name__ == "__main__":
    Master(Path.cwd()).serve()
