"""Processes that the lab starts: none outlives it, each has its cores and a log."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from lab.machine.cpu_pinning import pin
from lab.processes.cleanup_watchdog import descendants, kill_those, start_ticks
from lab.processes.log_cap import LogCap
from lab.processes.passed_variables import PassedVariables
from lab.processes.process_tree import (
    children_by_parent,
    kill_each,
    with_descendants,
    with_variable,
)

# What a child inherits. All else is left out, above all settings of the service that happen to be
# set in the shell, so that an arm is exactly what its hypothesis says.
INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "USER", "LOGNAME")
_SCENARIO_ROLES = ("driver", "benchmark")  # of processes that run code of the scenario
_STOP_S = 5.0
_RUN_VARIABLE = "LAB_RUN"  # in the environment of every process of a run
NOT_OF_THE_RUN = {_RUN_VARIABLE: ""}  # in that of one that starts what is to outlive the run
_TREE_VARIABLE = "LAB_PROCESS"  # in that of a process whose whole tree is ended with it


@dataclass
class Child:
    """A process that the lab started."""

    role: str  # a process of the system under test, database, driver, benchmark
    arm: str | None
    popen: subprocess.Popen[bytes]
    log: Path
    stop_signal: int
    log_start: int = 0  # where its own part begins: processes of one role and arm share a log
    passed: PassedVariables = field(default_factory=PassedVariables)  # redacted in its log
    patience_s: float = _STOP_S  # that it may take to end
    tree: str = ""  # value of the variable that marks all that it starts; "": only its group ends
    is_log_trimmed: bool = False

    @property
    def pid(self) -> int:
        """Its process id."""
        return self.popen.pid

    def died(self) -> str | None:
        """How it ended; None while it runs."""
        code = self.popen.poll()
        if code is None:
            return None
        if code < 0:
            return f"ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    @property
    def owner(self) -> str:
        """The process in words: "the web of arm wide"."""
        return f"the {self.role}" if self.arm is None else f"the {self.role} of arm {self.arm}"

    def log_tail(self, lines: int = 12) -> str:
        """The last lines of its log."""
        try:
            text = self.log.read_bytes()[self.log_start :].decode("utf-8", errors="replace")
        except OSError:
            return ""
        return self.passed.redact("\n".join(text.splitlines()[-lines:]))


class Children:
    """All processes of a run, and a folder that is removed with them. A context manager.

    They are started by a thread of their own. The priority of a process is that of the thread that
    starts it, and the lab lowers that of its main thread while it measures: an arm that is started
    again then, or a benchmark, would have to wait for every other process.
    """

    def __init__(self, passed: PassedVariables | None = None) -> None:
        """Make the folder and start the watchdog.

        Args:
            passed: Environment variables that the processes of the scenario get: those with the
                role driver or benchmark. The values are redacted in all that is kept of logs.
        """
        self.passed = passed or PassedVariables()
        self.folder = _short_folder()
        self._variable = {_RUN_VARIABLE: secrets.token_hex(8)}
        self.logs = self.folder / "logs"
        self.logs.mkdir()
        self._children: list[Child] = []
        self._trim: LogCap | None = None
        self._launcher = ThreadPoolExecutor(1, "launcher")
        self._launcher.submit(int).result()  # so that the thread exists from now on
        self._watchdog = subprocess.Popen(
            [sys.executable, "-m", "lab.processes.cleanup_watchdog"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=Path(__file__).parents[2],
        )
        self._send(f"folder {self.folder}")
        self._send(f"variable {_RUN_VARIABLE}={self._variable[_RUN_VARIABLE]}")

    def __enter__(self) -> Children:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def start(
        self,
        command: Sequence[str],
        *,
        role: str,
        arm: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        cores: Iterable[int] | None = None,
        stop_signal: int = signal.SIGTERM,
        pass_fds: Sequence[int] = (),
        stdin: int | IO[bytes] = subprocess.DEVNULL,
        stdout: int | None = None,
        user: int | None = None,
        patience_s: float = _STOP_S,
        whole_tree: bool = False,
    ) -> Child:
        """Start a process in a session of its own, which the watchdog knows.

        Args:
            command: Program and arguments.
            role: What it is: a process of the system under test, database, driver, benchmark.
            arm: The arm, or a label, that it belongs to.
            env: Environment variables beside those that are inherited.
            cwd: Its folder.
            cores: The cores to keep it on.
            stop_signal: The signal that ends it.
            pass_fds: File descriptors that it inherits.
            stdin: As for `subprocess.Popen`.
            stdout: As for `subprocess.Popen`; None for its log.
            user: The user and group to run as.
            patience_s: How long it may take to end, before it is killed.
            whole_tree: Whether all that it starts ends with it, even in sessions of their own.

        Returns:
            The process; its log is `ROLE-ARM.log` in `logs`.
        """
        name = role if arm is None else f"{role}-{arm}"
        log = self.logs / f"{name}.log"
        tree = secrets.token_hex(8) if whole_tree else ""
        marked = {_TREE_VARIABLE: tree} if whole_tree else {}
        if self._trim is None:
            self._trim = LogCap(self._logs, self._note_trimmed)

        def launch() -> Child:
            """Whatever interrupts the caller: what was started is known."""
            with log.open("ab") as sink:
                log_start = sink.tell()
                popen = subprocess.Popen(
                    list(command),
                    env=self.environment(role) | dict(env or {}) | marked,
                    cwd=cwd,
                    stdin=stdin,
                    stdout=sink if stdout is None else stdout,
                    stderr=sink,
                    start_new_session=True,
                    pass_fds=pass_fds,
                    user=user,
                    group=user,
                    extra_groups=None if user is None else (),
                )
            self._send(f"+ {popen.pid} {start_ticks(popen.pid) or 0} {int(stop_signal)}")
            child = Child(
                role, arm, popen, log, stop_signal, log_start, self.passed, patience_s, tree
            )
            self._children.append(child)
            return child

        child = self._launcher.submit(launch).result()
        if cores is not None:
            pin(child.pid, cores)
        return child

    def environment(self, role: str | None = None) -> dict[str, str]:
        """The environment variables that a child inherits."""
        inherited = {key: os.environ[key] for key in INHERITED if key in os.environ}
        passed = self.passed.environment() if role in _SCENARIO_ROLES else {}
        return passed | inherited | self._variable

    def stop(self, *children: Child) -> tuple[Child, ...]:
        """End these processes together, each by its signal; by SIGKILL what takes too long.

        Returns:
            Those that had to be killed.
        """
        below = descendants(child.pid for child in children if child.tree)
        for child in children:
            if child.popen.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, child.stop_signal)
        began, killed = time.monotonic(), []
        for child in children:
            try:
                child.popen.wait(max(0.0, began + child.patience_s - time.monotonic()))
            except subprocess.TimeoutExpired:
                killed.append(child)
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
                child.popen.wait()
            if child.tree:
                kill_those(below)
                _kill_tree(child)
            for pipe in (child.popen.stdin, child.popen.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self._send(f"- {child.pid}")
            if child in self._children:
                self._children.remove(child)
        return tuple(killed)

    def outside_tree(self, child: Child) -> list[int]:
        """What a process of a whole tree has started and what its parents have left: daemons."""
        marked = with_variable(_TREE_VARIABLE, child.tree)  # first: what is started then is below
        return sorted(set(marked) - set(with_descendants(child.pid, children_by_parent())))

    def await_end(self, child: Child, limit_s: float) -> str | None:
        """How a process ended by itself; None if it did not in time, and was ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.popen.wait(limit_s)
        how = child.died()
        self.stop(child)
        return how

    def running(self) -> tuple[Child, ...]:
        """The processes that were started and not stopped."""
        return tuple(self._children)

    def on_parent_death(self, *command: str) -> None:
        """Let the watchdog run a module with arguments if the lab dies; without any, nothing."""
        self._send(f"last {json.dumps(command)}")

    @contextlib.contextmanager
    def removed_on_death(self, *folders: Path) -> Iterator[None]:
        """Let the watchdog remove these folders if the lab dies inside."""
        for folder in folders:
            self._send(f"folder {folder}")
        try:
            yield
        finally:
            for folder in folders:
                self._send(f"keep {folder}")

    def keep_logs(self, folder: Path) -> None:
        """Copy the logs that are not empty, redacted, as far as the disk has room."""
        with contextlib.suppress(OSError):  # the failure of the run is reported, not this one
            folder.mkdir(exist_ok=True)
            for log in self.logs.glob("*.log"):
                if log.stat().st_size:
                    self._keep_log(log, folder / log.name)

    def _keep_log(self, log: Path, copy: Path) -> None:
        with log.open(errors="replace") as source, copy.open("w") as sink:
            sink.writelines(map(self.passed.redact, source))

    def close(self) -> None:
        """End all processes, the database last, and remove the folder."""
        self._launcher.shutdown()
        databases = [child for child in self._children if child.role == "database"]
        self.stop(*(child for child in self._children if child not in databases))
        self.stop(*databases)
        if self._trim is not None:
            self._trim.close()
        shutil.rmtree(self.folder, ignore_errors=True)
        if self._watchdog.stdin is not None:
            with contextlib.suppress(OSError):
                self._watchdog.stdin.close()
        try:
            self._watchdog.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._watchdog.kill()
            self._watchdog.wait()

    def _logs(self) -> set[Path]:
        return {child.log for child in tuple(self._children)}

    def _note_trimmed(self, log: Path) -> None:
        for child in tuple(self._children):
            if child.log == log:
                child.log_start, child.is_log_trimmed = 0, True

    def _send(self, line: str) -> None:
        assert self._watchdog.stdin is not None
        try:
            self._watchdog.stdin.write(f"{line}\n".encode())
            self._watchdog.stdin.flush()
        except OSError:
            return  # the watchdog was killed: `close` still ends everything


def _kill_tree(child: Child) -> None:
    """End what a process has left behind, in its group or in a session of its own."""
    with contextlib.suppress(OSError):
        os.killpg(child.pid, signal.SIGKILL)
    # twice: one that was being started the first time has the variable the second time
    for _ in range(2):
        kill_each(with_variable(_TREE_VARIABLE, child.tree))


def _short_folder() -> Path:
    """A temporary folder, mode 0700, with a path short enough for Unix sockets (107 characters)."""
    folder = Path(tempfile.mkdtemp(prefix="lab-"))
    if len(str(folder)) > 70:
        folder.rmdir()
        folder = Path(tempfile.mkdtemp(prefix="lab-", dir="/tmp"))
    return folder
