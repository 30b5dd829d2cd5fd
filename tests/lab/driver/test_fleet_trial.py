"""One trial of several workers, with workers that are scripts. In a process of its own: Locust."""

from __future__ import annotations

import ast
import subprocess
import sys
from typing import Any

from tests.runs import ROOT

HEAD = """
import time
from dataclasses import replace
from types import SimpleNamespace
import gevent
import locust
from gevent.queue import Queue
from lab.driver import fleet_trial
from lab.driver.fleet_members import Member, WorkersMissing
from lab.driver.fleet_trial import FleetTrial
from lab.driver.worker_identity import identity
from lab.driver_messages import Closed, ClosedLoadSpec, Frame, Notice, Opened, Ready, RunTrial

own = identity("t", "")
members = [Member(f"worker {n}", f"c{n}", replace(own, cores=(n,)), "here", None) for n in (1, 2)]
events = Queue()

def frame(t):
    return Frame(t=t, in_window=t > 1, users=1)

def plays(member, times):
    now = time.monotonic()
    for each in (Ready(1), Opened(now, now + 1, now + 3), *map(frame, times), Closed(drained=True)):
        events.put((member, each))

fleet = SimpleNamespace(
    events=events, own=own, next_trial=lambda: members, has=lambda member: True,
    command=lambda member, message: None, lose=lambda member, reason: None,
)
sent = []
trial = RunTrial("http://127.0.0.1:1", ClosedLoadSpec(2), 1.0, 2.0, "seed")

def run():
    FleetTrial(fleet, trial, sent.append).run()
    faults = {end.name: end.fault for end in sent[-1].worker_ends if end.fault}
    return sent[-1].early, faults
"""

FRAMES = """
plays(members[0], LISTS[0])
plays(members[1], LISTS[1])
early, faults = run()
print([early, [each.t for each in sent if isinstance(each, Frame)], faults])
"""

SLOW = """
fleet_trial.NOTICE_S, fleet_trial.READY_S = 0.3, 1.5
plays(members[0], [1.0, 2.0, 3.0])

def start_slowly():
    gevent.sleep(1.0)
    events.put((members[1], Notice("waits for its users")))
    gevent.sleep(1.0)
    plays(members[1], [1.0, 2.0, 3.0])

gevent.spawn(start_slowly)
early, faults = run()
print([early, faults, sorted({each.text for each in sent if isinstance(each, Notice)})])
"""

MISSING = """
def next_trial():
    raise WorkersMissing("1 of 2 workers have joined", ["worker 2"], 60.2)

fleet.next_trial = next_trial
print([*run(), len(sent)])
"""

CUT_SHORT = """
why = {"ended the test itself: environment.runner.quit()": 1}
now = time.monotonic()
for member in members:
    for each in (Ready(1), Opened(now, now + 1, now + 3), frame(1.0)):
        events.put((member, each))
ended = Closed(drained=True, early=True)
for each in (replace(frame(2.0), task_errors=why), ended):
    events.put((members[1], each))
events.put((members[0], ended))
early, faults = run()
print([early, faults, [each.t for each in sent if isinstance(each, Frame)], sent[-1].task_errors])
"""

LIMITS = """
from lab.driver import drain, locust_environment
from lab.driver_messages import DRAIN_S
users, listeners = DRAIN_S + drain.SLACK_S, 3 * locust_environment.LISTENERS_S
print(fleet_trial.CLOSING_S > users + listeners)
"""


def printed(program: str) -> Any:
    """What the program prints, as a value."""
    command = [sys.executable, "-c", HEAD + program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return ast.literal_eval(done.stdout)


def outcome(first: list[float], second: list[float]) -> tuple[bool, list[float], dict[str, str]]:
    """Whether the trial was void, the frames of all, and faults by worker."""
    early, frames, faults = printed(FRAMES.replace("LISTS", f"({first}, {second})"))
    return early, frames, faults


def test_frames_that_all_have_reported_make_a_trial() -> None:
    assert outcome([1.0, 2.0, 3.0], [1.0, 2.0, 3.0]) == (False, [1.0, 2.0, 3.0], {})


def test_a_second_that_one_worker_left_out_voids_the_trial_by_its_name() -> None:
    early, frames, faults = outcome([1.0, 2.0, 3.0], [1.0, 2.0])
    assert early
    assert frames == [1.0, 2.0]
    assert faults == {"worker 2": "left out the time until 3 s, which others reported"}


def test_a_frame_of_another_time_voids_the_trial_by_the_name_of_its_worker() -> None:
    early, _, faults = outcome([1.0, 2.0, 3.0], [1.0, 2.5, 3.0])
    assert early
    assert faults == {"worker 2": "reported the time until 2.5 s, and worker 1 that until 2 s"}


def test_who_says_what_it_waits_for_is_not_silent_and_the_user_hears_its_name() -> None:
    early, faults, notices = printed(SLOW)
    assert (early, faults) == (False, {})
    assert notices == ["waiting for worker 2 (here) to be ready"]


def test_a_trial_before_which_a_worker_does_not_come_back_is_void_by_its_name() -> None:
    assert printed(MISSING) == [True, {"worker 2": "was missing for 60 s"}, 1]


def test_why_a_scenario_ended_a_trial_is_kept_where_no_other_reported_that_second() -> None:
    early, faults, frames, errors = printed(CUT_SHORT)
    assert (early, faults, frames) == (True, {}, [1.0])
    assert errors == {"ended the test itself: environment.runner.quit() in worker 2": 1}


def test_a_worker_has_the_time_for_its_end_that_it_allows_itself() -> None:
    assert printed(LIMITS) is True
