"""What grew in a soak, and what did not: its series from begin to end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.analysis.block_values import Block
from lab.analysis.soak_segment_fits import fit_segments
from lab.analysis.soak_summary import SeriesSummary, summarize_series
from lab.analysis.soak_time_to_exhaustion import time_to_exhaustion
from lab.hypothesis import Exhaustion, Hypothesis, SoakTest, in_words
from lab.number_format import MISSING, NumberFormat, low_to_high, megabytes, plain, seconds
from lab.plan import Plan
from lab.reporting.tables import Table
from lab.run_folder import RunFolder
from lab.trial import SoakEvidence, TimeSeries, Trial
from lab.verdict import sort_blocks

MOST_PANELS = 14  # beside those that a prediction speaks of: the table has all
MOST_POINTS = 240  # of a line: an interval of a long soak is narrower than a pixel
_FIRST = ("rss_bytes", "descriptors", "threads", "latency_p50", "latency_p99", "throughput")
_HOUR_S = 3600.0

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Stretch:
    """One arm's series in one segment, hours since the soak began.

    Attributes:
        times, low, high: The range of each stretch of time that is one point of the drawing.
        fit: Begin, end, and the line's value at both; None where there is no slope.
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
    """One series, the stretches of each arm."""

    series: str
    form: NumberFormat
    arms: Mapping[str, tuple[Stretch, ...]]


@dataclass(frozen=True)
class SoakView:
    """All that a report shows of a soak alone."""

    panels: tuple[SoakPanel, ...]
    table: Table
    still: str  # the series that never moved
    segments: Table
    exhaustion: Table
    detectable: tuple[str, ...]
    block_hours: float
    blocks: int


def collect(run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan) -> SoakView | None:
    """The series of a soak, of a block under way too; None where it is none."""
    if not isinstance(hypothesis.kind, SoakTest) or plan.length_s is None:
        return None
    trials = run_folder.trials()
    complete = sort_blocks(trials, plan).complete
    done = {(trial.block, trial.arm) for trial in trials}
    lives = [
        life
        for block, order in enumerate(plan.orders, 1)
        for step in order
        if (block, step.arm) not in done
        and (life := run_folder.unfinished_soak_trial(block, step)) is not None
    ]
    recorded = [
        (life.block, life.arm, life.evidence.time_series)
        for life in (*trials, *lives)
        if isinstance(life.evidence, SoakEvidence) and life.evidence.time_series
    ]
    arms = tuple(hypothesis.arms)
    told = summarize_series(arms, complete, plan.alpha)
    moving = _moving(hypothesis, told)
    block_hours = plan.length_s / len(plan.orders) / _HOUR_S
    return SoakView(
        panels=tuple(
            _panel(series, arms, recorded, block_hours)
            for series in _shown(hypothesis, hypothesis.kind, told, recorded)
        ),
        table=_table([each for each in told if each.series in moving]),
        still=", ".join(dict.fromkeys(each.series for each in told if each.series not in moving)),
        segments=_segments(recorded, [*trials, *lives]),
        exhaustion=_exhaustion(hypothesis.kind.exhaustion, arms, complete, plan.alpha),
        detectable=tuple(
            f"{each.slope} of {each.subject}: from "
            f"{in_words(f'slope of {each.slope}', each.least)} on, predicted {each.bound}; "
            f"noise: {each.noise}"
            + (". The time was too short for that, and the soak was run anyway" * each.below)
            for each in plan.detectable
        ),
        block_hours=block_hours,
        blocks=len(plan.orders),
    )


def form_of(series: str) -> NumberFormat:
    """How a level of a series is written."""
    if "bytes" in series:
        return megabytes
    if series.startswith("latency") or "seconds" in series:
        return seconds
    return plain


Recorded = Sequence[tuple[int, str, TimeSeries]]


def _shown(
    hypothesis: Hypothesis,
    soak: SoakTest,
    told: Sequence[SeriesSummary],
    recorded: Recorded,
) -> list[str]:
    """What is drawn: what is predicted, what every soak shows, and what else moves."""
    predicted = [p.slope for p in hypothesis.all_predictions if p.slope is not None]
    if soak.exhaustion is not None:
        predicted.append(soak.exhaustion.of)
    known = dict.fromkeys(name for _, _, course in recorded for name in course.columns)
    moving = _moving(hypothesis, told)
    others = [name for name in (*_FIRST, *known) if name in known]
    others = [name for name in others if not told or name in moving]
    chosen = list(dict.fromkeys([*predicted, *others]))
    return chosen[: len(set(predicted)) + MOST_PANELS]


