"""An open load of 20,000 requests a second from one core: how late its arrivals are dispatched.

Run as `python -m tests.bench.open_rate`. The lab's own driver with LeanHttpUser has one core, a
server that answers from memory the other. A few users are under way at once; of a thousand, who
take turns, each finds its memory out of the caches. Fails only if counts differ: arrivals
scheduled, sent and unsent, requests recorded, and the server's own.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from lab.driver_messages import Closed, Frame, RunTrial
from lab.experiment.driver_message_conversion import load_spec
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import OpenLoad
from lab.trials.trial import LoadEvidence
from tests.arrivals import Bench, bench, steady
from tests.bench.static_server import StaticServer, static_server

RATES = (5_000.0, 10_000.0, 20_000.0)  # a second; the last one is the aim
SECONDS, WARMUP_S = 10.0, 2.0
USERS = (100, 1000)
P99_LIMIT_S = 0.002

SCENARIO = """\
from locust import task

from lab.driver.client import LeanHttpUser

class Reader(LeanHttpUser):
    @task
    def read(self):
        self.client.get("/")
"""


def measure(
    made: Bench, server: StaticServer, load: OpenLoad
) -> tuple[LoadEvidence, list[Frame], int]:
    """A trial, its frames, and how many requests the server counted from its begin to its end."""
    window_s = sum(stage.duration_s or 0.0 for stage in load.stages)
    record, frames = LoadRecordBuilder(load, WARMUP_S), []
    before = server.requests()
    for message in made.driver.drive(
        RunTrial(server.url, load_spec(load), WARMUP_S, window_s, "s")
    ):
        match message:
            case Frame():
                frames.append(message)
                record.add(message)
            case Closed():
                record.close(message)
    evidence = record.evidence()
    assert isinstance(evidence, LoadEvidence)
    return evidence, frames, server.requests() - before


def miscounts(evidence: LoadEvidence, frames: list[Frame], served: int) -> Iterator[str]:
    """What does not add up."""
    seen = evidence.dispatch
    assert seen is not None
    if seen.lost:
        yield f"{seen.scheduled} scheduled, {seen.sent} sent, {seen.unsent} unsent"
    sent = sum(frame.arrivals.sent for frame in frames if frame.arrivals is not None)
    failed = sum(seen.errors for frame in frames for seen in frame.requests.values())
    if failed:
        yield f"{failed} requests failed"
    if sent != served:
        yield f"{sent} arrivals sent from the begin on, {served} requests served"


def told(rate: float, users: int, evidence: LoadEvidence, frames: list[Frame]) -> str:
    """The figures of a trial."""
    seen = evidence.dispatch
    assert seen is not None
    assert seen.lag is not None
    late = [seen.lag.quantile(q, 0) or 0.0 for q in (0.5, 0.99, 0.999)]
    p50, p99, p999 = (f"{each * 1000:.2f}" for each in late)
    cpu = [frame.driver_cpu for frame in frames if frame.in_window and frame.driver_cpu]
    busy = sum(cpu) / len(cpu) if cpu else 0.0
    aim = ""
    if rate == RATES[-1]:
        met = late[1] <= P99_LIMIT_S
        aim = f"; aim p99 at most {P99_LIMIT_S * 1000:g} ms: {'met' if met else 'not met'}"
    return (
        f"  {rate:,.0f} a second for {SECONDS:g} s, {users} users: {seen.scheduled} scheduled, "
        f"{seen.sent} sent, {seen.unsent} unsent; dispatched late by {p50} ms at p50, {p99} at "
        f"p99, {p999} at p99.9; the driver used {busy:.0%} of its core{aim}"
    )


def main() -> int:
    """Print lateness at each rate; 1 if counts differ."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as made:
        scenario = Path(folder) / "scenario.py"
        scenario.write_text(SCENARIO)
        made.driver.load(scenario, open_load=True)
        with static_server(made.cores.target) as server:
            print(f"  server: {server.name}")
            for users, rate in product(USERS, RATES):
                load = steady(rate, SECONDS, max_users=users)
                evidence, frames, served = measure(made, server, load)
                print(told(rate, users, evidence, frames))
                wrong += list(miscounts(evidence, frames, served))
    print("\n".join(f"  WRONG COUNT: {flaw}" for flaw in wrong) or "  all counts are the server's")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
