"""One trial of several workers, with workers that are scripts. In a process of its own: Locust."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.runs import ROOT

PROGRAM = """
import time
from dataclasses import replace
from types import SimpleNamespace
import gevent
import locust
from gevent.queue import Queue
from lab.driver.fleet_members import Member
from lab.driver.fleet_trial import FleetTrial
from lab.driver.worker_identity import identity
from lab.driver_messages import Closed, ClosedLoadSpec, Frame, Opened, Ready, RunTrial

own = identity("t", "")
members = [Member(f"worker {n}", f"c{n}", replace(own, cores=(n,)), "here", None) for n in (1, 2)]
events = Queue()

def frame(t):
    return Frame(t=t, in_window=t > 1, users=1)

def plays(member, times):
    now = time.monotonic()
    for each in (Ready(1), Opened(now, now + 1, now + 3), *map(frame, times), Closed(drained=True)):
        events.put((member, each))

plays(members[0], LISTS[0])
plays(members[1], LISTS[1])
fleet = SimpleNamespace(
    events=events, own=own, next_trial=lambda: members, has=lambda member: True,
    command=lambda member, message: None, lose=lambda member, reason: None,
)
sent = []
trial = RunTrial("http://127.0.0.1:1", ClosedLoadSpec(2), 1.0, 2.0, "seed")
FleetTrial(fleet, trial, sent.append).run()
closed = sent[-1]
print([closed.early, [each.t for each in sent if isinstance(each, Frame)],
       {end.name: end.fault for end in closed.worker_ends if end.fault}])
"""


def outcome(first: list[float], second: list[float]) -> tuple[bool, list[float], dict[str, str]]:
    """Whether the trial was void, the frames of all, and faults by worker."""
    program = PROGRAM.replace("LISTS", f"({first}, {second})")
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    early, frames, faults = ast.literal_eval(done.stdout)
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
