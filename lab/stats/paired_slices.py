"""Two things measured in turn, in short slices, become one ratio.

A machine that changes its speed for tenths of a second to seconds meets neighbouring slices alike,
so that it cancels in their ratio; the median leaves out the few pairs that a change of speed falls
between, and slices that were interrupted. The order of the slices has to be random in each round
(randomized multiple interleaved trials: Abedi & Brecht, 2017; for functions that alternate within
a process: Tango, 2024).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from lab.stats.confidence_interval import log_ratio


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
