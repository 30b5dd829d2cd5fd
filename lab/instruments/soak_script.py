"""A soak script as a driver: a plain program that loads a service until it is told to end.

It is run as `python FILE URL --rate RATE --seed SEED`. Each second or so it prints a line of JSON,
`{"ok": 20, "errors": 0}`, counting what succeeded and failed since the line before. Every further
key is the message of an error, with its count: `{"ok": 18, "errors": 2, "timed out": 2}`. SIGTERM
ends it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from lab.instruments.load_driver import DriverError
from lab.processes import Child, Children
from lab.stats.histogram import Histogram

SILENCE_S = 30.0  # that a script may keep before it counts as hung
_NAME = "script"  # of its requests, which have no names of their own


class SoakScriptDriver:
    """Implements `Driver`; a process of its own for each life of an arm."""

    def __init__(
        self, children: Children, project: Path, script: Path, cores: Iterable[int] | None
    ) -> None:
        self._children, self._project, self._script = children, project, script
        self._cores = cores
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """Of the script that runs, or of the lab while none does."""
        return os.getpid() if self._child is None else self._child.pid

    def drive(
        self, *, host: str, load: Mapping[str, Any], warmup_s: float, window_s: float, seed: str
    ) -> Iterator[dict[str, Any]]:
        """Run the script for so long; a frame for each line that it prints."""
        rate = load["stages"][0][0]
        self._child = child = self._children.start(
            [sys.executable, str(self._script), host, "--rate", f"{rate:g}", "--seed", seed],
            role="driver",
            cwd=self._project,
            env={"PYTHONUNBUFFERED": "1"},
            cores=self._cores,
            stdout=subprocess.PIPE,
        )
        try:
            started = time.monotonic()
            closes = started + warmup_s + window_s
            yield {"event": "opened", "started": started, "opens": started + warmup_s,
                   "closes": closes}  # fmt: skip
            for line in _lines(child, closes):
                yield _frame(line, time.monotonic() - started, warmup_s)
        finally:
            self._child = None
            self._children.stop(child)
        yield {"event": "closed", "drained": True}


def _lines(child: Child, until: float) -> Iterator[bytes]:
    assert child.popen.stdout is not None
    fd = child.popen.stdout.fileno()
    pending, heard = b"", time.monotonic()
    while (now := time.monotonic()) < until:
        if now > heard + SILENCE_S:
            raise DriverError(f"the soak script printed nothing for {SILENCE_S:g} s")
        if not select.select([fd], [], [], min(until - now, 1.0))[0]:
            continue
        chunk = os.read(fd, 1 << 16)
        if not chunk:
            child.popen.wait()
            raise DriverError(f"the soak script {child.died()}:\n{child.log_tail()}")
        *lines, pending = (pending + chunk).split(b"\n")
        heard = time.monotonic()
        yield from lines


def _frame(line: bytes, t: float, warmup_s: float) -> dict[str, Any]:
    try:
        told = json.loads(line)
        counts = {text: int(count) for text, count in told.items()}
        ok, failed = counts.pop("ok"), counts.pop("errors")
    except (ValueError, KeyError, TypeError, AttributeError):
        shown = line[:80].decode(errors="replace")
        raise DriverError(
            f"the soak script printed {shown!r}, not a line of counts such as "
            '{"ok": 18, "errors": 2, "timed out": 2}'
        ) from None
    seen = {"count": ok + failed, "errors": failed, "latency": Histogram().as_dict()}
    return {
        "event": "frame",
        "t": t,
        "window": t > warmup_s,
        "late": [],
        "users": 1,
        "requests": {_NAME: seen} if ok + failed else {},
        "errors": counts,
        "task_errors": {},
    }
