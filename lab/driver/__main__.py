"""The driver process: it reads messages of `lab.driver_messages` and answers on standard output.

When its input ends, the driver exits at once, also in the middle of a trial.
"""

from __future__ import annotations

import os
import traceback
from pathlib import Path

# Locust patches sockets and threads on import: before anything else does network work
import gevent
import gevent.os
import gevent.queue
from locust import User

from lab.driver import run_trial, scenario_import
from lab.driver.arrival import carry_into_thread_pools
from lab.driver.locust_environment import new_runner
from lab.driver_messages import (
    Failed,
    Loaded,
    LoadScenario,
    Message,
    ProtocolError,
    RunTrial,
    Up,
    decode,
    encode,
)


class MessagePipe:
    """Standard output, for messages alone: whatever a scenario prints goes to the log."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        os.dup2(2, 1)

    def send(self, message: Message) -> None:
        """Write one message."""
        data = encode(message)
        while data:
            data = data[os.write(self._fd, data) :]


def main() -> None:
    """Serve until the input ends."""
    pipe = MessagePipe()
    lines: gevent.queue.Queue = gevent.queue.Queue()
    gevent.spawn(_listen, lines)
    carry_into_thread_pools()
    runner = new_runner()
    users: list[type[User]] = []
    pipe.send(Up())
    while True:
        line = lines.get()
        path: str | None = None
        try:
            match decode(line):
                case LoadScenario() as request:
                    path = request.path
                    users = scenario_import.load(Path(path), request.open_load)
                    pipe.send(Loaded(tuple(user.__name__ for user in users)))
                case RunTrial() as trial:
                    run_trial.run(runner, users, trial, pipe.send)
                case message:
                    raise ProtocolError(f"{type(message).__name__} is no request")
        except (Exception, SystemExit) as error:
            traceback.print_exc()
            pipe.send(_failure(error, path))


def _listen(lines: gevent.queue.Queue) -> None:
    gevent.os.make_nonblocking(0)
    pending = b""
    while chunk := gevent.os.nb_read(0, 65536):
        *whole, pending = (pending + chunk).split(b"\n")
        for line in whole:
            lines.put(line)
    os._exit(0)  # the lab has closed the pipe, or died


def _failure(error: BaseException, scenario: str | None) -> Failed:
    """The message, and the line if the scenario that was being imported is in the traceback."""
    line = None
    if isinstance(error, SyntaxError):
        line = error.lineno if error.filename == scenario else None
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename == scenario:
            line = frame.lineno
    name = type(error).__name__
    text = str(error).splitlines()[0][:300] if str(error).strip() else ""
    return Failed(f"{name}: {text}" if text else name, line)


if __name__ == "__main__":
    main()
