"""Soaks with a known truth: series with a planted slope, and blocks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.hypothesis import Step
from lab.trials.block_grouping import Block
from lab.trials.time_series import TimeSeries
from lab.trials.trial import SoakEvidence, Trial

Segments = npt.NDArray[np.int64]
Shape = Literal["line", "stops", "fills"]

INTERVALS = 180  # of five seconds: a quarter of an hour
INTERVAL_S = 5.0


def memory_series(
    rng: np.random.Generator,
    slope: float,
    segments: Segments | None = None,
    shape: Shape = "line",
) -> TimeSeries:
    """Memory that rises by `slope` MB per hour, with white noise of 0.2 MB.

    ``stops`` rises for about half of the time only, ``fills`` approaches a limit.
    """
    times = np.arange(1, INTERVALS + 1, dtype=np.float64) * INTERVAL_S
    hours = times / 3600
    rise = {
        "line": slope * hours,
        "stops": slope * np.minimum(hours, hours[-1] * 0.55),
        "fills": slope * 0.05 * (1 - np.exp(-hours / 0.05)),
    }[shape]
    if segments is None:
        segments = np.zeros(INTERVALS, dtype=np.int64)
    values = 1e6 * (100 + rise + rng.normal(0, 0.2, INTERVALS) + 7.0 * segments)
    return TimeSeries(times, segments, {"rss_bytes": values, 'rooms{kind="a"}': times})


def soak_trial(arm: str, block: int, recorded: TimeSeries) -> Trial:
    """A soak trial that recorded this."""
    return Trial(block, 1, arm, 0.0, 900.0, evidence=SoakEvidence(time_series=recorded))


def soak_blocks(
    rng: np.random.Generator,
    count: int,
    suspect: Callable[[], TimeSeries],
    control_slope: float = 0.0,
) -> list[Block]:
    """Blocks of two arms: "with" records what `suspect` returns, "without" has its own slope."""
    return [
        {
            Step("with"): (soak_trial("with", block, suspect()),),
            Step("without"): (soak_trial("without", block, memory_series(rng, control_slope)),),
        }
        for block in range(1, count + 1)
    ]
