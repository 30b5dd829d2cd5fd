"""What a hypothesis says, frozen: arms, load, predictions and their bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, NamedTuple

from lab.hypothesis.measure_names import in_words

Arrivals = Literal["poisson", "constant"]
Complexity = Literal["constant", "linear", "quadratic"]
Statistic = Literal["min", "median"]

GROWTHS: Mapping[Complexity, tuple[float, float]] = {  # exponents that count as such
    "constant": (0.0, 0.3),
    "linear": (0.8, 1.25),
    "quadratic": (1.8, 2.2),
}
MAX_CONSTANT_FACTOR = (
    1.2  # times the time of the smallest size: constant growth stays within it at the largest
)
MIN_GROWING_FACTOR = 1.5  # and beyond this it is not constant; in between nothing is decided
DEFAULT_MAX_USERS = 1000  # users of an open load, where the file does not say


class Span(NamedTuple):
    """The values from `low` to `high`; no measure yields a negative one, but slopes do."""

    low: float
    high: float

    def inverse(self) -> Span:
        """The same of 1/x: what a bound on a / b says of b / a."""
        return Span(1 / self.high, 1 / self.low if self.low else math.inf)

    def inside(self, other: Span) -> bool:
        """Whether every value of this one is one of the other."""
        return _reaches(self.low, other.low) and _reaches(other.high, self.high)

    def apart(self, other: Span) -> bool:
        """Whether the two share no more than an end."""
        if self.inside(other) or other.inside(self):
            return False
        return _reaches(self.low, other.high) or _reaches(other.low, self.high)

    def overlap(self, other: Span) -> Span:
        """The values that both hold."""
        return Span(max(self.low, other.low), min(self.high, other.high))


def _reaches(a: float, b: float) -> bool:
    return a >= b or math.isclose(a, b, rel_tol=1e-9)  # 1/x of 1/x is not quite x


@dataclass(frozen=True)
class Bound:
    """What a prediction's measure must meet; exactly one of the three is set."""

    at_least: float | None = None
    at_most: float | None = None
    within: tuple[float, float] | None = None

    @property
    def span(self) -> Span:
        """The values that meet it."""
        if self.within is not None:
            return Span(*self.within)
        return Span(
            0.0 if self.at_least is None else self.at_least,
            math.inf if self.at_most is None else self.at_most,
        )

    def __str__(self) -> str:
        if self.at_least is not None:
            return f"at least {self.at_least:g}"
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        assert self.within is not None
        return f"within {self.within[0]:g} to {self.within[1]:g}"


@dataclass(frozen=True)
class Comparison:
    """`compare: left / right` or `compare: left - right`, both names of arms.

    Measures are compared by their ratio. Slopes are compared by their difference, since a slope
    may be 0 or less.
    """

    left: str
    right: str
    operator: Literal["/", "-"] = "/"

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {self.right}"


