"""The shape of a load over time: users or arrivals, in stages or at several levels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, get_args

ArrivalProcess = Literal["poisson", "constant"]  # as in lab.stats, which is too slow to import here

ARRIVAL_PROCESSES: tuple[ArrivalProcess, ...] = get_args(ArrivalProcess)
DEFAULT_MAX_USERS = 1000


@dataclass(frozen=True)
class ClosedLoad:
    """A fixed number of users, each waiting for its answer before it goes on.

    Attributes:
        users: How many.
        slice_s: Seconds for which the users of an arm are driven before it is another arm's turn;
            infinite: the whole window at once. None: the lab chooses. Slices that hold too few
            cycles of a user give way to whole windows.
        workers: Processes that share the users.
    """

    users: int
    slice_s: float | None = None
    workers: int = 1

    @property
    def has_chosen_slices(self) -> bool:
        """Whether the file itself says how long slices are, other than `off`."""
        return self.slice_s is not None and self.slice_s != math.inf

    def __str__(self) -> str:
        return f"{self.users} users"


@dataclass(frozen=True)
class Stage:
    """A part of an open load in which the rate changes linearly, or not at all."""

    name: str | None
    from_rate: float  # arrivals a second
    to_rate: float
    duration_s: float | None  # None: as long as the window

    @property
    def arrivals(self) -> float:
        """The expected number of arrivals if the duration is known, 0 otherwise."""
        return (self.from_rate + self.to_rate) / 2 * (self.duration_s or 0.0)


@dataclass(frozen=True)
class OpenLoad:
    """Arrivals at scheduled times, no matter how long earlier ones take."""

    arrivals: ArrivalProcess
    stages: tuple[Stage, ...]
    max_users: int = DEFAULT_MAX_USERS  # an arrival waits if all of them are busy
    workers: int = 1  # processes that share the arrivals

    @property
    def peak(self) -> float:
        """The highest rate, arrivals a second."""
        return max(max(stage.from_rate, stage.to_rate) for stage in self.stages)

    def over(self, window_s: float) -> OpenLoad:
        """The same load with the duration of every stage known."""
        stages = tuple(
            replace(stage, duration_s=window_s) if stage.duration_s is None else stage
            for stage in self.stages
        )
        return replace(self, stages=stages)

    def __str__(self) -> str:
        rates = [rate for stage in self.stages for rate in (stage.from_rate, stage.to_rate)]
        low, high = min(rates), max(rates)
        shown = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"{shown} {self.arrivals} arrivals per second"


@dataclass(frozen=True)
class Sweep:
    """The same load at several levels; every block tries each level in a trial of its own."""

    axis: Literal["users", "rate"]
    levels: tuple[float, ...]
    arrivals: ArrivalProcess | None = None  # of rates
    max_users: int | None = None  # of rates
    workers: int = 1  # processes that share the load of each level

    def __str__(self) -> str:
        what = "users" if self.arrivals is None else f"{self.arrivals} arrivals per second"
        return f"{self.levels[0]:g} to {self.levels[-1]:g} {what}"

    def at(self, level: float) -> ClosedLoad | OpenLoad:
        """The load of one trial."""
        if self.arrivals is None:
            return ClosedLoad(int(level), workers=self.workers)
        stage = Stage(None, level, level, None)
        most = self.max_users or DEFAULT_MAX_USERS
        return OpenLoad(self.arrivals, (stage,), most, self.workers)


Load = ClosedLoad | OpenLoad | Sweep
