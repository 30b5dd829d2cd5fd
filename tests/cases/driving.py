"""Trials of a scenario in a driver of its own, and what the lab makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.child_processes import Children
from lab.driver_messages import RunTrial
from lab.experiment.driver_message_conversion import load_spec
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import ClosedLoad, OpenLoad, Stage
from lab.instruments.locust_driver_process import LoadDriver
from lab.trial import Trial
from tests.cases.arm import Arm
from tests.runs import ROOT


@dataclass
class Outcome:
    """A trial and the faults of its scenario."""

    trial: Trial
    faults: list[str]

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """Requests by method and name."""
        requests = self.trial.service.requests
        return {(key.method, key.name): seen.count for key, seen in requests.items()}


def open_load(rate: float, seconds: float, max_users: int = 1000) -> OpenLoad:
    """Equal gaps, and then two seconds in which those who wait get their turn."""
    stages = (Stage(None, rate, rate, seconds), Stage(None, 0.0, 0.0, 2.0))
    return OpenLoad("constant", stages, max_users)


def drive(
    scenario: Path, arm: Arm, load: ClosedLoad | OpenLoad, window_s: float = 1.0, trials: int = 1
) -> list[Outcome]:
    """Trials one after another, without a warm-up."""
    outcomes = []
    is_open = isinstance(load, OpenLoad)
    if isinstance(load, OpenLoad):
        window_s = sum(stage.duration_s or 0.0 for stage in load.stages)
    with Children() as children:
        driver = LoadDriver(children, ROOT, None)
        driver.load(scenario, open_load=is_open)
        for _ in range(trials):
            record = LoadRecordBuilder(load, 0.0)
            for message in driver.drive(RunTrial(arm.url, load_spec(load), 0.0, window_s, "s")):
                match type(message).__name__:
                    case "Frame":
                        record.add(message)  # type: ignore[arg-type]
                    case "Closed":
                        record.close(message)  # type: ignore[arg-type]
            trial = Trial(1, 1, "arm", 0.0, window_s, evidence=record.evidence())
            outcomes.append(Outcome(trial, list(record.task_errors)))
    return outcomes