@dataclass(frozen=True)
class Prediction:
    """One checkable statement; exactly one of `arm` (a level) and `compare` (a ratio) is set.

    Of a soak's growth: `slope` names the series, there is no measure, and the bound is per hour.
    """

    says: str
    measure: str
    bound: Bound
    arm: str | None = None
    compare: Comparison | None = None
    at: float | None = None  # level of a sweep, or of a benchmark's parameter
    during: str | None = None  # name of a stage
    grows: Complexity | None = None  # how time grows with the parameter; the bound follows from it
    count: str | None = None  # the measure, where it is an exact count of a benchmark's own
    slope: str | None = None

    @property
    def quantity(self) -> str:
        """What is measured, in words."""
        return self.measure if self.slope is None else f"slope of {self.slope}"

    @property
    def subject(self) -> str:
        """What it is predicted of, in words."""
        of = str(self.compare or self.arm)
        if self.grows is not None:
            return f"{of}, growth"
        if self.during is not None:
            return f"{of} during {self.during}"
        return of if self.at is None else f"{of} at {self.at:.12g}"

    @property
    def bound_words(self) -> str:
        """What it predicts, in words; the bound of a slope in its unit."""
        if self.grows == "constant":
            return f"constant: at most {MAX_CONSTANT_FACTOR:g}×"
        if self.grows is not None:
            return f"{self.grows}: exponent {self.bound}"
        if self.slope is None:
            return str(self.bound)
        edges = {name: value for name, value in vars(self.bound).items() if value is not None}
        [(name, value)] = edges.items()
        values = value if isinstance(value, tuple) else (value,)
        told = " to ".join(in_words(self.quantity, each) for each in values)
        return f"{name.replace('_', ' ')} {told}"

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms whose trials this prediction is judged on."""
        if self.compare is not None:
            return (self.compare.left, self.compare.right)
        assert self.arm is not None
        return (self.arm,)


@dataclass(frozen=True)
class Rival:
    """Another explanation, and what would be seen if it were the true one."""

    claim: str
    prediction: Prediction


@dataclass(frozen=True)
class ClosedLoad:
    """A fixed number of users, each waiting for its answer before it goes on."""

    users: int

    def __str__(self) -> str:
        return f"{self.users} users"


@dataclass(frozen=True)
class Stage:
    """A stretch of an open load in which the rate runs along a straight line."""

    name: str | None
    from_rate: float  # arrivals a second
    to_rate: float
    duration_s: float | None  # None: the window

    @property
    def arrivals(self) -> float:
        """How many are expected, the duration being known."""
        return (self.from_rate + self.to_rate) / 2 * (self.duration_s or 0.0)


@dataclass(frozen=True)
class OpenLoad:
    """Arrivals that are due when they are, however long earlier ones take."""

    arrivals: Arrivals
    stages: tuple[Stage, ...]
    most_users: int = DEFAULT_MAX_USERS  # who carry them out; an arrival that finds none free waits

    @property
    def peak(self) -> float:
        """The highest rate."""
        return max(max(stage.from_rate, stage.to_rate) for stage in self.stages)

    def over(self, window_s: float) -> OpenLoad:
        """The same with every duration known."""
        stages = tuple(
            replace(stage, duration_s=window_s) if stage.duration_s is None else stage
            for stage in self.stages
        )
        return replace(self, stages=stages)

    def __str__(self) -> str:
        rates = [rate for stage in self.stages for rate in (stage.from_rate, stage.to_rate)]
        low, high = min(rates), max(rates)
        span = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        return f"{span} {self.arrivals} arrivals a second"


@dataclass(frozen=True)
class Sweep:
    """The same load at several levels, each a trial of its own in every block."""

    axis: Literal["users", "rate"]
    levels: tuple[float, ...]
    arrivals: Arrivals | None = None  # of rates
    most_users: int | None = None  # of rates

    def __str__(self) -> str:
        what = "users" if self.arrivals is None else f"{self.arrivals} arrivals a second"
        return f"{self.levels[0]:g} to {self.levels[-1]:g} {what}"

    def at(self, level: float) -> ClosedLoad | OpenLoad:
        """The load of one trial."""
        if self.arrivals is None:
            return ClosedLoad(int(level))
        return OpenLoad(
            self.arrivals, (Stage(None, level, level, None),), self.most_users or DEFAULT_MAX_USERS
        )


Load = ClosedLoad | OpenLoad | Sweep


@dataclass(frozen=True)
class MetricRatio:
    """Delta of one Prometheus counter over the delta of another, selectors allowed in both."""

    numerator: str
    denominator: str


@dataclass(frozen=True)
class MetricRate:
    """Delta of a Prometheus counter per second of the window."""

    metric: str


Metric = MetricRatio | MetricRate


@dataclass(frozen=True)
class Allow:
    """What is expected and does not make the run invalid."""

    error_rate: float = 0.0
    unsent: float | None = None  # share of an open load's arrivals
    crash: bool | None = None  # of a soak: a service that dies is started again, and told of


@dataclass(frozen=True)
class Limits:
    """Further conditions without which a trial is not to be trusted; None is not checked."""

    target_cpu: float | None = None  # service, database and downstream together, of one core


class Step(NamedTuple):
    """What one trial tries: an arm and, of a sweep or a parametrized benchmark, the level."""

    arm: str
    level: float | None = None

    def __str__(self) -> str:
        return self.arm if self.level is None else f"{self.arm} at {self.level:.12g}"

    @classmethod
    def parse(cls, text: str) -> Step:
        """The inverse of `str`."""
        arm, _, level = text.partition(" at ")
        return cls(arm, float(level) if level else None)


@dataclass(frozen=True)
class LoadTest:
    """Each trial drives the load at one arm: a warm-up that is cut, then a measured window."""

    name: ClassVar[str] = "load"  # as written after `kind:`
    repeats: ClassVar[int] = 1

    load: Load
    warmup_s: float
    window_s: float
    budget_s: float  # of the whole run

    @property
    def trial_s(self) -> float:
        """Seconds that one trial takes."""
        return self.warmup_s + self.window_s

    @property
    def levels(self) -> tuple[float | None, ...]:
        """The levels of a sweep; None alone for any other load."""
        return self.load.levels if isinstance(self.load, Sweep) else (None,)

    def load_at(self, level: float | None) -> ClosedLoad | OpenLoad:
        """The load of one trial; `level` is one of `levels`."""
        if not isinstance(self.load, Sweep):
            return self.load
        assert level is not None
        return self.load.at(level)


@dataclass(frozen=True)
class Parameter:
    """What a benchmark's function is parametrized by, and the values at which it is measured."""

    name: str
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Benchmark:
    """Each trial is a fresh process that runs one function of a benchmark file."""

    name: ClassVar[str] = "benchmark"
    repeats: ClassVar[int] = (
        3  # a block holds each step as often: processes are short and they differ
    )

    statistic: Statistic  # of the rounds of one process
    window_s: float
    budget_s: float
    function: str | None = None  # None: the file's only one
    parameter: Parameter | None = None
    database: bool = False  # whether DATABASE_URL names a database of the arm's own

    @property
    def trial_s(self) -> float:
        """Seconds that one process measures."""
        return self.window_s

    @property
    def levels(self) -> tuple[float | None, ...]:
        """The values of the parameter; None alone for a function without one."""
        return (None,) if self.parameter is None else self.parameter.levels


