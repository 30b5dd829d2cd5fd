"""Estimates over blocks when some blocks show none, as the knee or the peak of a sweep."""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.stats.confidence_interval import ConfidenceInterval, t_interval_of_logs

MAX_MISSING = 0.25
"""Share of the blocks that may lack the estimate."""


def geometric_mean(estimates: Sequence[float | None], tail: float) -> ConfidenceInterval | None:
    """Return the geometric mean over blocks with Student's t interval on the log scale.

    For values above 0 that vary by a share: capacities, knees, peaks, rates. For values that may
    be 0 use `t_interval`.

    Args:
        estimates: One per block, > 0; None when the block shows none.
        tail: Probability left out on each side, in (0, 0.5).

    Returns:
        The mean and its interval, in the unit of the estimates; None when there is no estimate,
        or more than `MAX_MISSING` of the blocks show none. A single estimate has the interval
        from 0 to infinity.

    Raises:
        ValueError: If ``tail`` is out of range or an estimate is not positive and finite.
    """
    shown = [estimate for estimate in estimates if estimate is not None]
    if not all(0 < estimate < math.inf for estimate in shown):
        raise ValueError("a log scale needs positive, finite estimates")
    if not shown or len(estimates) - len(shown) > MAX_MISSING * len(estimates):
        return None
    return t_interval_of_logs([math.log(estimate) for estimate in shown], tail)


def shows_absence(without: int, blocks: int, tail: float) -> bool:
    """Return whether so many blocks without an effect show that there is none.

    If there were one, a block would miss it with probability `MAX_MISSING` at most (with more, it
    is no estimate either, see `geometric_mean`). The number of blocks that miss it is then
    binomial.

    Args:
        without: Blocks that show its absence.
        blocks: All blocks.
        tail: Probability that counts as rare enough, in (0, 0.5).
    """
    chances = (
        math.comb(blocks, count) * MAX_MISSING**count * (1 - MAX_MISSING) ** (blocks - count)
        for count in range(without, blocks + 1)
    )
    return blocks > 0 and math.fsum(chances) <= tail
