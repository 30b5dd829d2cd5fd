"""One worker's trial: it begins when it is told to, and says by how much it was late."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import driver_messages
from lab.driver_messages import (
    Begin,
    Closed,
    ClosedLoadSpec,
    EndTrial,
    Frame,
    Loaded,
    LoadScenario,
    LoadSpec,
    Message,
    Opened,
    OpenLoadSpec,
    RateStage,
    Ready,
    RunTrial,
    Up,
    WorkerShare,
)
from tests.lab.driver.scenarios import HEAD, PLAIN_USER
from tests.servers import serving

pytestmark = pytest.mark.slow

OPEN = OpenLoadSpec("constant", (RateStage(100.0, 100.0, 0.5),), 20)


class RawDriver:
    """A driver by its pipe."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._in, self._out = process.stdin, process.stdout

    def send(self, message: Message) -> None:
        self._in.write(driver_messages.encode(message))
        self._in.flush()

    def next(self) -> Message:
        return driver_messages.decode(self._out.readline())

    def rest(self) -> list[Message]:
        """All messages up to the end of the trial."""
        found = [self.next()]
        while not isinstance(found[-1], Closed):
            found.append(self.next())
        return found


@contextmanager
def raw_driver(tmp_path: Path, open_load: bool) -> Iterator[RawDriver]:
    path = tmp_path / "scenario.py"
    path.write_text(HEAD + PLAIN_USER)
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.driver"],
        cwd=tmp_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        driver = RawDriver(process)
        assert driver.next() == Up()
        driver.send(LoadScenario(str(path), open_load))
        assert driver.next() == Loaded(("Reader",))
        yield driver
    finally:
        process.kill()
        process.communicate()


def begun(driver: RawDriver, url: str, load: LoadSpec, in_s: float) -> tuple[float, list[Message]]:
    """A trial that is to begin so many seconds after all users are ready: the moment, the rest."""
    driver.send(RunTrial(url, load, 0.5, 0.5, "seed", WorkerShare(0, 2)))
    ready = driver.next()
    assert isinstance(ready, Ready)
    at = time.monotonic() + in_s
    driver.send(Begin(at))
    return at, driver.rest()


@pytest.mark.parametrize("load", [ClosedLoadSpec(4), OPEN], ids=["closed", "open"])
def test_the_load_begins_at_the_moment_that_was_agreed_on(load: LoadSpec, tmp_path: Path) -> None:
    open_load = isinstance(load, OpenLoadSpec)
    with serving("plain", tmp_path / "log") as server, raw_driver(tmp_path, open_load) as driver:
        at, messages = begun(driver, server.url, load, in_s=0.4)
        opened = messages[0]
        assert isinstance(opened, Opened)
        assert (opened.started, opened.opens, opened.closes) == (at, at + 0.5, at + 1.0)
        assert 0 <= opened.late_s < 0.05
        again, messages = begun(driver, server.url, load, in_s=0.2)  # in a process of its own
        assert isinstance(messages[0], Opened)
        assert messages[0].started == again
        server.end()


def test_a_begin_that_comes_late_is_told_and_the_lags_are_where_they_belong(
    tmp_path: Path,
) -> None:
    with serving("plain", tmp_path / "log") as server, raw_driver(tmp_path, True) as driver:
        at, messages = begun(driver, server.url, OPEN, in_s=-0.7)  # within the window
        server.end()
    opened, *frames, closed = messages
    assert isinstance(opened, Opened) and isinstance(closed, Closed)
    assert opened.started == at
    assert 0.7 <= opened.late_s < 1.0
    first, second = (each.arrivals for each in frames if isinstance(each, Frame))
    assert first is not None and second is not None
    assert (first.scheduled, second.scheduled) == (25, 25)  # a half of 100 a second, twice
    # what belongs to the window is in its frame, though all was sent at once
    assert first.lag.count <= 25
    assert first.lag.count + second.lag.count == 50
    assert second.lag.count >= 25
    assert (second.lag.max or 0.0) > 0.15


def test_a_trial_that_is_void_ends_when_it_is_told_to(tmp_path: Path) -> None:
    with serving("plain", tmp_path / "log") as server, raw_driver(tmp_path, False) as driver:
        for waits in (True, False):
            trial = RunTrial(server.url, ClosedLoadSpec(2), 0.0, 30.0, "s", WorkerShare(0, 2))
            driver.send(trial)
            assert driver.next() == Ready(1)
            if not waits:
                driver.send(Begin(time.monotonic()))
                assert isinstance(driver.next(), Opened)
            driver.send(EndTrial())
            began = time.monotonic()
            closed = driver.rest()[-1]
            assert isinstance(closed, Closed)
            assert closed.early and closed.drained
            assert not closed.task_errors
            assert time.monotonic() - began < 3
        server.end()
