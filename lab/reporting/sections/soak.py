"""A soak: every series over the whole time, slopes, restarts, time to exhaustion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from lab.analysis.soak_segment_fits import SegmentFit, fit_segments
from lab.analysis.soak_summary import SeriesSummary, summarize_series
from lab.analysis.soak_time_to_exhaustion import time_to_exhaustion
from lab.hypothesis import Exhaustion, Hypothesis, SoakTest
from lab.measures.number_format import MISSING, NumberFormat, low_to_high
from lab.measures.value_format import format_value, series_format
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials
from lab.runs.run_folder import RunFolder
from lab.trials.plan import DetectableSlope, Plan
from lab.trials.time_series import TimeSeries
from lab.trials.trial import SoakEvidence, Trial

MAX_PANELS = 14  # beside those that a prediction names: the table has all
MAX_POINTS = 240  # of a line: an interval of a long soak is narrower than a pixel
_FIRST = ("rss_bytes", "descriptors", "threads", "latency_p50", "latency_p99", "throughput")
_HOUR_S = 3600.0

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SegmentLine:
    """One arm's series in one segment, hours since the soak began.

    Attributes:
        times, low, high: The range of each stretch of time that is one point of the drawing.
        fit: Begin, end, and the fitted line's value at both; None without a slope.
        begins: Where the segment begins; up to the fit's begin it does not count.
        restarted: Whether it goes on after a crash or a break.
    """

    times: Values
    low: Values
    high: Values
    fit: tuple[float, float, float, float] | None
    begins: float
    restarted: bool


@dataclass(frozen=True)
class SoakPanel:
    """One series, the segments of each arm."""

    series: str
    value_format: NumberFormat
    arms: Mapping[str, tuple[SegmentLine, ...]]


@dataclass(frozen=True)
class SoakSection:
    """What a report shows of a soak alone."""

    panels: tuple[SoakPanel, ...]
    slopes: Table
    constant_series: str  # names of the series that never moved
    segments: Table
    exhaustion: Table
    detectable: tuple[str, ...]
    block_hours: float
    blocks: int


class _Recorded(NamedTuple):
    """What was recorded of an arm in a block, complete or not."""

    block: int
    arm: str
    time_series: TimeSeries
    crashes: tuple[str, ...]


def soak_section(run_folder: RunFolder, trials: RunTrials, plan: Plan) -> SoakSection | None:
    """The series of a soak, also of a block under way; None if the run is no soak."""
    hypothesis = trials.hypothesis
    if not isinstance(hypothesis.kind, SoakTest) or plan.length_s is None:
        return None
    recorded = _recorded([*trials.all, *_under_way(run_folder, trials, plan)])
    summaries = summarize_series(trials.arms, trials.blocks, plan.alpha, plan.margins.slope)
    moving = _moving(hypothesis, summaries)
    constant = [each.series for each in summaries if each.series not in moving]
    block_hours = plan.length_s / len(plan.orders) / _HOUR_S
    return SoakSection(
        panels=tuple(
            _panel(series, trials, recorded, block_hours)
            for series in _shown(hypothesis, hypothesis.kind, summaries, recorded)
        ),
        slopes=_slope_table([each for each in summaries if each.series in moving]),
        constant_series=", ".join(dict.fromkeys(constant)),
        segments=_segment_table(recorded),
        exhaustion=_exhaustion_table(hypothesis.kind.exhaustion, trials, plan.alpha),
        detectable=(*map(_detectable, plan.detectable), *_undetermined(hypothesis, plan)),
        block_hours=block_hours,
        blocks=len(plan.orders),
    )


def _detectable(planned: DetectableSlope) -> str:
    slope = format_value(f"slope of {planned.series}", planned.smallest)
    text = (
        f"{planned.series} of {planned.subject}: at least {slope}, predicted {planned.bound}; "
        f"noise: {planned.noise}"
    )
    if planned.is_too_large:
        text += ". The soak was too short for this prediction and was run with --anyway"
    return text


def _undetermined(hypothesis: Hypothesis, plan: Plan) -> list[str]:
    """The predicted slopes of which it was not known what could be detected."""
    known = {(each.series, each.subject) for each in plan.detectable}
    return [
        f"{p.slope} of {p.subject}: not known, predicted {p.bound_words}"
        for p in hypothesis.all_predictions
        if p.slope is not None and (p.slope, p.subject) not in known
    ]


def _under_way(run_folder: RunFolder, trials: RunTrials, plan: Plan) -> list[Trial]:
    """The trials that are not finished, as far as they were recorded."""
    finished = {(trial.block, trial.arm) for trial in trials.all}
    return [
        trial
        for block, order in enumerate(plan.orders, 1)
        for step in order
        if (block, step.arm) not in finished
        and (trial := run_folder.unfinished_soak_trial(block, step)) is not None
    ]


def _recorded(trials: Sequence[Trial]) -> list[_Recorded]:
    return [
        _Recorded(trial.block, trial.arm, evidence.time_series, evidence.crashes)
        for trial in trials
        if isinstance(evidence := trial.evidence, SoakEvidence) and evidence.time_series
    ]


def _shown(
    hypothesis: Hypothesis,
    soak: SoakTest,
    summaries: Sequence[SeriesSummary],
    recorded: Sequence[_Recorded],
) -> list[str]:
    """The series that are drawn: those predicted, those of every soak, and others that move."""
    predicted = [p.slope for p in hypothesis.all_predictions if p.slope is not None]
    if soak.exhaustion is not None:
        predicted.append(soak.exhaustion.series)
    known = dict.fromkeys(name for each in recorded for name in each.time_series.columns)
    moving = _moving(hypothesis, summaries)
    others = [name for name in (*_FIRST, *known) if name in known]
    others = [name for name in others if not summaries or name in moving]
    chosen = list(dict.fromkeys([*predicted, *others]))
    return chosen[: len(set(predicted)) + MAX_PANELS]


def _moving(hypothesis: Hypothesis, summaries: Sequence[SeriesSummary]) -> set[str]:
    """The series that moved in some arm, and those that a prediction names."""
    lows: dict[str, float] = {}
    highs: dict[str, float] = {}
    for each in summaries:
        lows[each.series] = min(lows.get(each.series, each.lowest), each.lowest)
        highs[each.series] = max(highs.get(each.series, each.highest), each.highest)
    predicted = {p.slope for p in hypothesis.all_predictions if p.slope is not None}
    return {name for name in lows if highs[name] > lows[name] or name in predicted}


def _panel(
    series: str, trials: RunTrials, recorded: Sequence[_Recorded], block_hours: float
) -> SoakPanel:
    lines: dict[str, list[SegmentLine]] = {arm: [] for arm in trials.arms}
    points = MAX_POINTS // max(1, len({each.block for each in recorded}))
    for each in recorded:
        offset = (each.block - 1) * block_hours
        fits = fit_segments(each.time_series, series, trials.margins.slope)
        lines[each.arm] += _segment_lines(each.time_series, series, fits, offset, points)
    by_arm = {arm: tuple(own) for arm, own in lines.items()}
    return SoakPanel(series, series_format(series), by_arm)


def _segment_lines(
    recorded: TimeSeries, series: str, fits: Sequence[SegmentFit], offset: float, points: int
) -> list[SegmentLine]:
    """A line for each segment in which the series was seen.

    Args:
        recorded: Of one arm in one block.
        series: Its name.
        fits: The fitted lines.
        offset: Hours from the start of the soak to that of the block.
        points: At most so many for each line.
    """
    values = recorded.series(series)
    if values is None:
        return []
    lines = []
    for place, segment in enumerate(np.unique(recorded.segments)):
        inside = (recorded.segments == segment) & np.isfinite(values)
        if not inside.any():
            continue
        times, own = recorded.times[inside] / _HOUR_S, values[inside]
        fit = next((f for f in fits if times[0] <= f.begin <= times[-1]), None)
        parts = np.array_split(np.arange(times.size), min(times.size, points))
        lines.append(
            SegmentLine(
                times=np.array([times[part].mean() for part in parts]) + offset,
                low=np.array([own[part].min() for part in parts]),
                high=np.array([own[part].max() for part in parts]),
                fit=(fit.begin + offset, fit.end + offset, fit.low, fit.high) if fit else None,
                begins=float(times[0]) + offset,
                restarted=place > 0,
            )
        )
    return lines


def _slope_table(summaries: Sequence[SeriesSummary]) -> Table:
    head = ("series", "arm", "lowest to highest", "slope", "interval", "shape")
    return Table(head, tuple(map(_slope_row, summaries)), "llrrrl")


def _slope_row(summary: SeriesSummary) -> tuple[str, ...]:
    form = series_format(summary.series)
    level = low_to_high(form, [summary.lowest, summary.highest])
    quantity = f"slope of {summary.series}"
    slope, interval, shape = MISSING, MISSING, MISSING
    if summary.slope is not None:
        slope = format_value(quantity, summary.slope.estimate)
        ends = (summary.slope.low, summary.slope.high)
        interval = " to ".join(format_value(quantity, end) for end in ends)
        grows = summary.slope.low > 0
        shape = (summary.slope.no_leak_reason or "grows steadily") if grows else "no growth seen"
    if summary.sawtooth:
        shape += (
            f"; sawtooth: {summary.sawtooth.falls} drops of about {form(summary.sawtooth.depth)}"
        )
    return (summary.series, summary.arm, level, slope, interval, shape)


def _segment_table(recorded: Sequence[_Recorded]) -> Table:
    """Trials that a crash or a break cut into segments, and why."""
    rows = []
    for each in recorded:
        times, of_interval = each.time_series.times, each.time_series.segments
        segments = np.unique(of_interval)
        if segments.size < 2 and not each.crashes:
            continue
        ends = [0.0, *(float(times[of_interval == segment][-1]) for segment in segments)]
        lengths = ", ".join(f"{end - begin:.0f} s" for begin, end in pairwise(ends))
        cause = "; ".join(each.crashes) or "the lab was stopped and resumed"
        rows.append((str(each.block), each.arm, lengths, cause))
    return Table(("block", "arm", "segments", "cause"), tuple(rows), "llll")


def _exhaustion_table(exhaustion: Exhaustion | None, trials: RunTrials, tail: float) -> Table:
    rows = []
    for arm in trials.arms if exhaustion else ():
        assert exhaustion is not None
        found = time_to_exhaustion(
            arm,
            exhaustion.series,
            exhaustion.limit,
            trials.blocks,
            tail,
            trials.margins.slope,
        )
        if found is not None:
            form = series_format(exhaustion.series)
            rows.append(
                (
                    *(arm, form(found.level), form(exhaustion.limit), _hours(found.hours)),
                    f"{_hours(found.soonest)} to {_hours(found.latest)}",
                )
            )
    head = ("arm", "level after the warm-up", "limit", "from its start to the limit", "interval")
    return Table(head, tuple(rows), "lrrrr")


def _hours(hours: float) -> str:
    if hours == float("inf"):
        return "never"
    return f"{hours * 60:.3g} min" if hours < 1 else f"{hours:.3g} h"
