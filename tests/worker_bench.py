"""A load driver with any number of workers, and a server that counts: what both saw of one load."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from lab.driver_messages import (
    Closed,
    ClosedLoadSpec,
    FormFleet,
    Frame,
    Opened,
    OpenLoadSpec,
    RateStage,
    RunTrial,
)
from lab.experiment.driver_message_conversion import requests_of
from lab.instruments.locust_driver_process import LoadDriver
from lab.machine.cpu_pinning import Cores, divide_cores
from lab.processes.child_processes import Children
from lab.stats.latency_histogram import Histogram
from tests.servers import Serving, serving

SCENARIO = """\
from locust import constant, task
from {module} import {base}

class Shopper({base}):
    wait_time = constant({pause_s})

    @task
    def look(self):
        self.client.get("/", name="look")
"""
Look = Callable[[Frame], None]
_MODULES = {"LeanHttpUser": "lab.driver.client"}
_PID = re.compile(r"process (\d+)")


@dataclass
class Seen:
    """What a driver reported of one trial, from the begin of its load to the last answer."""

    opened: Opened | None = None
    frames: list[Frame] = field(default_factory=list)
    closed: Closed | None = None

    @property
    def window(self) -> list[Frame]:
        """The frames of the window."""
        return [frame for frame in self.frames if frame.in_window]

    @property
    def requests(self) -> int:
        """All requests that ended, in the warm-up, in the window and after it."""
        assert self.closed is not None
        frames = sum(each.count for frame in self.frames for each in frame.requests.values())
        return frames + self.closed.ended_late

    @property
    def scheduled(self) -> int:
        """Arrivals that were scheduled."""
        return sum(frame.arrivals.scheduled for frame in self.frames if frame.arrivals)

    @property
    def sent(self) -> int:
        """Arrivals that were sent."""
        return sum(frame.arrivals.sent for frame in self.frames if frame.arrivals)

    @property
    def unsent(self) -> int:
        """Arrivals that were not."""
        assert self.closed is not None
        return self.closed.unfinished.waiting + self.closed.unfinished.undispatched

    @property
    def by_worker(self) -> dict[str, int]:
        """Requests that ended in frames, of each worker."""
        found: dict[str, int] = {}
        for frame in self.frames:
            for part in frame.by_worker:
                found[part.name] = found.get(part.name, 0) + part.ended
        return found

    @property
    def latency(self) -> Histogram:
        """Latencies of an open load: of arrivals scheduled in the window, from their schedule."""
        assert self.closed is not None
        window = {frame.t for frame in self.window}
        found = Histogram()
        for message in (*self.frames, self.closed):
            for group in message.by_scheduled_time:
                if group.t in window:
                    for requests in requests_of(group.requests).values():
                        found.merge(requests.latency)
        return found


@dataclass
class WorkerBench:
    """A driver with a scenario loaded."""

    driver: LoadDriver
    folder: Path
    cores: Cores

    def run(self, trial: RunTrial, each_frame: Look = lambda frame: None) -> Seen:
        """Drive one trial to its end; `each_frame` is called with every frame as it comes."""
        seen = Seen()
        for message in self.driver.drive(trial):
            match message:
                case Opened():
                    seen.opened = message
                case Frame():
                    seen.frames.append(message)
                    each_frame(message)
                case Closed():
                    seen.closed = message
        return seen

    def measure(
        self,
        trial: RunTrial,
        kind: str = "plain",
        each_frame: Look = lambda frame: None,
        **options: object,
    ) -> tuple[Seen, int]:
        """The same against a server of its own; also how many requests that counted."""
        with self.serve(kind, **options) as server:
            seen = self.run(replace(trial, host=server.url), each_frame)
            served = server.end()
        return seen, served["served"] if "served" in served else len(served["services"])

    @contextmanager
    def serve(self, kind: str = "plain", **options: object) -> Iterator[Serving]:
        """A server on the cores of the target."""
        log = self.folder / f"served-{secrets.token_hex(4)}.json"
        with serving(kind, log, self.cores.target, **options) as server:
            yield server


@contextmanager
def worker_bench(
    folder: Path,
    workers: int,
    *,
    open_load: bool,
    base: str = "FastHttpUser",
    pause_s: float = 0.0,
) -> Iterator[WorkerBench]:
    """A driver on the driver's core, with so many workers; one: the process of its own.

    Args:
        folder: For the scenario and logs.
        workers: How many.
        open_load: Whether the scenario is for arrivals.
        base: The class of its users.
        pause_s: For which a user of a closed load waits between two requests.
    """
    scenario = folder / "scenario.py"
    scenario.write_text(
        SCENARIO.format(module=_MODULES.get(base, "locust"), base=base, pause_s=pause_s)
    )
    cores = divide_cores()
    fleet = None if workers == 1 else FormFleet(local=workers, token=secrets.token_urlsafe())
    with Children() as children:
        driver = LoadDriver(children, folder, cores.driver, fleet=fleet)
        driver.load(scenario, open_load)
        yield WorkerBench(driver, folder, cores)


def closed_trial(users: int, window_s: float, warmup_s: float = 0.5, seed: str = "s") -> RunTrial:
    """A closed load."""
    return RunTrial("", ClosedLoadSpec(users), warmup_s, window_s, seed)


def open_trial(
    rate: float, window_s: float, warmup_s: float = 0.5, seed: str = "s", most: int = 1000
) -> RunTrial:
    """Random arrivals at a constant rate."""
    load = OpenLoadSpec("poisson", (RateStage(rate, rate, window_s),), most)
    return RunTrial("", load, warmup_s, window_s, seed)


def worker_pids(driver: LoadDriver) -> list[int]:
    """The processes of the workers of this machine."""
    return [int(found[1]) for name in driver.workers if (found := _PID.search(name))]


def as_json(seen: Seen, served: int) -> dict[str, object]:
    """What a proof keeps of a trial, as plain JSON types."""
    return json.loads(  # type: ignore[no-any-return]
        json.dumps(
            {
                "requests": seen.requests,
                "served": served,
                "scheduled": seen.scheduled,
                "sent": seen.sent,
                "unsent": seen.unsent,
                "by_worker": seen.by_worker,
                "late": 0 if seen.closed is None else seen.closed.ended_late,
            }
        )
    )
