"""A load driver with a scenario that records every request, to be compared with the truth."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.driver_messages import ArrivalSummary, Closed, Frame, Opened, RunTrial
from lab.experiment.driver_message_conversion import load_spec
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import OpenLoad, Stage
from lab.instruments.locust_driver_process import LoadDriver
from lab.machine.cpu_pinning import Cores, divide_cores
from lab.processes.child_processes import Children
from lab.stats.arrival_schedule import ArrivalProcess
from lab.trials.trial import Dispatch, LoadEvidence, Trial
from tests.runs import ROOT
from tests.servers import Serving, serving

SCENARIO = """\
{preamble}
import itertools, json
from pathlib import Path

import gevent
from locust import FastHttpUser, HttpUser, between, events, task

from lab.driver.arrival import origin

numbers = itertools.count()
seen = []

@events.request.add_listener
def listen(name, response_time, context, **_):
    seen.append((name, response_time / 1000, context))

@events.test_stop.add_listener
def keep(**_):
    Path(__file__).with_name("seen.json").write_text(json.dumps(seen))
    seen.clear()

class {base}Shopper({base}):
    weight = 3
    wait_time = between(50, 60)  # ignored in an open load

    @task
    def look(self):
        number = next(numbers)
        arrival = origin(gevent.getcurrent())  # private: for tests only
        times = (arrival.scheduled, arrival.begun) if arrival else None
        self.client.get(f"/?i={{number}}", name="first", context={{"i": number, "times": times}})
        {more}

class Other({base}):
    @task
    def look(self):
        {other}
"""


@dataclass
class Bench:
    """A driver with a scenario, and a server to load."""

    driver: LoadDriver
    folder: Path
    cores: Cores

    def load(
        self,
        base: str = "FastHttpUser",
        more: str = "pass",
        other: str = "self.client.get('/', name='other')",
        preamble: str = "",
        one: bool = True,
        keep: bool = True,
    ) -> None:
        """Import the scenario: with one user class or two, recording every request or not."""
        text = SCENARIO.format(base=base, more=more, other=other, preamble=preamble)
        if not keep:
            text = text.replace("@events.request.add_listener", "")
        if one:
            text = text[: text.index("class Other")]
        path = self.folder / "scenario.py"
        path.write_text(text)
        self.driver.load(path, open_load=True)

    def serve(self, kind: str, **options: Any) -> Any:
        return serving(kind, self.folder / "served.json", self.cores.target, **options)

    def drive(
        self, server: Serving, load: OpenLoad, warmup_s: float = 0.5
    ) -> tuple[Trial, list[Frame]]:
        """A trial, and the frames that it is built from."""
        window_s = sum(stage.duration_s or 0 for stage in load.stages)
        trial = RunTrial(server.url, load_spec(load), warmup_s, window_s, seed="s")
        record, frames = LoadRecordBuilder(load, warmup_s), []
        for message in self.driver.drive(trial):
            match message:
                case Opened():
                    self.opens, self.closes = message.opens, message.closes
                case Frame():
                    frames.append(message)
                    record.add(message)
                case Closed():
                    record.close(message)
        return Trial(1, 1, "arm", 0.0, window_s, evidence=record.evidence()), frames

    def seen(self) -> list[Any]:
        return list(json.loads((self.folder / "seen.json").read_text()))


@contextmanager
def bench(folder: Path) -> Iterator[Bench]:
    """A driver, pinned to the core that the lab pins it to."""
    cores = divide_cores()
    with Children() as children:
        yield Bench(LoadDriver(children, ROOT, cores.driver), folder, cores)


def steady(
    rate: float, seconds: float = 1.5, arrivals: ArrivalProcess = "poisson", max_users: int = 1000
) -> OpenLoad:
    """An open load at a constant rate."""
    return OpenLoad(arrivals, (Stage(None, rate, rate, seconds),), max_users)


def evidence(trial: Trial) -> LoadEvidence:
    """What the trial yielded."""
    assert isinstance(trial.evidence, LoadEvidence)
    return trial.evidence


def dispatch(trial: Trial) -> Dispatch:
    """How its arrivals were sent."""
    seen = evidence(trial).dispatch
    assert seen is not None
    return seen


def arrivals_of(frames: list[Frame]) -> list[ArrivalSummary]:
    """The arrivals of each frame of an open load."""
    return [frame.arrivals for frame in frames if frame.arrivals is not None]
