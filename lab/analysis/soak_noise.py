"""The noise of a soak's series: assumed, or measured on earlier soak trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lab.analysis.soak_binning import HOUR_S, BinnedSeries, bin_series
from lab.stats.margins import SlopeMargins
from lab.stats.time_bins import time_bins
from lab.trials.time_series import TimeSeries


@dataclass(frozen=True)
class Noise:
    """The noise that hides a slope: the scatter of single values, and a random walk of the level.

    Attributes:
        scatter: Standard deviation of the value of an interval, in the series' unit.
        walk: Standard deviation of the change of the level in an hour, in the series' unit.
        source: Where both figures come from, for messages.
    """

    scatter: float
    walk: float
    source: str


_SAMPLE_SOAKS = "more than ten-minute soaks of the sample service showed, on two shared cores"
_DEFAULTS: Mapping[str, Noise] = {
    "rss_bytes": Noise(0.05e6, 1.0e6, _SAMPLE_SOAKS),
    "descriptors": Noise(0.5, 15.0, _SAMPLE_SOAKS),
    "rooms": Noise(2.0, 20.0, _SAMPLE_SOAKS),
}


def default_noise(series: str) -> Noise | None:
    """Return the noise that is assumed without a recorded soak; None if nothing is known of it."""
    return _DEFAULTS.get(series)


def measure_noise(
    recorded: Mapping[str, Sequence[TimeSeries]], series: str, source: str, margins: SlopeMargins
) -> Noise | None:
    """Return the noise of a recorded series about its slope.

    The scatter is that of the intervals themselves. The walk is the larger of two: what the bins
    of a trial show, and what makes the slopes of an arm's trials differ.

    Args:
        recorded: By arm, one time series per soak trial.
        series: Its name, or a selector of gauges.
        source: Where the records come from, for messages.
        margins: How a series is binned.

    Returns:
        The noise; None if no trial has enough bins for a slope.
    """
    scatters, walks, between = [], [], []
    for trials in recorded.values():
        slopes, hours = [], 0.0
        for trial in trials:
            binned = bin_series([trial], series, margins)
            if binned is None or (fitted := binned.fit) is None:
                continue
            slopes.append(float(fitted.slope))
            hours = float(np.ptp(binned.times))
            scatters.append(_scatter_variance(trial, series, slopes[-1], margins))
            walks.append(_walk_variance(binned, slopes[-1]))
        if slopes[1:]:
            # the variance of a slope in a random walk of q2 per hour is 6 q2 / (5 hours)
            between.append(float(np.var(slopes, ddof=1)) * 5 * hours / 6)
    if not scatters:
        return None
    walk2 = max(float(np.mean(walks)), float(np.mean(between)) if between else 0.0)
    return Noise(math.sqrt(np.mean(scatters)), math.sqrt(walk2), source)


def _scatter_variance(trial: TimeSeries, series: str, slope: float, margins: SlopeMargins) -> float:
    """Return the variance of an interval's value about the line, in the part that is kept."""
    values = trial.series(series)
    assert values is not None
    bins = time_bins(trial.times / HOUR_S, trial.segments, margins)
    kept = np.where(bins.bin_of >= 0, values, math.nan)
    steps = np.diff(kept - slope * trial.times / HOUR_S)
    steps = steps[trial.segments[1:] == trial.segments[:-1]]
    return float(np.nanmean(steps**2)) / 2


def _walk_variance(binned: BinnedSeries, slope: float) -> float:
    """Return the variance of a random walk in an hour, about the line.

    Two unknowns from two lags: the difference over two bins has the same variance from white
    noise as over one bin, and twice the variance from a walk.
    """
    residual = binned.values - slope * binned.times
    near = binned.segments[1:] == binned.segments[:-1]
    far = binned.segments[2:] == binned.segments[:-2]
    one = float(np.mean(np.diff(residual)[near] ** 2))
    two = float(np.mean((residual[2:] - residual[:-2])[far] ** 2))
    walk2 = max(0.0, two - one)
    return walk2 / float(np.mean(np.diff(binned.times)[near]))
