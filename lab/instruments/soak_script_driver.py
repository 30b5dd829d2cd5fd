"""A soak script as a driver: a plain program that loads a service until SIGTERM ends it.

It is run as `python FILE URL --rate RATE --seed SEED`. About every second it prints a line of JSON,
`{"ok": 20, "errors": 0}`: how many requests succeeded and failed since the line before. Every
further key is the message of an error, with its count: `{"ok": 18, "errors": 2, "timed out": 2}`.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lab import network_guard
from lab.driver_messages import (
    Closed,
    Frame,
    Opened,
    OpenLoadSpec,
    RequestKey,
    RequestSummary,
    RunTrial,
    TrialMessage,
    as_utf8,
)
from lab.instruments.locust_driver_process import DriverError
from lab.processes.child_processes import Child, Children
from lab.processes.passed_variables import PassedVariables
from lab.stats.latency_histogram import Histogram

SILENCE_S = 30.0  # without a line, after which a script counts as hung
WAITING_S = 5.0  # without one, after which it is reported what is waited for
_POLL_S = 0.25
_NAME = RequestKey("script")  # of all its requests


class SoakScriptDriver:
    """Implements `Driver`, with a process of its own for each trial."""

    def __init__(
        self,
        children: Children,
        project: Path,
        script: Path,
        cores: Iterable[int] | None,
        notify: Callable[[str], None] = lambda text: None,
        allowed: Iterable[str] = (),
    ) -> None:
        """Start nothing yet.

        Args:
            children: Starts the script.
            project: Its working directory.
            script: The file.
            cores: It may run on.
            notify: Called with what it is waited for.
            allowed: What it may connect to beside this machine; see `NetworkGuard`.
        """
        self._notify = notify
        self._allowed = ",".join(allowed)
        self._children, self._project, self._script = children, project, script
        self._cores = cores
        self._child: Child | None = None

    workers: tuple[str, ...] = ()  # a script is one process

    @property
    def pid(self) -> int:
        """Id of the script's process, or of the lab while none runs."""
        return os.getpid() if self._child is None else self._child.pid

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """Run the script until the window closes; a frame for each line that it prints."""
        assert isinstance(trial.load, OpenLoadSpec)
        rate = trial.load.stages[0].from_rate
        options = [trial.host, "--rate", f"{rate:g}", "--seed", trial.seed]
        self._child = child = self._children.start(
            [sys.executable, "-m", network_guard.__name__, str(self._script), *options],
            role="driver",
            cwd=self._project,
            env={"PYTHONUNBUFFERED": "1", network_guard.VARIABLE: self._allowed},
            cores=self._cores,
            stdout=subprocess.PIPE,
        )
        try:
            started = time.monotonic()
            opens = started + trial.warmup_s
            closes = opens + trial.window_s
            yield Opened(started, opens, closes)
            for line in self._lines(child, closes):
                yield _frame(line, time.monotonic() - started, trial.warmup_s, child.passed)
        finally:
            self._child = None
            self._children.stop(child)
        yield Closed(drained=True)

    def _lines(self, child: Child, until: float) -> Iterator[bytes]:
        assert child.popen.stdout is not None
        fd = child.popen.stdout.fileno()
        pending, last_line, reported = b"", time.monotonic(), False
        while (now := time.monotonic()) < until:
            if now > last_line + SILENCE_S:
                raise DriverError(f"the soak script printed nothing for {SILENCE_S:g} s")
            if now > last_line + WAITING_S and not reported:
                reported = True
                self._notify(f"waits for a line of the soak script {self._script.name}")
            if not select.select([fd], [], [], min(until - now, _POLL_S))[0]:
                continue
            chunk = os.read(fd, 1 << 16)
            if not chunk:
                child.popen.wait()
                raise DriverError(f"the soak script {child.died()}:\n{child.log_tail()}")
            *lines, pending = (pending + chunk).split(b"\n")
            last_line, reported = time.monotonic(), False
            yield from lines


def _frame(line: bytes, t: float, warmup_s: float, passed: PassedVariables) -> Frame:
    try:
        counts: Counter[str] = Counter()
        for text, count in json.loads(line).items():
            counts[as_utf8(text)] += int(count)
        succeeded, failed = counts.pop("ok"), counts.pop("errors")
    except (ValueError, KeyError, TypeError, AttributeError):
        shown = passed.redact(line[:80].decode(errors="replace"))
        raise DriverError(
            f"the soak script printed {shown!r}, not a line of counts such as "
            '{"ok": 18, "errors": 2, "timed out": 2}'
        ) from None
    count = succeeded + failed
    requests = {_NAME: RequestSummary(count, failed, Histogram())} if count else {}
    errors = passed.redact_record(counts)
    return Frame(t=t, in_window=t > warmup_s, users=1, requests=requests, errors=errors)
