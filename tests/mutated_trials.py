"""Mutated scenarios in a driver of their own: what the lab makes of each, and after how long."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, replace
from pathlib import Path

from lab.driver_messages import Closed, Frame, RunTrial
from lab.experiment.driver_message_conversion import load_spec
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import ClosedLoad, Limits, OpenLoad, Stage
from lab.instruments.locust_driver_process import DriverError, LoadDriver, ScenarioError
from lab.processes.child_processes import Children
from lab.trials.trial import Trial
from tests.default_margins import inspect
from tests.lab.builders import altered, claim, ratio, with_load
from tests.mutated_scenarios import OPEN
from tests.runs import ROOT

WARMUP_S, WINDOW_S = 0.3, 0.7
REFUSED, VOID, MEASURED = "refused", "void", "measured"
_MACHINE = ("ticker_late", "dispatch", "driver_cpu", "other_cpu", "steal")  # busy in tests


@dataclass(frozen=True)
class Outcome:
    """What came of a scenario."""

    outcome: str  # REFUSED, VOID or MEASURED
    message: str  # why
    lines: tuple[int, ...]  # of the scenario, that the message names
    seconds: float  # from the start of the driver on

    def names(self, lines: range) -> bool:
        """Whether the message names the file and one of these lines."""
        return any(line in lines for line in self.lines)


def outcome_of(
    text: str, load: str, arm: str, file: Path, children: Children, limit_factor: float = 1.0
) -> Outcome:
    """Load a scenario into a driver of its own, and run a trial of a second.

    Args:
        text: The scenario; it is written to `file`.
        load: Its kind, as in `tests.mutated_scenarios`.
        arm: URL of the service.
        file: Of the scenario.
        children: Starts the driver.
        limit_factor: Of every time limit for code of the scenario.
    """
    file.write_text(text)
    began = time.monotonic()
    driver = LoadDriver(children, ROOT, None, limit_factor=limit_factor)
    try:
        driver.load(file, open_load=load == OPEN)
        outcome, message = _trial(driver, load, arm)
    except ScenarioError as error:
        outcome, message = REFUSED, f"{error} ({error.file}:{error.line})"
    except DriverError as error:
        outcome, message = VOID, f"{type(error).__name__}: {error}"
    finally:
        seconds = time.monotonic() - began
        children.stop(driver.child)
    found = re.findall(rf"{re.escape(file.name)}(?::|, line )(\d+)", message)
    return Outcome(outcome, message.replace(f"{file.parent}/", ""), tuple(map(int, found)), seconds)


def _trial(driver: LoadDriver, load: str, arm: str) -> tuple[str, str]:
    kind: ClosedLoad | OpenLoad = ClosedLoad(3)
    if load == OPEN:
        kind = OpenLoad("constant", (Stage(None, 10.0, 10.0, WINDOW_S),), 20)
    record = LoadRecordBuilder(kind, WARMUP_S)
    for message in driver.drive(RunTrial(arm, load_spec(kind), WARMUP_S, WINDOW_S, "s")):
        if isinstance(message, Frame):
            record.add(message)
        elif isinstance(message, Closed):
            record.close(message)
    trial = Trial(1, 1, "narrow", 0.0, WINDOW_S, evidence=record.evidence())
    trial = inspect(
        altered(trial, ticker_late_p99_s=0.0),
        replace(with_load(claim(ratio(2.5)), kind), limits=Limits()),  # nobody observes the arm
        record.task_errors,
    )
    faults = [fault for fault in trial.faults if fault.gate not in _MACHINE]
    if not faults:
        return MEASURED, ""
    return VOID, faults[0].message
