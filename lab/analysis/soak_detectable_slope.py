"""The smallest slope that a planned soak would detect."""

from __future__ import annotations

import math

from lab.analysis.soak_binning import HOUR_S
from lab.analysis.soak_noise import Noise
from lab.stats.margins import SlopeMargins
from lab.stats.student_t import noncentrality


def detectable_slope(
    noise: Noise,
    length_s: float,
    interval_s: float,
    pairs: int,
    compared: bool,
    tail: float,
    margins: SlopeMargins,
) -> float:
    """Return the smallest slope that a soak would detect nine times in ten.

    The error of a slope over kept hours L and m bins is that of a least squares line: white noise
    of variance s2 gives 12 s2 / (m L^2), a random walk of q2 per hour gives 6 q2 / (5 L). The
    slope must exceed it in the interval, and in every third, whose slope is known less well.

    Args:
        noise: Of one arm's series.
        length_s: Of the whole soak, seconds.
        interval_s: Between two values, seconds.
        pairs: Blocks.
        compared: Whether the slope is of the difference of two arms.
        tail: Probability left out on each side, in (0, 0.5).
        margins: Of the planned run.

    Returns:
        In the series' unit per hour.
    """
    hours = length_s / pairs / HOUR_S * (1 - margins.dropped_share)
    intervals = max(1.0, hours * HOUR_S / interval_s)
    bins = min(float(margins.bins), intervals)
    # the variance of the minimum of n normal values falls about so, and not as 1 / n
    scatter2 = noise.scatter**2 / (intervals / bins) ** 0.42
    arms = 2 if compared else 1
    white = arms * 12 * scatter2 / (bins * hours**2) / pairs
    walk = arms * 6 * noise.walk**2 / (5 * hours) / pairs
    degrees = pairs - 1 if pairs > 1 else max(2, int(bins) // margins.bins_per_cosine)
    # Each of the two conditions holds in .95 of the cases, both hence in .9 or more.
    by_interval = noncentrality(tail, degrees, 0.95) * math.sqrt(white + walk)
    # The variance of a third's slope is 27 times that of the whole in white noise, 3 in a walk.
    # All three must stay above `min_third`: each in .983, a margin of 2.1 standard errors.
    by_thirds = 2.1 * math.sqrt(27 * white + 3 * walk) / (1 - margins.min_third)
    return max(by_interval, by_thirds)
