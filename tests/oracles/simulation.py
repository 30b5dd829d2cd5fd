"""How often the sequential rule decides wrongly, by simulation.

A generator returns block values ``d_i = log(b_i / a_i)``, an array of shape (runs, blocks), for
two arms between which there is no difference. What is estimated is the *mean of d* (the log of
the ratio of geometric means), so that is what is exactly 0 in each of them: not the median of d,
and not the log of the ratio of means, which skew moves elsewhere. The one exception is named by
`drifting` itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.stats.pocock_table import running_t
from lab.stats.sequential import nominal_level
from lab.stats.student_t import critical_value

Values = npt.NDArray[np.float64]
Order = Literal["random", "fixed", "grouped"]


@dataclass(frozen=True)
class DecisionRates:
    """Shares of runs that ended in each decision; the rest stayed undecided.

    Attributes:
        supported: Share whose interval first lay wholly above the bound.
        contradicted: Share whose interval first lay wholly below it.
        runs: How many runs these are shares of.
    """

    supported: float
    contradicted: float
    runs: int


def decision_rates(
    block_values: Values, bound: float, level: float, first: int, last: int
) -> DecisionRates:
    """Apply the stopping rule at a given nominal level; what is decided first stays decided.

    Args:
        block_values: Shape (runs, at least ``last``), the values in the order of the blocks.
        bound: What the claim is compared with, in the unit of the values.
        level: One-sided probability at each look.
        first: Blocks at the first look, at least 2.
        last: Blocks at the last look.

    Raises:
        ValueError: If there are fewer blocks than ``last`` or the looks are out of order.
    """
    runs, blocks = block_values.shape
    if not 2 <= first <= last <= blocks:
        raise ValueError(f"cannot look from {first} to {last} in {blocks} blocks")
    t = running_t(block_values[:, :last], bound)[:, first - 1 :]
    critical = np.array([critical_value(level, n - 1) for n in range(first, last + 1)])
    above, below = t > critical, t < -critical
    decided = above | below
    # argmax finds the first look that decided; where none did, both sides are false there.
    at_first = np.argmax(decided, axis=1)[:, np.newaxis]
    return DecisionRates(
        supported=float(np.take_along_axis(above, at_first, axis=1).mean()),
        contradicted=float(np.take_along_axis(below, at_first, axis=1).mean()),
        runs=runs,
    )


def false_decision_rate(
    block_values: Values, *, bound: float = 0.0, alpha: float, first: int, last: int
) -> DecisionRates:
    """Return how often the lab's rule decides when the truth lies exactly at the bound.

    Either decision is false then, and each should occur in a share ``alpha`` of runs at most
    (Pocock, 1977): a little less, since a run that decided one way never decides the other.

    Args:
        block_values: Shape (runs, at least ``last``), with mean ``bound``.
        bound: The truth, in the unit of the values; 0 is a ratio of 1.
        alpha: Promised rate of false decisions on one side.
        first: Blocks at the first look.
        last: Blocks at the last look.

    Raises:
        ValueError: If there are too few blocks or the table does not cover the looks.
    """
    level = nominal_level(alpha, first, last)
    return decision_rates(block_values, bound, level, first, last)


def normal(rng: np.random.Generator, runs: int, blocks: int, sd: float = 0.05) -> Values:
    """Return independent normal noise: what the levels are exact for.

    Args:
        rng: Source of randomness.
        runs: Rows.
        blocks: Columns.
        sd: Standard deviation of d.
    """
    return rng.normal(0.0, sd, (runs, blocks))


def exponential_arm(
    rng: np.random.Generator, runs: int, blocks: int, scale: float = 0.05, other: float = 0.0
) -> Values:
    """Return noise with an exponential tail in arm b: trials that now and then go badly.

    The log of b's measure is a constant plus ``scale * X``, X standard exponential, and its mean
    is taken off: d = scale * (X - 1) + normal noise of arm a.

    Args:
        rng: Source of randomness.
        runs: Rows.
        blocks: Columns.
        scale: Standard deviation of arm b's log measure.
        other: Standard deviation of arm a's log measure, which is normal; noise there hides skew.
    """
    skewed = scale * (rng.standard_exponential((runs, blocks)) - 1)
    return skewed + rng.normal(0.0, other, (runs, blocks))


def lognormal_arm(
    rng: np.random.Generator,
    runs: int,
    blocks: int,
    scale: float = 0.05,
    sigma: float = 1.0,
    other: float = 0.0,
) -> Values:
    """Return noise with a lognormal tail in arm b, heavier than `exponential_arm`.

    It is the *log* of b's measure that carries the lognormal X: a lognormal measure would have
    a normal log, without any skew. The mean of X, exp(sigma² / 2), is taken off.

    Args:
        rng: Source of randomness.
        runs: Rows.
        blocks: Columns.
        scale: Factor on X, in units of d.
        sigma: Shape of X: the standard deviation of log X.
        other: Standard deviation of arm a's log measure, which is normal; noise there hides skew.
    """
    skewed = scale * (rng.lognormal(0.0, sigma, (runs, blocks)) - math.exp(sigma**2 / 2))
    return skewed + rng.normal(0.0, other, (runs, blocks))


def autoregressive(
    rng: np.random.Generator, runs: int, blocks: int, rho: float = 0.2, sd: float = 0.05
) -> Values:
    """Return noise of which each block remembers the one before: a stationary AR(1).

    Args:
        rng: Source of randomness.
        runs: Rows.
        blocks: Columns.
        rho: Correlation of neighbouring blocks, in (-1, 1).
        sd: Standard deviation of d in every block, the first included.
    """
    noise = rng.normal(0.0, sd, (runs, blocks))
    fresh = math.sqrt(1 - rho**2)
    for block in range(1, blocks):
        noise[:, block] = rho * noise[:, block - 1] + fresh * noise[:, block]
    return noise


def drifting(
    rng: np.random.Generator,
    runs: int,
    blocks: int,
    order: Order,
    drift: float = 0.1,
    sd: float = 0.05,
) -> Values:
    """Return noise on a machine that slows steadily from trial to trial, both arms being equal.

    ``random`` draws the order of the two trials in each block, and the mean of d is 0. ``fixed``
    runs a before b in every block, ``grouped`` all of a before all of b: the arms are still
    equal, so the truth is 0, but the mean of d is one step of the drift, or ``blocks`` steps.
    That bias is what they are here to show.

    Args:
        rng: Source of randomness.
        runs: Rows.
        blocks: Columns; each is two trials.
        order: Which arm goes first.
        drift: Change of the log measure from the first trial to the last.
        sd: Standard deviation of d without drift.
    """
    step = drift / (2 * blocks - 1)
    noise = rng.normal(0.0, sd, (runs, blocks))
    if order == "random":
        return noise + step * rng.choice((-1.0, 1.0), (runs, blocks))
    return noise + step * (blocks if order == "grouped" else 1)
