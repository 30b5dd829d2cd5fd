"""The scheduled send times of an open load, fixed before the first request is sent.

Let ``L(t)`` be the expected number of arrivals up to time ``t``, the integral of the rate. The
inverse of ``L`` turns the points of a process of rate 1 into arrivals with the wanted rate, exactly
and without thinning (Çinlar, 1975). The points of a Poisson process give Poisson arrivals, the
integers 0, 1, 2, ... give constant ones. Within a segment the rate is linear, so that ``L`` is a
parabola and its inverse has a closed form.
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
    """A time span in which the rate changes linearly.

    A step has two segments, a spike three or more. A segment with a rate of 0 is a pause.

    Attributes:
        duration: Seconds, more than 0.
        begin: Arrivals per second at its start.
        end: Arrivals per second at its end; equal to `begin` for a constant rate.

    Raises:
        ValueError: If the duration is not positive, a rate is negative, or either is not finite.
    """

    duration: float
    begin: float
    end: float

    def __post_init__(self) -> None:
        if not 0 < self.duration < math.inf:
            raise ValueError(f"a rate segment must last more than 0 s, not {self.duration}")
        if not (0 <= self.begin < math.inf and 0 <= self.end < math.inf):
            raise ValueError(f"rates must be 0 or more, not {self.begin} and {self.end}")


def schedule(segments: Sequence[RateSegment], arrivals: ArrivalProcess, seed: int | str) -> Values:
    """Return the scheduled send times (Çinlar, 1975).

    Constant arrivals start at time 0. Their number is the integral of the rate, rounded up, and
    does not depend on the seed. The number of Poisson arrivals is random, with that mean. Segments
    that are appended do not change the arrivals before them, to the bit.

    Args:
        segments: One after the other, from time 0.
        arrivals: ``poisson`` (independent of each other) or ``constant`` (evenly spaced at a
            constant rate).
        seed: The same seed gives the same schedule; 7 and "7" are the same seed.

    Returns:
        Seconds from the start, ascending, from 0 to the end of the last segment; shape
        (arrivals,). Empty if no segment has a rate above 0.
    """
    # Exact sums of the decimals as written: in binary, .1 s at 30 per second is more than 3.
    areas = [_area(segment) for segment in segments]
    total = sum(areas, Fraction(0))
    if arrivals == "constant":
        points = np.arange(math.ceil(total), dtype=np.float64)
    else:
        points = _unit_process(float(total), seed)

    starts = list(itertools.accumulate((segment.duration for segment in segments), initial=0.0))
    edges = itertools.accumulate(areas, initial=Fraction(0))
    table = np.array(
        [
            (start, float(edge), segment.duration, segment.begin, segment.end)
            for segment, start, edge, area in zip(segments, starts, edges, areas, strict=False)
            if area > 0
        ]
    ).reshape(-1, 5)
    which = np.searchsorted(table[:, 1], points, side="right") - 1
    start, edge, duration, begin, end = table[which].T
    # The positive root of begin * t + slope * t² / 2 = count, in the form that does not cancel.
    count = points - edge
    slope = (end - begin) / duration
    divisor = begin + np.sqrt(np.maximum(begin * begin + 2 * slope * count, 0))
    within = np.divide(2 * count, divisor, out=np.zeros_like(count), where=divisor > 0)
    times: Values = np.maximum.accumulate(start + np.minimum(within, duration))
    return times


def _area(segment: RateSegment) -> Fraction:
    """Return the expected number of arrivals in a segment, exactly."""
    duration, begin, end = (
        Fraction(str(value)) for value in (segment.duration, segment.begin, segment.end)
    )
    return duration * (begin + end) / 2


def _unit_process(total: float, seed: int | str) -> Values:
    """Return the points of a Poisson process of rate 1 in [0, total)."""
    digest = hashlib.sha256(str(seed).encode()).digest()
    bits = np.random.PCG64(int.from_bytes(digest))
    size = math.ceil(total + 5 * math.sqrt(total)) + 16
    chunks = [np.zeros(1)]
    while chunks[-1][-1] < total:
        # From raw bits: numpy guarantees that these never change, but not its distributions.
        uniform = (bits.random_raw(size) >> 11) * 2.0**-53
        gaps = -np.log1p(-uniform)
        gaps[0] += chunks[-1][-1]
        chunks.append(np.cumsum(gaps))
    points = np.concatenate(chunks[1:]) if chunks[1:] else np.empty(0)
    return points[points < total]
