"""The nominal level of sequential looks: one after every block, at the promised error rate.

After each block from ``first`` to ``last`` the t interval is computed at one constant nominal
level (Pocock, 1977). Under normal noise, the probability that *any* look excludes the truth on a
given side is then ``alpha``. Such an interval is a repeated confidence interval (Jennison &
Turnbull, 1989): it is valid whenever one stops, for any reason.

If several claims must all hold, each is tested at the full ``alpha`` (intersection-union test:
Berger, 1982). If one of ``k`` is to be refuted, each is tested at ``alpha / k`` (Holm, 1979). The
table holds these fractions of .05 and .01 for ``k`` up to 8. `lab.stats.pocock_table` computes it.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_left
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("pocock_levels.json")
"""The file with the nominal levels."""


def nominal_level(alpha: float, first: int, last: int) -> float:
    """Return the one-sided level of every look (Pocock, 1977).

    Between two tabulated alphas the level is interpolated linearly in the logarithms. It is never
    extrapolated.

    Args:
        alpha: Probability of a false decision on one side over all looks.
        first: Blocks at the first look.
        last: Blocks at the last look.

    Returns:
        The nominal one-sided probability, at most ``alpha``.

    Raises:
        ValueError: If the table does not cover these looks or this alpha.
    """
    if first == last:
        return alpha  # a single look
    alphas, levels = _table()
    row = levels.get((first, last))
    if row is None:
        lasts: dict[int, list[int]] = {}
        for start, end in levels:
            lasts.setdefault(start, []).append(end)
        available = "; ".join(
            f"from {start} to {', '.join(map(str, ends))}" for start, ends in lasts.items()
        )
        raise ValueError(f"no levels for looks from {first} to {last}; available: {available}")
    for known, level in zip(alphas, row, strict=True):
        if math.isclose(alpha, known, rel_tol=1e-9):
            return level
    if not alphas[0] < alpha < alphas[-1]:
        raise ValueError(f"no levels for alpha {alpha}; available: {alphas[0]} to {alphas[-1]}")
    above = bisect_left(alphas, alpha)
    below = above - 1
    share = math.log(alpha / alphas[below]) / math.log(alphas[above] / alphas[below])
    return row[below] * math.pow(row[above] / row[below], share)


@cache
def _table() -> tuple[list[float], dict[tuple[int, int], list[float]]]:
    """Return ascending alphas, and for each pair of first and last look the level per alpha."""
    data = json.loads(TABLE.read_text(encoding="utf-8"))
    levels = {
        (int(first), int(last)): row
        for first, rows in data["levels"].items()
        for last, row in rows.items()
    }
    return data["alphas"], levels
