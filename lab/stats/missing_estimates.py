"""Estimates over blocks when some blocks show none, as the knee or the peak of a sweep."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from lab.stats.confidence_interval import ConfidenceInterval, t_interval_of_logs


def geometric_mean(
    estimates: Sequence[float | None], tail: float, max_missing: float
) -> ConfidenceInterval | None:
    """Return the geometric mean over blocks with Student's t interval on the log scale.

    For values above 0 that vary by a share: capacities, knees, peaks, rates. For values that may
    be 0 use `t_interval`.

    Args:
        estimates: One per block, > 0; None when the block shows none.
        tail: Probability left out on each side, in (0, 0.5).
        max_missing: Share of the blocks that may show none.

    Returns:
        The mean and its interval, in the unit of the estimates; None when there is no estimate,
        or more than `max_missing` of the blocks show none. A single estimate has the interval
        from 0 to infinity.

    Raises:
        ValueError: If ``tail`` is out of range or an estimate is not positive and finite.
    """
    shown = [estimate for estimate in estimates if estimate is not None]
    if not all(0 < estimate < math.inf for estimate in shown):
        raise ValueError("a log scale needs positive, finite estimates")
    if not shown or len(estimates) - len(shown) > max_missing * len(estimates):
        return None
    return t_interval_of_logs([math.log(estimate) for estimate in shown], tail)


def shows_absence(without: int, blocks: int, tail: float, max_missing: float) -> bool:
    """Return whether so many blocks without an effect show that there is none.

    If there were one, a block would miss it with probability `max_missing` at most (with more, it
    is no estimate either, see `geometric_mean`). The number of blocks that miss it is then
    binomial.

    Args:
        without: Blocks that show its absence.
        blocks: All blocks.
        tail: Probability that counts as rare enough, in (0, 0.5).
        max_missing: Share of the blocks that may lack an estimate, in (0, 1).
    """
    chances = (
        math.comb(blocks, count) * max_missing**count * (1 - max_missing) ** (blocks - count)
        for count in range(without, blocks + 1)
    )
    return blocks > 0 and math.fsum(chances) <= tail


def blocks_to_show_absence(tail: float, max_missing: float) -> int:
    """Return how many blocks show that there is no effect if all of them show its absence.

    Args:
        tail: Probability that counts as rare enough, in (0, 0.5).
        max_missing: Share of the blocks that may lack an estimate, in (0, 1).
    """
    return next(n for n in itertools.count(1) if shows_absence(n, n, tail, max_missing))
