"""Computes the table of nominal levels: ``python -m lab.stats.pocock_table``.

The smallest one-sided p-value over the looks is simulated for independent normal block values. Its
``alpha`` quantile is the level for ``alpha``: the t boundary of constant nominal level (Pocock,
1977), which has no closed form for so few blocks. Every path is used with both signs, which are
equally likely. Takes about three minutes on one core.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from lab.stats.sequential_looks import TABLE
from lab.stats.student_t import critical_value, upper_tail

SEED = 1977
DRAWS = 60_000_000
CHUNK = 50_000
FIRSTS = (3, 4, 5, 6)
LASTS = (*range(3, 17), 20, 24)
ALPHAS = sorted({alpha / k for alpha in (0.05, 0.01) for k in range(1, 9)} | {0.025})

# p-values are counted in narrow bins of their logarithm, which takes far less memory.
# Their width, .05 %, is below the error of the simulation, and values are interpolated in a bin.
_LOWEST, _HIGHEST, _WIDTH = math.log(1e-6), math.log(0.06), 0.0005
_BINS = math.ceil((_HIGHEST - _LOWEST) / _WIDTH)

Values = npt.NDArray[np.float64]
Counts = dict[tuple[int, int], npt.NDArray[np.int64]]


def look_ranges() -> Iterator[tuple[int, int]]:
    """Yield each pair of first and last look in the table; a single look needs no simulation."""
    for first in FIRSTS:
        for last in LASTS:
            if last > first:
                yield first, last


def running_t(values: Values, bound: float = 0.0) -> Values:
    """Return the one-sample t statistic of the first n values, for every n.

    Args:
        values: Shape (runs, blocks).
        bound: The mean under the null, in the unit of ``values``.

    Returns:
        Shape (runs, blocks); column ``n - 1`` holds the statistic after ``n`` blocks. The first
        column is NaN, and values without any spread give an infinite statistic (NaN at the bound).
    """
    n = np.arange(1, values.shape[1] + 1)
    shifted = values - bound
    sums = np.cumsum(shifted, axis=1)
    squares = np.cumsum(shifted * shifted, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = np.maximum(squares - sums * sums / n, 0) / (n - 1)
        t: Values = sums / np.sqrt(n * variance)
    return t


def simulate(rng: np.random.Generator, draws: int) -> Counts:
    """Count the smallest p-value over every range of looks.

    Args:
        rng: Source of randomness.
        draws: Number of paths; each counts twice, once mirrored.

    Returns:
        For each (first, last) the counts per bin of log p, shape (bins + 1,). The last bin holds
        all p-values that are too large to matter.
    """
    counts: Counts = {looks: np.zeros(_BINS + 1, dtype=np.int64) for looks in look_ranges()}
    for start in range(0, draws, CHUNK):
        size = min(CHUNK, draws - start)
        t = running_t(rng.standard_normal((size, max(LASTS)))).T
        for mirrored in (t, -t):
            bins = _p_value_bins(mirrored)
            for first in FIRSTS:
                smallest = np.minimum.accumulate(bins[first - 1 :], axis=0)
                for last in LASTS:
                    if last > first:
                        counts[first, last] += np.bincount(
                            smallest[last - first], minlength=_BINS + 1
                        )
    return counts


def quantile(counts: npt.NDArray[np.int64], alpha: float) -> tuple[float, float]:
    """Return the ``alpha`` quantile of the counted p-values, and its relative standard error.

    The error is that of a sample quantile, sqrt(alpha (1 - alpha) / paths) over the density. The
    two signs of a path are treated as independent. They exclude each other, so that the error is
    overestimated.

    Args:
        counts: Per bin of log p, shape (bins + 1,).
        alpha: Between 0 and 1.
    """
    paths = int(counts.sum())
    share = np.cumsum(counts[:-1]) / paths
    edges = _LOWEST + _WIDTH * np.arange(1, _BINS + 1)
    error = math.sqrt(alpha * (1 - alpha) / paths)
    # The slope of the curve over two errors on each side: wide enough not to be noise itself.
    low, middle, high = np.interp((alpha - 2 * error, alpha, alpha + 2 * error), share, edges)
    return math.exp(middle), float(high - low) / 4


def table(draws: int, seed: int) -> dict[str, Any]:
    """Return the whole table as it is stored, with what is needed to compute it again.

    Args:
        draws: Number of simulated paths.
        seed: Of the random numbers.
    """
    counts = simulate(np.random.default_rng(seed), draws)
    results = {
        looks: [quantile(counted, alpha) for alpha in ALPHAS] for looks, counted in counts.items()
    }
    levels: dict[str, dict[str, list[float]]] = {}
    for first in FIRSTS:
        rows = levels[str(first)] = {str(first): list(ALPHAS)}
        for last in LASTS:
            if last > first:
                rows[str(last)] = [float(f"{level:.5g}") for level, _ in results[first, last]]
    worst = [max(row[column][1] for row in results.values()) for column in range(len(ALPHAS))]
    return {
        "about": "one-sided nominal level of a constant-level t boundary: levels[first][last][i] "
        "belongs to alphas[i]; made by python -m lab.stats.pocock_table",
        "seed": seed,
        "paths": 2 * draws,
        "numpy": np.__version__,
        "relative_standard_error": [float(f"{error:.2g}") for error in worst],
        "alphas": ALPHAS,
        "levels": levels,
    }


def _p_value_bins(t: npt.NDArray[np.float64]) -> npt.NDArray[np.int16]:
    """Return the bin of each one-sided p-value, of the shape of ``t``: (blocks, paths)."""
    bins = np.full(t.shape, _BINS, dtype=np.int16)
    for n in range(min(FIRSTS), t.shape[0] + 1):
        # Only the few small p-values are computed.
        small = np.flatnonzero(t[n - 1] > critical_value(math.exp(_HIGHEST), n - 1))
        log_p = np.log(upper_tail(t[n - 1, small], n - 1))
        bins[n - 1, small] = np.clip((log_p - _LOWEST) / _WIDTH, 0, _BINS)
    return bins


def _main() -> None:
    text = json.dumps(table(DRAWS, SEED))
    # A line per row keeps a difference between two versions readable.
    text = text.replace("], ", "],\n").replace("}, ", "},\n").replace(': {"', ':\n{"') + "\n"
    TABLE.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    _main()
