"""Runs an experiment: the loops over blocks, and how a trial of each kind is run."""

from lab.experiment.benchmark_block_runner import BenchmarkBlocks
from lab.experiment.block_loop import BlockLoop, BlockRunner, SlicedBlockLoop, TrialRunner
from lab.experiment.load_trial_runner import LoadTrials
from lab.experiment.progress_events import (
    ArmsRestarting,
    BlockEnded,
    Event,
    IntervalElapsed,
    ProcessesStarting,
    Profiling,
    SecondElapsed,
    SlicesMeasured,
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
    "ArmsRestarting",
    "BenchmarkBlocks",
    "BlockEnded",
    "BlockLoop",
    "BlockRunner",
    "Event",
    "IntervalElapsed",
    "LoadTrials",
    "ProcessesStarting",
    "Profiling",
    "SecondElapsed",
    "Session",
    "SlicedBlockLoop",
    "SlicesMeasured",
    "SoakLoop",
    "TrialBegun",
    "TrialEnded",
    "TrialRunner",
    "elapsed_of",
    "sealed_hypothesis",
    "slopes_so_far",
    "verdict_of",
]
