"""A hypothesis as a frozen value: its kind, its arms, its predictions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, NamedTuple

from lab.decision_margins import LOOKS, GrowthMargins
from lab.hypothesis.load_shape import ClosedLoad, Load, OpenLoad, Sweep
from lab.hypothesis.prediction import Prediction, Rival, growth_bound
from lab.prometheus.selector import Selector

MIN_BLOCKS = LOOKS.first  # no verdict is reached on fewer
SOAK_SCRIPT = "soak_"  # begins the name of a file that is a program of its own

SLICE_S = 0.015  # in which one process of a benchmark measures before it is another's turn
MIN_SLICES = 30  # of an arm and value in a block

Statistic = Literal["min", "median"]
GaugeValue = Literal["mean", "max", "last"]  # of the values that a gauge had
ProcessLifetime = Literal["fresh", "kept"]  # before each block, or from the first to the last


@dataclass(frozen=True)
class MetricRatio:
    """The increase of one Prometheus counter over that of another; both may be selectors."""

    numerator: str
    denominator: str


@dataclass(frozen=True)
class MetricRate:
    """The increase of a Prometheus counter per second of the window; it may be a selector."""

    metric: str


@dataclass(frozen=True)
class MetricGauge:
    """A Prometheus gauge over the window; of a selector of several series, their sum."""

    metric: str
    take: GaugeValue = "mean"


@dataclass(frozen=True)
class MetricQuantile:
    """A quantile of what a Prometheus histogram observed in the window; it may be a selector."""

    histogram: str
    quantile: float  # from 0 to 1

    @property
    def buckets(self) -> str:
        """The selector of its buckets."""
        selector = Selector.parse(self.histogram)
        return str(replace(selector, metric=f"{selector.metric}_bucket"))


Metric = MetricRatio | MetricRate | MetricGauge | MetricQuantile


@dataclass(frozen=True)
class Allow:
    """What is expected and does not make the run invalid."""

    error_rate: float = 0.0
    unsent: float | None = None  # share of an open load's arrivals
    crash: bool | None = None  # of a soak: a service that dies is started again and reported


@dataclass(frozen=True)
class Limits:
    """Further conditions of a trusted trial; None is not checked."""

    target_cpu: float | None = None  # all processes of the target together, of one core


class Step(NamedTuple):
    """What one trial tries: an arm and, of a sweep or a parametrized benchmark, the level."""

    arm: str
    level: float | None = None

    def __str__(self) -> str:
        if self.level is None:
            return self.arm
        short = f"{self.level:.12g}"  # what is written is read again: a plan names its steps so
        return f"{self.arm} at {short if float(short) == self.level else repr(self.level)}"

    @classmethod
    def parse(cls, text: str) -> Step:
        """The inverse of `str`."""
        arm, _, level = text.partition(" at ")
        return cls(arm, float(level) if level else None)


@dataclass(frozen=True)
class LoadTest:
    """Each trial drives the load at one arm: a warm-up that is cut, then a measured window."""

    name: ClassVar[str] = "load"  # as written after `kind:`

    load: Load
    warmup_s: float
    window_s: float
    budget_s: float  # of the whole run
    processes: ProcessLifetime | None = None  # of the arms; None: the bounds decide

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
    """Each trial is a fresh process that runs one function of a benchmark file.

    The processes of a block measure in turn, in slices.
    """

    name: ClassVar[str] = "benchmark"

    statistic: Statistic  # of the timed loops of one slice, and of the slices of one process
    window_s: float  # of an arm and value in a block, by all launches
    budget_s: float
    function: str | None = None  # None: the file's only one
    parameter: Parameter | None = None
    fixed_parameters: Mapping[str, str] = field(default_factory=dict)  # one value of each other
    database: bool = False  # whether DATABASE_URL names a database of the arm's own

    @property
    def slices(self) -> int:
        """How many slices fill the window; enough for a median, if it is short."""
        return max(MIN_SLICES, round(self.window_s / SLICE_S))

    @property
    def trial_s(self) -> float:
        """Seconds for which an arm and value is measured in a block, about."""
        return self.slices * SLICE_S

    @property
    def levels(self) -> tuple[float | None, ...]:
        """The values of the parameter; None alone for a function without one."""
        return (None,) if self.parameter is None else self.parameter.levels


@dataclass(frozen=True)
class Exhaustion:
    """A limit that a rising series of a soak would reach some day."""

    series: str
    limit: float  # in the unit of the series


@dataclass(frozen=True)
class SoakTest:
    """All arms are loaded side by side at one rate, for hours."""

    name: ClassVar[str] = "soak"
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
    scenario_digest: str = ""  # of the scenario with what it uses; "" if it is gone (see seal.py)
    passed: tuple[str, ...] = ()  # names of environment variables that the scenario gets
    revisions: Mapping[str, str] = field(default_factory=dict)  # of git: of every arm or of none

    @property
    def all_predictions(self) -> tuple[Prediction, ...]:
        """The predictions of the claim and of the rivals."""
        return (*self.predictions, *(rival.prediction for rival in self.rivals))

    @property
    def arm_notes(self) -> list[str]:
        """On arms that are compared: where two do not differ in exactly one setting."""
        compared = (p.arms for p in self.all_predictions if p.compare is not None)
        notes = []
        for left, right in dict.fromkeys(tuple(sorted(arms)) for arms in compared):
            one, other = self._given(left), self._given(right)
            names = [key for key in dict.fromkeys((*one, *other)) if one.get(key) != other.get(key)]
            if not names:
                notes.append(f"{left} and {right} are given the same settings")
            elif len(names) > 1:
                notes.append(
                    f"{left} and {right} are given {len(names)} settings differently "
                    f"({', '.join(names)}): what differs between them may come from any of these"
                )
        return notes

    def _given(self, arm: str) -> dict[str, str]:
        """The settings of an arm, its revision among them."""
        revision = {"git": self.revisions[arm]} if arm in self.revisions else {}
        return {**revision, **self.arms[arm]}

    def with_growth(self, margins: GrowthMargins) -> Hypothesis:
        """The same hypothesis whose growths have the bounds of a plan."""

        def bounded(prediction: Prediction) -> Prediction:
            if prediction.grows is None:
                return prediction
            return replace(prediction, bound=growth_bound(prediction.grows, margins))

        return replace(
            self,
            predictions=tuple(map(bounded, self.predictions)),
            rivals=tuple(replace(r, prediction=bounded(r.prediction)) for r in self.rivals),
        )

    @property
    def is_soak_script(self) -> bool:
        """Whether the scenario is a program of its own instead of a locustfile."""
        file_name = self.scenario.rpartition("/")[2]
        return isinstance(self.kind, SoakTest) and file_name.startswith(SOAK_SCRIPT)

    @property
    def levels(self) -> tuple[float | None, ...]:
        """The levels at which every arm is tried; None alone if nothing is varied."""
        return self.kind.levels

    @property
    def steps(self) -> list[Step]:
        """What every block tries."""
        return [Step(arm, level) for arm in self.arms for level in self.levels]