def _moving(hypothesis: Hypothesis, told: Sequence[SeriesSummary]) -> set[str]:
    """The series that moved in some arm, and those that a prediction speaks of."""
    lows: dict[str, float] = {}
    highs: dict[str, float] = {}
    for each in told:
        lows[each.series] = min(lows.get(each.series, each.lowest), each.lowest)
        highs[each.series] = max(highs.get(each.series, each.highest), each.highest)
    predicted = {p.slope for p in hypothesis.all_predictions if p.slope is not None}
    return {name for name in lows if highs[name] > lows[name] or name in predicted}


def _panel(series: str, arms: Sequence[str], recorded: Recorded, block_hours: float) -> SoakPanel:
    stretches: dict[str, list[Stretch]] = {arm: [] for arm in arms}
    share = max(1, len({block for block, _, _ in recorded}))
    for block, arm, course in recorded:
        values = course.series(series)
        if values is None:
            continue
        offset = (block - 1) * block_hours
        fits = fit_segments(course, series)
        for place, segment in enumerate(np.unique(course.segments)):
            inside = (course.segments == segment) & np.isfinite(values)
            if not inside.any():
                continue
            times = course.times[inside] / _HOUR_S
            fit = next((f for f in fits if times[0] <= f.begin <= times[-1]), None)
            parts = np.array_split(np.arange(times.size), min(times.size, MOST_POINTS // share))
            own = values[inside]
            stretches[arm].append(
                Stretch(
                    times=np.array([times[part].mean() for part in parts]) + offset,
                    low=np.array([own[part].min() for part in parts]),
                    high=np.array([own[part].max() for part in parts]),
                    fit=(fit.begin + offset, fit.end + offset, fit.low, fit.high) if fit else None,
                    begins=float(times[0]) + offset,
                    restarted=place > 0,
                )
            )
    return SoakPanel(series, form_of(series), {arm: tuple(own) for arm, own in stretches.items()})


def _table(told: Sequence[SeriesSummary]) -> Table:
    rows = []
    for each in told:
        form = form_of(each.series)
        level = low_to_high(form, [each.lowest, each.highest])
        quantity = f"slope of {each.series}"
        slope, interval, shape = MISSING, MISSING, MISSING
        if each.slope is not None:
            slope = in_words(quantity, each.slope.estimate)
            ends = (each.slope.low, each.slope.high)
            interval = " to ".join(in_words(quantity, end) for end in ends)
            grows = each.slope.low > 0
            shape = (each.slope.no_leak_reason or "grows steadily") if grows else "no growth seen"
        if each.sawtooth:
            shape += f"; sawtooth: {each.sawtooth.falls} falls of about {form(each.sawtooth.depth)}"
        rows.append((each.series, each.arm, level, slope, interval, shape))
    return Table(
        ("series", "arm", "lowest to highest", "slope", "interval", "shape"),
        tuple(rows),
        "llrrrl",
    )


def _segments(recorded: Recorded, trials: Sequence[Trial]) -> Table:
    """Lives that did not run through in one piece, and why."""
    crashes = {
        (trial.block, trial.arm): trial.evidence.crashes
        for trial in trials
        if isinstance(trial.evidence, SoakEvidence)
    }
    rows = []
    for block, arm, course in recorded:
        segments = np.unique(course.segments)
        own = crashes.get((block, arm), ())
        if segments.size < 2 and not own:
            continue
        pieces = [course.times[course.segments == segment] for segment in segments]
        told = ", ".join(f"{piece[-1] - piece[0]:.0f} s" for piece in pieces)
        rows.append((str(block), arm, told, "; ".join(own) or "the lab was stopped and resumed"))
    return Table(("block", "arm", "segments", "because"), tuple(rows), "llll")


def _exhaustion(
    asked: Exhaustion | None,
    arms: Sequence[str],
    blocks: Sequence[Block],
    tail: float,
) -> Table:
    rows = []
    for arm in arms if asked else ():
        assert asked is not None
        found = time_to_exhaustion(arm, asked.of, asked.limit, blocks, tail)
        if found is None:
            continue
        form = form_of(asked.of)
        rows.append(
            (
                arm,
                form(found.level),
                form(asked.limit),
                _hours(found.hours),
                f"{_hours(found.soonest)} to {_hours(found.latest)}",
            )
        )
    head = ("arm", "level of a fresh process, warm", "limit", "time to the limit", "interval")
    return Table(head, tuple(rows), "lrrrr")


def _hours(hours: float) -> str:
    if hours == float("inf"):
        return "never"
    return f"{hours * 60:.3g} min" if hours < 1 else f"{hours:.3g} h"
