"""How often the rule of decision finds a difference between equal arms, by exchanging their labels.

If two arms are equal, their names in a block may be exchanged without changing what is seen, so
every exchange gives a run that could have happened (randomization test: Fisher, 1935). The share
of these runs in which any look excludes "no difference" is the rate of false alarms, whatever the
distribution of the noise is.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.stats.student_t import critical_value

MAX_BLOCKS = 16  # all exchanges are tried: 2 to this power


def false_alarm_rate(log_ratios: Sequence[float], first: int, tail: float) -> float:
    """Return the share of all exchanges in which some look decides against no difference.

    Args:
        log_ratios: Of two equal arms in each block, in order; at most MAX_BLOCKS.
        first: Blocks at the first look, at least 2.
        tail: One-sided level of every look, in (0, 0.5).

    Raises:
        ValueError: If there are too many blocks, or fewer than at the first look.
    """
    import numpy as np  # heavy: most commands need none of this

    count = len(log_ratios)
    if not max(first, 2) <= count <= MAX_BLOCKS:
        raise ValueError(f"{count} blocks: give {max(first, 2)} to {MAX_BLOCKS}")
    numbers = np.arange(2 ** (count - 1))[:, None]  # the first label is fixed: sides are alike
    signs = 1.0 - 2.0 * ((numbers >> np.arange(count)) & 1)
    values = signs * np.asarray(log_ratios, dtype=float)
    counts = np.arange(1, count + 1)
    means = values.cumsum(axis=1) / counts
    squares = np.maximum((values**2).cumsum(axis=1) - counts * means**2, 0.0)
    alarmed = np.zeros(len(values), dtype=bool)
    for n in range(first, count + 1):
        half = critical_value(tail, n - 1) * np.sqrt(squares[:, n - 1] / (n - 1) / n)
        alarmed |= np.abs(means[:, n - 1]) > half
    return float(alarmed.mean())
