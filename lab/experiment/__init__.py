"""An experiment under way: the loop over blocks, and what one trial of each kind is."""

from lab.experiment.benchmark_trials import BenchmarkTrials
from lab.experiment.block_loop import Experiment, Instrument
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
from lab.experiment.soak_loop import SoakExperiment
from lab.experiment.stored_run import elapsed_of, sealed_hypothesis, slopes_so_far, verdict_of

__all__ = [
    "BenchmarkTrials",
    "BlockEnded",
    "Event",
    "Experiment",
    "Instrument",
    "IntervalElapsed",
    "LoadTrials",
    "Profiling",
    "SecondElapsed",
    "SoakExperiment",
    "TrialBegun",
    "TrialEnded",
    "elapsed_of",
    "sealed_hypothesis",
    "slopes_so_far",
    "verdict_of",
]
