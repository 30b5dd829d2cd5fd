"""Every constant that decides, as one value: a plan seals it, and its run is judged by it.

The defaults are what a new run is planned with. A margin that a plan lacks was no part of plans
when that run was planned: it has the value of `BEFORE_SEALED`, whatever the default is now. So a
changed default changes no earlier verdict. A new margin needs a value in both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NamedTuple, Self

from lab.stats.latency_histogram import ACCURACY, MIN_BEYOND
from lab.stats.margins import SlopeMargins, SweepMargins


class Looks(NamedTuple):
    """When a run decides, and how often it may be wrong.

    Attributes:
        alpha: Error rate of a decision, one side, over all looks.
        first: Blocks before the first decision.
        last: Blocks at most.
    """

    alpha: float
    first: int
    last: int


LOOKS = Looks(alpha=0.01, first=4, last=12)
"""Those of a new plan, which are no margins: the plan has keys of their own for them."""


@dataclass(frozen=True)
class GateLimits:
    """Limits of the gates: what voids a trial.

    Attributes:
        max_ticker_late_s: Of the load driver's ticker at p99, seconds.
        max_ticker_late_share: The same as a share of the measured median latency, if that is more.
        max_driver_cpu: Of its core: in any second of a load, on average in a soak.
        max_other_cpu: Of other processes, cores, mean over a window that is measured as a whole.
        max_other_cpu_in_slices: The same where arms are measured in turn, in slices: what lasts
            longer than a slice meets all of them alike.
        max_steal: Share of the cores of the run.
        max_soak_background: Share of the cores of the run, mean over a soak trial; of other
            processes, and of the hypervisor.
        max_unsent: Share of the scheduled arrivals, unless the hypothesis allows another.
        served_tolerance: Relative gap, beyond what the window's edges leave open.
        min_driven: Requests, for a comparison with those that were served.
        max_tries: Of a request without an answer: its client may have sent it anew each time.
        littles_law_tolerance: Relative gap, beyond what the scrapes leave open.
        max_idle_arms_cpu: Of the arms that are not loaded, in the slices of another, cores.
        max_clock_error_s: By which the edges of a worker's window, and of its frames of a second,
            may be wrong, seconds.
        max_clock_error_share: The same as a share of the window, if that is less: what two workers
            saw of one moment is then apart by at most twice this share.
        max_begin_late_s: Of a worker's load, seconds; arrivals that were due before come at once.
        min_script_share: Of the requests that the rate of a soak script makes. It counts those that
            have ended, and starts late. 0 if arms were compared with each other alone.
    """

    max_ticker_late_s: float = 0.005
    max_ticker_late_share: float = 0.05
    max_driver_cpu: float = 0.90
    max_other_cpu: float = 0.25
    max_other_cpu_in_slices: float = 0.4
    max_steal: float = 0.10
    max_soak_background: float = 0.5
    max_unsent: float = 0.01
    served_tolerance: float = 0.25
    min_driven: int = 20
    max_tries: int = 4
    littles_law_tolerance: float = 0.10
    max_idle_arms_cpu: float = 0.10
    max_clock_error_s: float = 0.05
    max_clock_error_share: float = 0.02
    max_begin_late_s: float = 0.05
    min_script_share: float = 0.8


@dataclass(frozen=True)
class GrowthMargins:
    """What counts as constant, linear or quadratic time of a benchmark.

    Attributes:
        linear: Lowest and highest exponent.
        quadratic: Lowest and highest exponent.
        max_constant_factor: Time at the largest size over that at the smallest: up to here it is
            constant ...
        min_growing_factor: ... and beyond this one it is not. In between nothing is decided.
    """

    linear: tuple[float, float] = (0.8, 1.25)
    quadratic: tuple[float, float] = (1.8, 2.2)
    max_constant_factor: float = 1.2
    min_growing_factor: float = 1.5


@dataclass(frozen=True)
class MeasureMargins:
    """When a trial has a value of a measure.

    Attributes:
        min_beyond: Samples required beyond a quantile.
        recovered_factor: A latency has recovered within this multiple of the median before.
        steady_s: Recovered seconds in a row that make a recovery.
        quantile_accuracy: Of a latency's quantile, relative: it lies somewhere in its bucket. 0 if
            that was not regarded.
        share_bound: The least bound of a ratio of the hypothesis's own that makes it no share.
            0 if all its ratios and rates below 1 were averaged as shares.
        counting_time: By how many times its uncertainty the time may be wrong for which a counter
            grew. 0 if that was not regarded.
        min_below: Samples required below a quantile of a histogram of the service. 0 if only those
            above it were counted, in floating point.
        recovered_second: Share of the second in which a latency recovered that its moment is not
            known by. 0 if that was not regarded.
        counted_tail: By how many times the tail of a look the exact interval of an error rate is
            taken, which its interval contains. 0 if that was not regarded.
        equal_values: Share of all values that those of the blocks may be equal to if they are equal
            by chance (`count_beyond_chance`): slightly less than half, so that twelve blocks, the
            most there are, decide even one of eight predictions. 0 if equal values always decided.
        missing_arrivals: Share of the arrivals without an answer that may have been the slowest, or
            have failed. 0 if they were left out.
        max_unread: Share of a window for which the growth of counters was not read beyond which a
            rate has no value. 1 if that was not regarded.
        whole_pages: 1 if a gauge has no value in a window in which its page could not be read each
            time, and neither a gauge nor a rate from a page that never changed. 0 if they had one.
    """

    min_beyond: int = MIN_BEYOND
    recovered_factor: float = 1.5
    steady_s: int = 3
    quantile_accuracy: float = ACCURACY
    share_bound: float = 1.0
    counting_time: float = 1.0
    min_below: int = MIN_BEYOND
    recovered_second: float = 1.0
    counted_tail: float = 1.0
    equal_values: float = 0.49
    missing_arrivals: float = 1.0
    max_unread: float = 0.01
    whole_pages: float = 1.0


@dataclass(frozen=True)
class SliceMargins:
    """How the window of a closed load is cut into slices.

    Attributes:
        cycles: Of a user, from task to task, at least, in a slice.
        min_slice_s: The shortest slice, seconds.
        min_rounds: A window that would hold fewer slices is not cut.
        carry_over_level: Of the test whether slices change those of other arms, over all arms.
        min_carry_over: A smaller change of the throughput does no harm, however sure it is.
        max_idle_difference: Between arms, of what all others use in an arm's slices, cores: what
            they all do alike does no harm to ratios.
        min_own_time: Share of the time of an arm's slices that is its users' own. With less, too
            few users make the load of the rest, in which they wait for others.
        max_scatter: Standard error of the log ratio of throughputs in the first block, as the
            scatter of its slices shows it (`median_error`); beyond it, later blocks have slices of
            `calm_slice_s`. 0 if that was not regarded.
        calm_slice_s: Slices that average out what changes within tenths of a second, seconds.
    """

    cycles: int = 10
    min_slice_s: float = 0.05
    min_rounds: int = 4
    carry_over_level: float = 0.01
    min_carry_over: float = 0.01
    max_idle_difference: float = 0.02
    min_own_time: float = 0.8
    max_scatter: float = 0.015
    calm_slice_s: float = 0.2


@dataclass(frozen=True)
class DecisionMargins:
    """Every constant that decides beside the bounds of the hypothesis and the looks of the plan.

    Attributes:
        gates: What voids a trial.
        measures: When a trial has a value.
        growth: Of a benchmark's time with its parameter.
        sweep: Of the curve of a sweep.
        slope: Of a soak's series.
        slices: Of a closed load.
        blocks_per_void: A run is INVALID with more voided blocks than one in so many of the last
            look's.
        fresh_within: Arms get fresh processes before each block if a bound on their ratio lies
            within this factor of no difference.
        final_if_judged: 1 if a block ends the run that is void for what a prediction bounds, as its
            errors or too few samples; 2 if also one in which an arm kept users waiting; 0 if it was
            repeated as any other.
    """

    gates: GateLimits = field(default_factory=GateLimits)
    measures: MeasureMargins = field(default_factory=MeasureMargins)
    growth: GrowthMargins = field(default_factory=GrowthMargins)
    sweep: SweepMargins = field(default_factory=SweepMargins)
    slope: SlopeMargins = field(default_factory=SlopeMargins)
    slices: SliceMargins = field(default_factory=SliceMargins)
    blocks_per_void: int = 3
    fresh_within: float = 1.25
    final_if_judged: int = 2

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The inverse of `as_dict`; what is missing is that of `BEFORE_SEALED`.

        Raises:
            TypeError: A margin that is not known, or whose value is of another type.
        """
        read: Self = _read(cls(**vars(BEFORE_SEALED)), data, "")
        return read


