"""Events that a session yields: everything that a progress display may want to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.experiment.soak_trial_builder import SoakTrial
from lab.hypothesis import Step
from lab.trials.trial import Fault, Trial
from lab.verdict.record import Verdict


@dataclass(frozen=True)
class TrialBegun:
    """A trial is about to start."""

    block: int
    position: int
    step: Step


@dataclass(frozen=True)
class ArmsRestarting:
    """All arms of a load test are about to get fresh processes."""

    block: int
    arms: int


@dataclass(frozen=True)
class SecondElapsed:
    """A second of a trial has passed."""

    rate: float  # requests per second that ended in it


@dataclass(frozen=True)
class Launch:
    """One of the launches of a block of a benchmark."""

    block: int
    number: int  # from 1
    launches: int  # of the block

    def __str__(self) -> str:
        which = f", launch {self.number} of {self.launches}" if self.launches > 1 else ""
        return f"block {self.block}{which}"


@dataclass(frozen=True)
class ProcessesStarting:
    """The processes of a launch of a benchmark are about to start, side by side."""

    launch: Launch
    processes: int


@dataclass(frozen=True)
class SlicesMeasured:
    """Every process that is alive has measured another slice."""

    launch: Launch
    processes: int
    done: int  # slices of each process, so far
    slices: int  # of each process
    slice_s: float


@dataclass(frozen=True)
class TrialEnded:
    """A trial has ended and is on disk."""

    trial: Trial


@dataclass(frozen=True)
class BlockEnded:
    """A block is complete or void."""

    block: int
    faults: tuple[Fault, ...]
    interim_verdict: Verdict


@dataclass(frozen=True)
class Profiling:
    """An arm is about to be profiled, which is not timed."""

    arm: str


@dataclass(frozen=True)
class IntervalElapsed:
    """An interval of a soak has passed and is on disk."""

    block: int
    passed_s: float  # since the block began
    block_s: float
    trials: Mapping[str, SoakTrial]  # by arm


Event = (
    IntervalElapsed
    | ArmsRestarting
    | TrialBegun
    | SecondElapsed
    | ProcessesStarting
    | SlicesMeasured
    | TrialEnded
    | BlockEnded
    | Profiling
)
