"""Time limits: what hangs is named, what makes progress is not; SIGALRM is the scenario's."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator

import pytest

from lab.driver import stage_watch
from lab.driver.source_location import SourceLocation
from lab.driver.stage_watch import StageWatch
from tests.cases.arm import Arm
from tests.lab.driver.scenarios import PLAIN_USER, Drivers, closed_of, faults_of, run


class Found:
    """Keeps what a watch reports."""

    busy = False

    def __init__(self) -> None:
        self.waits: list[str] = []
        self.hung: list[str] = []
        self.ended = 0

    def waiting(self, what: str, where: SourceLocation | None) -> None:
        self.waits.append(what)

    def hangs(self, what: str, limit_s: float, where: SourceLocation | None) -> None:
        self.hung.append(f"{what}: {limit_s:g}")

    def end(self) -> None:
        self.ended += 1


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Iterator[Found]:
    monkeypatch.setattr(stage_watch, "WAITING_S", 0.1)
    before = signal.getsignal(signal.SIGRTMAX)
    yield Found()
    signal.signal(signal.SIGRTMAX, before or signal.SIG_DFL)


def test_it_is_reported_first_that_something_is_waited_for_and_then_that_it_hangs(
    found: Found,
) -> None:
    watch = StageWatch(found, found.end, limit_factor=0.1)
    with watch.stage("a", 1.5):
        time.sleep(0.13)
        assert (found.waits, found.hung) == (["a"], [])
        while not found.ended:
            time.sleep(0.01)
    assert found.hung[0] == "a: 0.15"


def test_a_stage_that_ends_in_time_is_not_reported(found: Found) -> None:
    watch = StageWatch(found, found.end)
    for _ in range(4):
        with watch.stage("a", 0.3):
            time.sleep(0.05)
    time.sleep(0.4)
    assert not found.waits
    assert not found.ended


def test_progress_begins_the_time_anew(found: Found) -> None:
    watch = StageWatch(found, found.end)
    with watch.stage("a", 0.2) as stage:
        for _ in range(4):
            time.sleep(0.08)
            stage.extend()
    assert not found.waits
    assert not found.ended


def test_the_time_of_an_inner_stage_is_not_that_of_the_outer_one(found: Found) -> None:
    watch = StageWatch(found, found.end)
    with watch.stage("outer", 0.3):
        time.sleep(0.05)
        with watch.stage("inner", 0.5):
            time.sleep(0.35)
        time.sleep(0.02)
    assert found.waits == ["inner"]
    assert not found.ended


def test_a_limit_that_has_passed_names_the_innermost_stage(found: Found) -> None:
    watch = StageWatch(found, found.end)
    with watch.stage("outer", 0.2), watch.stage("inner", 0.2):
        while not found.ended:
            time.sleep(0.01)
    assert found.hung[0].startswith("inner")


def test_no_message_is_interrupted_by_another(found: Found) -> None:
    watch = StageWatch(found, found.end)
    with watch.stage("a", 0.3):
        found.busy = True
        time.sleep(0.2)
        assert not found.waits
        found.busy = False
        time.sleep(0.08)
    assert found.waits == ["a"]


ALARM = """
class TooSlow(Exception):
    pass

def ring(*_):
    raise TooSlow

@events.test_start.add_listener
def begin(**_):
    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    began = time.monotonic()
    try:
        while time.monotonic() < began + 20:
            pass
    except TooSlow:
        note(time.monotonic() - began)
"""


@pytest.mark.slow
def test_a_scenario_has_its_own_alarm(drivers: Drivers, arm: Arm) -> None:
    driver = drivers.load(ALARM + PLAIN_USER)
    messages = run(driver, arm.url)
    assert not faults_of(messages)
    assert not closed_of(messages).early
    [seconds] = drivers.noted
    assert 0.2 <= seconds < 1.5


@pytest.mark.slow
def test_a_scenario_that_takes_the_alarm_is_still_watched(drivers: Drivers, arm: Arm) -> None:
    source = ALARM + PLAIN_USER.replace('self.client.get("/")', "while True: pass  # here")
    messages = run(drivers.load(source), arm.url)
    [fault] = faults_of(messages)
    assert fault.startswith("hangs: ")
    assert f"scenario.py:{drivers.line('# here')}, in read" in fault


@pytest.mark.slow
def test_the_terminal_says_what_is_waited_for(drivers: Drivers, arm: Arm) -> None:
    source = "@events.test_start.add_listener\ndef begin(**_):\n    gevent.sleep(5.4)\n"
    driver = drivers.load(source + PLAIN_USER, limit_factor=1.0)
    assert not faults_of(run(driver, arm.url))
    [notice] = drivers.notices
    assert notice.startswith("the scenario waits for listeners of the event test_start (")
    assert notice.endswith(f"scenario.py:{drivers.line('sleep(5.4)')}, in begin)")
