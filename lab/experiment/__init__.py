"""Runs an experiment: the loops over blocks, and how a trial of each kind is run."""

from lab.experiment.benchmark_trial_runner import BenchmarkTrials
from lab.experiment.block_loop import BlockLoop, TrialRunner
from lab.experiment.load_trial_runner import LoadTrials
from lab.experiment.progress_events import (
    BlockEnded,
    Event,
    IntervalElapsed,
    Profiling,
    SecondElapsed,
    TrialBegun,
    TrialEnded,
)
from lab.experiment.run_session import Session
from lab.experiment.soak_loop import SoakLoop
from lab.experiment.stored_run_reader import (
    elapsed_of,
    sealed_hypothesis,
    slopes_so_far,
    verdict_of,
)

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
