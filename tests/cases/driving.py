"""Trials of a scenario in a driver of its own, and what the lab makes of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.driver_messages import Closed, Frame, Opened, RunTrial
from lab.experiment.driver_message_conversion import load_spec
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import ClosedLoad, OpenLoad, Stage
from lab.instruments.locust_driver_process import LoadDriver
from lab.processes.child_processes import Children
from lab.processes.passed_variables import PassedVariables
from lab.system import MetricNames
from lab.trials.trial import Trial
from tests.cases.arm import Arm
from tests.default_margins import NAMES, inspect, measure
from tests.lab.builders import altered, claim, ratio, with_load
from tests.runs import ROOT


@dataclass
class Outcome:
    """A trial and the faults of its scenario."""

    trial: Trial
    faults: list[str]
    load: ClosedLoad | OpenLoad
    warmup_errors: dict[str, int] = field(default_factory=dict)
    names: MetricNames = NAMES  # of the arm's own counters
    notices: list[str] = field(default_factory=list)
    log: str = ""  # of the driver, up to the end of its last trial

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Requests by method and name."""
        requests = self.trial.service.requests
        return {(key.method, key.name): seen.count for key, seen in requests.items()}

    @property
    def voided(self) -> dict[str, str]:
        """Why the gates void the trial: messages by gate."""
        hypothesis = with_load(claim(ratio(2.5)), self.load)
        errors = Counter(self.faults)
        # how busy this machine is now is not what is tested
        trial = altered(self.trial, ticker_late_p99_s=0.0)
        judged = inspect(trial, hypothesis, errors, self.warmup_errors, names=self.names)
        busy = ("dispatch", "evidence")
        return {each.gate: each.message for each in judged.faults if each.gate not in busy}


def closed(
    scenario: Path, arm: Arm, users: int = 2, window_s: float = 1.0, **options: Any
) -> Outcome:
    """One trial of a fixed number of users."""
    (outcome,) = drive(scenario, arm, ClosedLoad(users), window_s, **options)
    return outcome


def opened(
    scenario: Path, arm: Arm, rate: float = 10, seconds: float = 1.0, users: int = 100
) -> Outcome:
    """One trial of arrivals."""
    (outcome,) = drive(scenario, arm, open_load(rate, seconds, users))
    return outcome


def mean(outcome: Outcome, name: str) -> float:
    """A measure that has a value."""
    value = measure(outcome.trial, name, {})
    assert value is not None
    return value


def open_load(rate: float, seconds: float, max_users: int = 1000) -> OpenLoad:
    """Equal gaps, and then two seconds in which those who wait get their turn."""
    stages = (Stage(None, rate, rate, seconds), Stage(None, 0.0, 0.0, 2.0))
    return OpenLoad("constant", stages, max_users)


def drive(
    scenario: Path,
    arm: Arm,
    load: ClosedLoad | OpenLoad,
    window_s: float = 1.0,
    trials: int = 1,
    *,
    passed: PassedVariables | None = None,
    limit_factor: float = 1.0,
) -> list[Outcome]:
    """Trials one after another, without a warm-up."""
    outcomes = []
    notices: list[str] = []
    is_open = isinstance(load, OpenLoad)
    if isinstance(load, OpenLoad):
        window_s = sum(stage.duration_s or 0.0 for stage in load.stages)
    with Children(passed or PassedVariables()) as children:
        driver = LoadDriver(children, ROOT, None, notices.append, limit_factor)
        driver.load(scenario, open_load=is_open)
        for _ in range(trials):
            record = LoadRecordBuilder(load, 0.0)
            for message in driver.drive(RunTrial(arm.url, load_spec(load), 0.0, window_s, "s")):
                match message:
                    case Opened():
                        record.open(message)
                    case Frame():
                        record.add(message)
                    case Closed():
                        record.close(message)
            trial = Trial(1, 1, "narrow", 0.0, window_s, evidence=record.evidence())
            faults, failed_before = list(record.task_errors), dict(record.warmup_errors)
            outcomes.append(Outcome(trial, faults, load, failed_before))
        log = (children.logs / "driver.log").read_text()
    for outcome in outcomes:
        outcome.notices, outcome.log = notices, log
    return outcomes
