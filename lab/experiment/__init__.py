"""Runs an experiment: the loops over blocks, and how a trial of each kind is run."""

from lab.experiment.benchmark_trials import BenchmarkTrials
from lab.experiment.block_loop import BlockLoop, TrialRunner
from lab.experiment.events import (
    BlockEnded,
    Event,
    IntervalElapsed,
    Profiling,
    SecondElapsed,
    TrialBegun,
    TrialEnded,
)
from lab.experiment.load_trials import LoadTrials
from lab.experiment.session import Session
from lab.experiment.soak_loop import SoakLoop
from lab.experiment.stored_run import elapsed_of, sealed_hypothesis, slopes_so_far, verdict_of

__all__ = [
    "BenchmarkTrials",
    "BlockEnded",
    "BlockLoop",
    "Event",
    "IntervalElapsed",
    "LoadTrials",
    "Profiling",
    "SecondElapsed",
    "Session",
    "SoakLoop",
    "TrialBegun",
    "TrialEnded",
    "TrialRunner",
    "elapsed_of",
    "sealed_hypothesis",
    "slopes_so_far",
    "verdict_of",
]
