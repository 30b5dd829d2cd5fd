"""Simulated error rates of the sequential rule.

A generator returns block values ``d_i = log(b_i / a_i)``, an array of shape (runs, blocks), for
two arms between which there is no difference. What is estimated is the *mean of d* (the log of
the ratio of geometric means), which is exactly 0 in each of them: not the median of d, and not the
log of the ratio of means, which skew moves elsewhere. The only exception is `drifting`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from lab.stats.pocock_table import running_t
from lab.stats.sequential_looks import nominal_level
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
    """Apply the stopping rule at a given nominal level; the first decision is final.

    Args:
        block_values: Shape (runs, at least ``last``), the values in the order of the blocks.
        bound: Of the claim, in the unit of the values.
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
    # argmax finds the first look that decided; if none did, both sides are false there.
    at_first = np.argmax(decided, axis=1)[:, np.newaxis]
    return DecisionRates(
        supported=float(np.take_along_axis(above, at_first, axis=1).mean()),
        contradicted=float(np.take_along_axis(below, at_first, axis=1).mean()),
        runs=runs,
    )


def false_decision_rate(
    block_values: Values, *, bound: float = 0.0, alpha: float, first: int, last: int
) -> DecisionRates:
    """Return how often the rule decides when the truth lies exactly at the bound.

    Both decisions are then false, and each should occur in a share ``alpha`` of runs at most
    (Pocock, 1977): a little less, since a run decides only once.

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
    """Return independent normal noise, for which the levels are exact.

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
    """Return noise with an exponential tail in arm b, as of occasional disturbed trials.

    The log of b's measure is a constant plus ``scale * X``, X standard exponential, minus its mean:
    d = scale * (X - 1) + normal noise of arm a.

    Args:
        rng: Source of randomness.
        runs: Rows.
        blocks: Columns.
        scale: Standard deviation of arm b's log measure.
        other: Standard deviation of arm a's log measure, which is normal and hides skew.
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

    The *log* of b's measure contains the lognormal X: a lognormal measure would have a normal log,
    without skew. The mean of X, exp(sigma² / 2), is subtracted.

    Args:
        rng: Source of randomness.
        runs: Rows.
        blocks: Columns.
        scale: Factor on X, in units of d.
        sigma: Shape of X: the standard deviation of log X.
        other: Standard deviation of arm a's log measure, which is normal and hides skew.
    """
    skewed = scale * (rng.lognormal(0.0, sigma, (runs, blocks)) - math.exp(sigma**2 / 2))
    return skewed + rng.normal(0.0, other, (runs, blocks))


def autoregressive(
    rng: np.random.Generator, runs: int, blocks: int, rho: float = 0.2, sd: float = 0.05
) -> Values:
    """Return autocorrelated noise, a stationary AR(1) over blocks.

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
    """Return noise on a machine that slows steadily from trial to trial, with equal arms.

    ``random`` draws the order of the two trials in each block, and the mean of d is 0. ``fixed``
    runs a before b in every block, ``grouped`` all of a before all of b: the arms are still
    equal, so the truth is 0, but the mean of d is one step of the drift, or ``blocks`` steps.
    They show that bias.

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