@dataclass(frozen=True)
class Exhaustion:
    """A limit that a growing series of a soak would meet some day."""

    of: str
    limit: float


@dataclass(frozen=True)
class SoakTest:
    """All arms are loaded side by side at one rate, for hours."""

    name: ClassVar[str] = "soak"
    repeats: ClassVar[int] = 1
    levels: ClassVar[tuple[float | None, ...]] = (None,)

    load: OpenLoad  # a single stage, which lasts as long as the block
    pairs: int  # blocks, one after the other, in each of which all arms run side by side
    length_s: float | None  # of all blocks together; None: the command line decides
    exhaustion: Exhaustion | None = None


Kind = LoadTest | Benchmark | SoakTest


@dataclass(frozen=True)
class Hypothesis:
    """A claim about a bottleneck with all that a run needs, as written down before the data."""

    name: str
    question: str
    claim: str
    kind: Kind
    scenario: str  # relative to the project folder, forward slashes
    settings: Mapping[str, str]  # of the service, in every arm
    arms: Mapping[str, Mapping[str, str]]  # `settings` included
    control: str
    measures: Mapping[str, Metric]
    allow: Allow
    limits: Limits
    predictions: tuple[Prediction, ...]
    rivals: tuple[Rival, ...]
    prose: str
    text: str  # the file as read
    digest: str  # of the whole file: "sha256:..."
    claim_digest: str  # of what decides the verdict, wording aside (see seal.py)

    @property
    def all_predictions(self) -> tuple[Prediction, ...]:
        """The predictions of the claim and of the rivals."""
        return (*self.predictions, *(rival.prediction for rival in self.rivals))

    @property
    def is_soak_script(self) -> bool:
        """Whether the scenario is a program of its own instead of a locustfile."""
        file_name = self.scenario.rpartition("/")[2]
        return isinstance(self.kind, SoakTest) and file_name.startswith("soak_")

    @property
    def levels(self) -> tuple[float | None, ...]:
        """The levels at which every arm is tried; None alone if nothing is varied."""
        return self.kind.levels

    @property
    def steps(self) -> list[Step]:
        """What every block tries."""
        return [Step(arm, level) for arm in self.arms for level in self.levels]
