"""Sweeps with a known truth: throughput by number of users, and noisy blocks of it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from lab.analysis.sweep_curve import SweepCurve
from lab.stats.margins import SweepMargins
from tests.oracles.queueing import asymptotic_bounds

Values = npt.NDArray[np.float64]

USERS: Values = np.array([1.0, 2, 4, 8, 16, 32, 64])


def scalability_law(rate: float, sigma: float, kappa: float, users: Values = USERS) -> Values:
    """The Universal Scalability Law as Gunther (2007) writes it, requests per second."""
    return np.asarray(rate * users / (1 + sigma * (users - 1) + kappa * users * (users - 1)))


def noisy_blocks(rng: np.random.Generator, throughput: Values, blocks: int, sd: float) -> Values:
    """Blocks of a sweep with lognormal noise, shape (blocks, levels); `sd` is a share."""
    return np.asarray(throughput * np.exp(rng.normal(0, sd, (blocks, len(throughput)))))


def closed_multiserver(servers: int, service: float, delay: float) -> Values:
    """The exact throughput of a closed M/M/c with a delay outside, by state probabilities.

    Of N users k are at the servers with weight delay^(N - k) / (N - k)! * product of the service
    rates' inverses (Gordon & Newell, 1967).
    """
    found = []
    for users in USERS.astype(int):
        at = np.arange(users + 1)
        rates = np.minimum(at, servers) / service
        inverses = np.cumsum(np.log(rates[1:]))
        logs = (users - at) * math.log(delay) - np.array([math.lgamma(m + 1) for m in users - at])
        logs[1:] -= inverses
        share = np.exp(logs - logs.max())
        found.append(float(share @ rates / share.sum()))
    return np.array(found)


def rounded_bounds(sharpness: float) -> Values:
    """The bounds of eight servers of one second each, with a rounded corner."""
    return np.asarray(8 / (1 + (8 / USERS) ** sharpness) ** (1 / sharpness))


THINK_S = 0.25
POOL = asymptotic_bounds([(0.16, 5)], think=THINK_S).throughput(USERS)
"""Of a pool of five connections, each held for .16 s by shoppers who pause for .25 s."""


def law_with_peak(sigma: float, peak: float, rate: float = 100) -> Values:
    """The Universal Scalability Law with its peak at so many users."""
    return scalability_law(rate, sigma, (1 - sigma) / peak**2)


def closed_curve(throughput: Sequence[float], think: float = 0.0) -> SweepCurve:
    """A closed sweep over `USERS`; the closed law gives the response times."""
    levels = tuple(USERS.tolist())
    response = tuple(n / x - think for n, x in zip(levels, throughput, strict=True))
    return SweepCurve(
        levels, levels, tuple(throughput), response, closed=True, margins=SweepMargins()
    )


def closed_curves(
    throughput: Sequence[float] | Values, blocks: int, think: float = 0.0, seed: int = 1
) -> list[SweepCurve]:
    """Blocks of it, each value with noise of 3 %."""
    noisy = noisy_blocks(np.random.default_rng(seed), np.asarray(throughput), blocks, 0.03)
    return [closed_curve(row.tolist(), think) for row in noisy]
