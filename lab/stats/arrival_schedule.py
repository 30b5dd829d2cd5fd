"""When the requests of an open load are due: a schedule that is fixed before the first is sent.

With ``L(t)`` the number of arrivals expected up to time ``t`` (the integral of the rate), the
inverse of ``L`` turns the points of a process of rate 1 into arrivals whose rate follows the
stages: exactly, without thinning (Çinlar, 1975). The points of a Poisson process give Poisson
arrivals; the integers 0, 1, 2, ... give constant ones. In a stage the rate runs along a straight
line, so that ``L`` is a parabola and its inverse has a closed form.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]
ArrivalProcess = Literal["poisson", "constant"]


@dataclass(frozen=True)
class RateSegment:
    """A stretch of time in which the rate runs along a straight line.

    A step is two stages, a spike three or more; a rate of 0 throughout is a pause.

    Attributes:
        duration: Seconds, more than 0.
        begin: Arrivals per second at its begin.
        end: Arrivals per second at its end; the same as `begin` for a constant rate.

    Raises:
        ValueError: If the duration is not positive, a rate is negative, or either not finite.
    """

    duration: float
    begin: float
    end: float

    def __post_init__(self) -> None:
        if not 0 < self.duration < math.inf:
            raise ValueError(f"a stage must last some seconds, not {self.duration}")
        if not (0 <= self.begin < math.inf and 0 <= self.end < math.inf):
            raise ValueError(f"rates must be 0 or more, not {self.begin} and {self.end}")


def expected(stages: Sequence[RateSegment]) -> float:
    """Return how many arrivals are expected over all stages: the integral of the rate."""
    return float(sum(map(_area, stages)))


def schedule(stages: Sequence[RateSegment], arrivals: ArrivalProcess, seed: int | str) -> Values:
    """Return the intended send times (Çinlar, 1975).

    Constant arrivals begin at once, and there are as many as `expected` tells, rounded up;
    the seed does not matter to them. The number of Poisson arrivals is random, with that mean.
    Stages that are appended leave the arrivals before them as they are, to the bit.

    Args:
        stages: One after the other, from time 0.
        arrivals: ``poisson`` (independent of each other) or ``constant`` (evenly spaced, as the
            rate has it).
        seed: The same seed gives the same schedule; 7 and "7" are the same seed.

    Returns:
        Seconds from the start, ascending, from 0 to the end of the last stage; one-dimensional,
        and empty where no stage has a rate above 0.
    """
    # Exact sums of the decimals that were written: in binary, .1 s at 30 a second is more than 3.
    areas = [_area(stage) for stage in stages]
    total = sum(areas, Fraction(0))
    if arrivals == "constant":
        points = np.arange(math.ceil(total), dtype=np.float64)
    else:
        points = _unit_process(float(total), seed)

    starts = list(itertools.accumulate((stage.duration for stage in stages), initial=0.0))
    edges = itertools.accumulate(areas, initial=Fraction(0))
    table = np.array(
        [
            (start, float(edge), stage.duration, stage.begin, stage.end)
            for stage, start, edge, area in zip(stages, starts, edges, areas, strict=False)
            if area > 0
        ]
    ).reshape(-1, 5)
    which = np.searchsorted(table[:, 1], points, side="right") - 1
    start, edge, duration, begin, end = table[which].T
    # The positive root of begin * t + slope * t² / 2 = due, in the form that does not cancel.
    due = points - edge
    slope = (end - begin) / duration
    divisor = begin + np.sqrt(np.maximum(begin * begin + 2 * slope * due, 0))
    within = np.divide(2 * due, divisor, out=np.zeros_like(due), where=divisor > 0)
    times: Values = np.maximum.accumulate(start + np.minimum(within, duration))
    return times


def _area(stage: RateSegment) -> Fraction:
    """Return the arrivals expected in a stage, exactly."""
    duration, begin, end = (
        Fraction(str(value)) for value in (stage.duration, stage.begin, stage.end)
    )
    return duration * (begin + end) / 2


def _unit_process(total: float, seed: int | str) -> Values:
    """Return the points of a Poisson process of rate 1 in [0, total)."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    bits = np.random.PCG64(int.from_bytes(digest))
    size = math.ceil(total + 5 * math.sqrt(total)) + 16
    chunks = [np.zeros(1)]
    while chunks[-1][-1] < total:
        # From raw bits, because numpy promises these for good, and its distributions not.
        uniform = (bits.random_raw(size) >> 11) * 2.0**-53
        gaps = -np.log1p(-uniform)
        gaps[0] += chunks[-1][-1]
        chunks.append(np.cumsum(gaps))
    points = np.concatenate(chunks[1:]) if chunks[1:] else np.empty(0)
    return points[points < total]
