"""The time series of one soak trial, and how it grows interval by interval."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.prometheus.selector import select

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Values = npt.NDArray[np.float64]
    Segments = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TimeSeries:
    """The series of one soak trial, a value per interval.

    Attributes:
        times: Seconds since its block began, at the end of each interval, without pauses; shape
            (intervals,).
        segments: Which process lifetime each interval belongs to, counted from 0; shape
            (intervals,).
        columns: By series, each of shape (intervals,), NaN if there is no value.
    """

    times: Values
    segments: Segments
    columns: Mapping[str, Values]

    def series(self, name: str) -> Values | None:
        """A series by its name, or the sum of the gauges that a selector matches; else None."""
        if name in self.columns:
            return self.columns[name]
        picked = select(self.columns, name)
        if not picked:
            return None
        import numpy as np

        together = np.vstack(picked)  # a series that is not exported at the moment adds nothing
        absent = np.isnan(together).all(axis=0)
        return np.where(absent, np.nan, np.nansum(together, axis=0))


class TimeSeriesBuilder:
    """Collects the rows of a time series, one per interval; eight hours take little memory."""

    def __init__(self, known: TimeSeries | None = None) -> None:
        self._times = array("d", () if known is None else known.times)
        self._segments = array("q", () if known is None else known.segments)
        self._columns = {
            name: array("d", values)
            for name, values in ({} if known is None else known.columns).items()
        }

    @property
    def until(self) -> float:
        """The time of the last row, seconds; 0 if there is none."""
        return self._times[-1] if self._times else 0.0

    @property
    def segment(self) -> int:
        """The segment of the last row; -1 if there is none."""
        return self._segments[-1] if self._segments else -1

    def add(self, time: float, segment: int, values: Mapping[str, float | None]) -> None:
        """Append a row; a series without a value in it, or with None, has NaN there."""
        for name, value in values.items():
            if (column := self._columns.get(name)) is None:
                column = self._columns[name] = array("d")
            self._pad(column)
            column.append(math.nan if value is None else value)
        self._times.append(time)
        self._segments.append(segment)

    def build(self) -> TimeSeries:
        """The series so far."""
        import numpy as np  # too heavy for runs without a soak

        for column in self._columns.values():
            self._pad(column)
        return TimeSeries(
            np.array(self._times, dtype=np.float64),
            np.array(self._segments, dtype=np.int64),
            {name: np.array(column, dtype=np.float64) for name, column in self._columns.items()},
        )

    def _pad(self, column: array[float]) -> None:
        column.extend([math.nan] * (len(self._times) - len(column)))
