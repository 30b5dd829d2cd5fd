"""The process of a worker: `python -m lab.driver.worker HOST PORT`, in the project folder.

It joins a master, starts the process that makes its share of the load, and carries messages
between the two. It ends with that process, with the run, and when the master falls silent, and its
exit code is a `WorkerExit`. What a user should know is printed, a line each.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

# Locust patches sockets and threads on import: before anything else does network work
import gevent
from locust.env import Environment
from locust.event import Events
from locust.rpc import Message

from lab.driver.load_process import LoadProcess, kind_of
from lab.driver.worker_identity import code_at_start, digests, identity, is_code_changed
from lab.driver.worker_messages import (
    ADMIT,
    COMMAND,
    JOIN,
    PING,
    PONG,
    REFUSE,
    SLOT,
    Admit,
    Command,
    Ping,
    Pong,
    Refuse,
    Report,
    as_data,
    read,
)
from lab.driver.worker_runner import LabWorkerRunner
from lab.driver_messages import (
    WORKER_TOKEN,
    Failed,
    LoadScenario,
    RunTrial,
    WorkerExit,
    decode,
    encode,
)

_ADMISSION_S = 15.0  # for the answer to a `Join`
_FLUSH_S = 0.3  # for the last messages
_PARENT_DEATH = 1  # PR_SET_PDEATHSIG of prctl(2)


class Worker:
    """One worker of one run."""

    def __init__(self, runner: LabWorkerRunner, project: Path) -> None:
        """Take part by a runner that is connected.

        Args:
            runner: To the master.
            project: The folder in which scenarios are.
        """
        self._runner, self._project = runner, project
        self._admitted: Admit | None = None
        self._load: LoadProcess | None = None
        self._trial = self._number = 0
        self._files: tuple[str, ...] = ()
        self._before: dict[str, str] = {}  # digests of these before the import
        self._is_local = True  # started by the driver
        self._is_imported = False  # or failed to be
        for kind, listener in (
            (ADMIT, self._on_admit),
            (REFUSE, self._on_refuse),
            (PING, self._on_ping),
            (COMMAND, self._on_command),
        ):
            runner.register_message(kind, listener)

    def run(self, token: str, slot: str) -> WorkerExit:
        """Join, and stay until the worker is to end."""
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, self._runner.end, WorkerExit.ENDED)
        self._is_local = bool(slot)
        self._runner.send_message(JOIN, as_data(identity(token, slot)))
        gevent.spawn_later(_ADMISSION_S, self._miss_admission)
        how: WorkerExit = self._runner.over.get()
        if self._load is not None:
            self._load.end()
        if how is not WorkerExit.NO_MASTER:
            self._runner.send_message("quit")
            gevent.sleep(_FLUSH_S)
        return how

    def _miss_admission(self) -> None:
        if self._admitted is None:
            say("what answers there is no run of the lab that takes workers")
            self._runner.end(WorkerExit.NO_MASTER)

    def _on_admit(self, msg: Message, **_: Any) -> None:
        self._admitted = read(Admit, msg.data)
        say(f"joined as {self._admitted.name} of {self._admitted.workers}")

    def _on_refuse(self, msg: Message, **_: Any) -> None:
        refusal = read(Refuse, msg.data)
        if not refusal.again:
            say(f"refused: {refusal.reason}")
        self._admitted = self._admitted or Admit("", 0)  # there was an answer
        self._runner.end(WorkerExit.FULL if refusal.again else WorkerExit.REFUSED)

    def _on_ping(self, msg: Message, **_: Any) -> None:
        received = time.monotonic()
        number = read(Ping, msg.data).number
        self._runner.send_message(PONG, as_data(Pong(number, received, time.monotonic())))

    def _on_command(self, msg: Message, **_: Any) -> None:
        command = read(Command, msg.data)
        if command.trial != self._trial:
            self._trial, self._number = command.trial, 0
        if kind_of(command.line) == LoadScenario.__name__:
            request = decode(command.line)
            assert isinstance(request, LoadScenario)
            self._start(request)
        elif self._load is not None:
            if kind_of(command.line) == RunTrial.__name__ and (changed := self._changed_files()):
                text = f"its files are no longer those of its start: {', '.join(changed)}"
                self._report(encode(Failed(text, None, of_scenario=False)))
                return
            self._load.send(command.line)

    def _changed_files(self) -> list[str]:
        """Files of another machine that were edited since the import; here the lab looks itself."""
        if self._is_local:
            return []
        now = digests(self._project, self._files)
        return [name for name in self._files if now[name] != self._before[name]]

    def _start(self, request: LoadScenario) -> None:
        """Start the process that makes the load, and let it import the scenario."""
        self._files = tuple(request.files)
        self._before = dict(digests(self._project, self._files))
        passed = self._admitted.passed if self._admitted else ()
        if missing := [name for name in passed if name not in os.environ]:
            options = " ".join(f"--pass {name}" for name in missing)
            text = f"it does not get {', '.join(missing)}: set it there, and say {options}"
            self._report(encode(Failed(text, None, of_scenario=False)), files=self._before)
            return
        self._load = LoadProcess(self._on_line, self._on_load_end)
        path = self._project / request.path
        self._load.send(encode(LoadScenario(str(path), request.open_load, request.limit_factor)))

    def _on_line(self, line: bytes) -> None:
        match kind_of(line):
            case "Up":
                return
            case "Loaded" | "Failed" if not self._is_imported:
                self._report_import(line)
            case _:
                self._report(line)

    def _report_import(self, line: bytes) -> None:
        """With the digests of what was imported: code that is edited later does not run."""
        self._is_imported = True
        found = dict(digests(self._project, self._files))
        changed = [name for name in found if found[name] != self._before[name]]
        if changed:
            text = f"{', '.join(changed)} changed while it was imported: start again"
            line = encode(Failed(text, None, of_scenario=False))
        elif is_code_changed():  # the process that makes the load may have imported either
            text = "code of the lab was changed after the start of the worker: start again"
            line = encode(Failed(text, None, of_scenario=False))
        self._report(line, files=found)

    def _on_load_end(self, how: str) -> None:
        say(f"the process that makes the load {how}")
        self._report(encode(Failed(how, None)), died=True)
        gevent.sleep(_FLUSH_S)
        self._runner.end(WorkerExit.DIED)

    def _report(self, line: bytes, files: dict[str, str] | None = None, died: bool = False) -> None:
        report = Report(self._trial, self._number, line, files or {}, died)
        self._number += 1
        self._runner.report(as_data(report))


def say(text: str) -> None:
    """Print a line for the user."""
    print(text, flush=True)


def connect(host: str, port: int) -> LabWorkerRunner | None:
    """A runner to the master at an address; None if none answers there."""
    try:
        return LabWorkerRunner(Environment(events=Events()), host, port)
    except ConnectionError:
        say(f"nothing answers at {host}:{port}")
    except Exception as error:  # of ZeroMQ: a name that has no address, for example
        say(f"{host}:{port} cannot be reached: {error}")
    return None


def main() -> WorkerExit:
    """Be a worker; returns how that ended."""
    code_at_start()
    host, port = sys.argv[1], int(sys.argv[2])
    slot = os.environ.get(SLOT, "")
    if slot:  # a child of the driver
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
    runner = connect(f"[{host}]" if ":" in host else host, port)
    if runner is None:
        return WorkerExit.NO_MASTER
    how = Worker(runner, Path.cwd()).run(os.environ.get(WORKER_TOKEN, ""), slot)
    if how is WorkerExit.NO_MASTER:
        say("the contact with the run is lost")
    return how


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)