def _read(earlier: Any, data: object, place: str) -> Any:
    """The margins of one group, at a dotted place of the plan."""
    if not isinstance(data, Mapping):
        raise TypeError(f"the margins{place and f' {place[:-1]}'} are no object")
    known = {each.name: getattr(earlier, each.name) for each in fields(earlier)}
    if unknown := sorted(set(data) - set(known)):
        raise TypeError(f"this version of the lab knows no margin {place}{unknown[0]}")
    return replace(
        earlier,
        **{name: _value(known[name], value, f"{place}{name}") for name, value in data.items()},
    )


def _value(earlier: Any, value: Any, place: str) -> Any:
    match earlier:
        case tuple():
            if isinstance(value, list | tuple) and len(value) == len(earlier):
                pairs = zip(earlier, value, strict=True)
                return tuple(_value(old, new, place) for old, new in pairs)
        case int() | float():
            if isinstance(value, int | float) and not isinstance(value, bool):
                return value
        case _:
            return _read(earlier, value, f"{place}.")
    raise TypeError(f"the margin {place} is {value!r}")


BEFORE_SEALED = DecisionMargins(
    gates=GateLimits(
        max_ticker_late_s=0.005,
        max_ticker_late_share=0.05,
        max_driver_cpu=0.90,
        max_other_cpu=0.25,
        max_other_cpu_in_slices=0.25,
        max_steal=0.10,
        max_soak_background=0.5,
        max_unsent=0.01,
        served_tolerance=0.25,
        min_driven=20,
        max_tries=4,
        littles_law_tolerance=0.10,
        max_idle_arms_cpu=0.10,
        max_clock_error_s=0.05,
        max_clock_error_share=0.02,
        max_begin_late_s=0.05,
        min_script_share=0.0,
    ),
    measures=MeasureMargins(
        min_beyond=10,
        recovered_factor=1.5,
        steady_s=3,
        quantile_accuracy=0.0,
        share_bound=0.0,
        counting_time=0.0,
        min_below=0,
        recovered_second=0.0,
        counted_tail=0.0,
        equal_values=0.0,
        missing_arrivals=0.0,
        max_unread=1.0,
        whole_pages=0.0,
    ),
    growth=GrowthMargins(
        linear=(0.8, 1.25),
        quadratic=(1.8, 2.2),
        max_constant_factor=1.2,
        min_growing_factor=1.5,
    ),
    sweep=SweepMargins(
        pass_factor=1.5,
        plateau=0.9,
        max_misfit=0.1,
        max_missing=0.25,
        keeps_up=0.95,
        min_slowdown=0.0,
        max_fall=1.0,
        without_wait=0.0,
        usual_errors=0.0,
        unqueued_users=1.0,
        unqueued_rate=1.0,
    ),
    slope=SlopeMargins(
        dropped_share=1 / 3,
        bins=24,
        bins_per_cosine=4,
        min_bins=8,
        curvature_tail=0.05,
        min_final_slope=0.5,
        min_third=0.3,
        max_missing=1.0,
    ),
    slices=SliceMargins(
        cycles=10,
        min_slice_s=0.05,
        min_rounds=4,
        carry_over_level=0.01,
        min_carry_over=0.01,
        max_idle_difference=0.02,
        min_own_time=0.8,
        max_scatter=0.0,
        calm_slice_s=0.2,
    ),
    blocks_per_void=3,
    fresh_within=1.25,
    final_if_judged=0,
)
"""The margins of every run that was planned before they were sealed. Never to be changed."""
