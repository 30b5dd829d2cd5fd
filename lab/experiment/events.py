"""What the loop yields: everything that a display may want to show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lab.experiment.soak_trial import SoakTrial
from lab.hypothesis import Step
from lab.trial import Fault, Trial
from lab.verdict import Verdict


@dataclass(frozen=True)
class TrialBegun:
    """A trial is about to be driven."""

    block: int
    position: int
    step: Step


@dataclass(frozen=True)
class SecondElapsed:
    """A second of a trial has passed."""

    rate: float  # requests that ended in it, per second


@dataclass(frozen=True)
class TrialEnded:
    """A trial is on disk."""

    trial: Trial


@dataclass(frozen=True)
class BlockEnded:
    """A block is complete, or void; what the evidence says so far."""

    block: int
    faults: tuple[Fault, ...]
    interim_verdict: Verdict


@dataclass(frozen=True)
class Profiling:
    """An arm is being profiled, untimed."""

    arm: str


@dataclass(frozen=True)
class IntervalElapsed:
    """An interval of a soak is on disk."""

    block: int
    passed_s: float  # of the block
    block_s: float
    lives: Mapping[str, SoakTrial]  # by arm


Event = IntervalElapsed | TrialBegun | SecondElapsed | TrialEnded | BlockEnded | Profiling
