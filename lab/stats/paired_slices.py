"""Two things measured in turn, in short slices, become one ratio.

A machine that changes its speed for tenths of a second to seconds meets neighbouring slices alike,
so that it cancels in their ratio; the median leaves out the few pairs that a change of speed falls
between, and slices that were interrupted. The order of the slices has to be random in each round
(randomized multiple interleaved trials: Abedi & Brecht, 2017; for functions that alternate within
a process: Tango, 2024).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from lab.stats.confidence_interval import log_ratio

_OF_A_MEDIAN = math.sqrt(math.pi / 2)  # its standard error relative to that of a mean
_OF_A_DEVIATION = 1.4826  # from a median absolute deviation to a standard deviation


def paired_log_ratio(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the median over rounds of ``log(b_i / a_i)``.

    Args:
        a: Shape (rounds,): the value of one slice in each round, > 0.
        b: Shape (rounds,): of the other, in the same rounds and the same unit, > 0.

    Returns:
        The log ratio of one block, which is one observation: neighbouring rounds are correlated,
        so that their spread is no measure of its error.

    Raises:
        ValueError: If there is no round, the lengths differ, or a value is not positive and finite.
    """
    ratios = log_ratio(a, b)
    if not ratios:
        raise ValueError("a paired log ratio needs at least one round")
    return statistics.median(ratios)


def median_error(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the standard error of `paired_log_ratio` as the scatter of its rounds shows it.

    From their median absolute deviation, as if they were independent and normal. That is no error
    of a block: it says how much the machine changes within a round.

    Args:
        a: As for `paired_log_ratio`.
        b: As for `paired_log_ratio`.

    Returns:
        On the scale of the log ratio; 0 without any round.

    Raises:
        ValueError: If the lengths differ, or a value is not positive and finite.
    """
    ratios = log_ratio(a, b)
    if not ratios:
        return 0.0
    middle = statistics.median(ratios)
    deviation = _OF_A_DEVIATION * statistics.median(abs(each - middle) for each in ratios)
    return _OF_A_MEDIAN * deviation / math.sqrt(len(ratios))
