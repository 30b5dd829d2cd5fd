"""An experiment under way: the loop over blocks, and what one trial of each kind is."""

from lab.experiment.benchmark import BenchmarkTrials
from lab.experiment.events import (
    BlockEnded,
    Event,
    Interval,
    Profiling,
    Second,
    TrialBegun,
    TrialEnded,
)
from lab.experiment.load import LoadTrials
from lab.experiment.loop import Experiment, Instrument
from lab.experiment.record import elapsed_of, sealed_hypothesis, slopes_so_far, verdict_of
from lab.experiment.soak import Soak

__all__ = [
    "BenchmarkTrials",
    "BlockEnded",
    "Event",
    "Experiment",
    "Instrument",
    "Interval",
    "LoadTrials",
    "Profiling",
    "Second",
    "Soak",
    "TrialBegun",
    "TrialEnded",
    "elapsed_of",
    "sealed_hypothesis",
    "slopes_so_far",
    "verdict_of",
]
