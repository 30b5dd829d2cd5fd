"""The growth of a soak's series: of one arm, or of one arm against another.

Over blocks (one life of every arm each, all side by side) a slope per block is taken, of the
difference where two arms are compared, and the interval is Student t over blocks. One block alone
gives an interval from its own scatter (Lazarus et al., 2018): a screening. Either way a growth
that is not steady, as `lab.stats.trend` has it, supports no claim that something grows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lab.analysis.estimate import SlopeEstimate
from lab.hypothesis import Bound, Prediction, Step
from lab.stats import trend
from lab.stats.confidence_interval import t_interval
from lab.stats.student_t import critical_value, distance
from lab.trial import SoakEvidence, TimeSeries, Trial

Values = npt.NDArray[np.float64]
Block = Mapping[Step, tuple[Trial, ...]]

_FREED_LATE = ("bytes", "heap", "memory")  # what a collector frees now and then: its minimum tells
HOUR_S = 3600.0


@dataclass(frozen=True)
class BinnedSeries:
    """A series of one life, folded into bins: what slopes are taken of.

    Attributes:
        times: Hours since the block began; shape (bins,).
        values: In the series' unit; shape (bins,).
        segments: Which life of the processes; shape (bins,).
    """

    times: Values
    values: Values
    segments: npt.NDArray[np.int64]

    def slope(self) -> trend.Slope | None:
        """Its slope per hour; None where there is too little of it."""
        if self.times.size < trend.LEAST_BINS:
            return None
        return trend.slope(self.times, self.values, self.segments)


def fold(series: str) -> trend.Fold:
    """How a bin of this series is told in one number."""
    return "minimum" if any(word in series for word in _FREED_LATE) else "median"


def growth(prediction: Prediction, blocks: Sequence[Block], tail: float) -> SlopeEstimate | None:
    """The slope that a prediction speaks of, per hour; None where a block lacks it.

    Args:
        prediction: One with a `slope`.
        blocks: Complete ones.
        tail: Probability left out on each side.
    """
    assert prediction.slope is not None
    found = [line(prediction, block) for block in blocks]
    lines = [each for each in found if each is not None]
    fits = [fitted for each in lines if (fitted := each.slope()) is not None]
    if not blocks or len(fits) < len(blocks):
        return None
    flaw = _flaw(lines)
    if len(fits) == 1:
        [fitted] = fits
        slope, error = float(fitted.slope), float(fitted.error)
        half = critical_value(tail, fitted.degrees) * error
        return SlopeEstimate(slope, slope - half, slope + half, flaw)
    interval = t_interval([float(fitted.slope) for fitted in fits], tail)
    return SlopeEstimate(interval.estimate, interval.low, interval.high, flaw)


def line(prediction: Prediction, block: Block) -> BinnedSeries | None:
    """The series that a prediction speaks of, in one block: an arm's, or the arms' difference."""
    assert prediction.slope is not None
    courses = [course_of(block, arm) for arm in prediction.arms]
    known = [course for course in courses if course is not None]
    if len(known) < len(courses):
        return None
    return binned(known, prediction.slope)


def course_of(block: Block, arm: str) -> TimeSeries | None:
    """What was recorded of an arm in a block."""
    [trial] = block[Step(arm)]
    return trial.evidence.time_series if isinstance(trial.evidence, SoakEvidence) else None


def binned(courses: Sequence[TimeSeries], series: str) -> BinnedSeries | None:
    """A series folded into bins; of two courses the difference, bin by bin.

    Both are folded by the same bins: a restart of either begins a segment.
    """
    values = [course.series(series) for course in courses]
    length = min(course.times.size for course in courses)
    if not length or any(each is None for each in values):
        return None
    segments = np.zeros(length, dtype=np.int64)
    for course in courses:
        segments[1:] += np.cumsum(np.diff(course.segments[:length]) != 0)
    layout = trend.layout(courses[0].times[:length] / HOUR_S, segments)
    bins = [layout.fold(each[:length], fold(series)) for each in values if each is not None]
    difference = bins[0] - bins[1] if bins[1:] else bins[0]
    seen = np.isfinite(difference)
    return BinnedSeries(layout.times[seen], difference[seen], layout.segments[seen])


def _flaw(lines: Sequence[BinnedSeries]) -> str | None:
    """Why the growth of all blocks together has not the shape of a leak."""
    # Lives of the same place in their blocks are averaged, so that their noise is.
    whole = _pooled(lines)
    if whole is None:
        return "the blocks were cut too differently to tell its shape"
    fitted = whole.slope()
    if fitted is None:
        return "there is too little of it to tell its shape"
    shares = trend.thirds(whole.times, whole.values, whole.segments)
    if bool(trend.steady(shares, fitted)):
        return None
    slowest = int(np.argmin(np.where(np.isnan(shares), -math.inf, shares)))
    if not (shares >= trend.STEADY).all():
        place = ("first", "second", "last")[slowest]
        share = float(shares[slowest])
        told = "nothing" if math.isnan(share) else f"{share:.2g} of the whole"
        return f"its {place} third grew by {told} (a leak: at least {trend.STEADY:g})"
    return f"it bends towards a standstill ({float(fitted.ending):.2g} of its slope at the end)"


def _pooled(lines: Sequence[BinnedSeries]) -> BinnedSeries | None:
    """The blocks' mean, where all have the same bins; else all of them, as segments of one."""
    first = lines[0]
    alike = all(
        each.times.size == first.times.size and (each.segments == first.segments).all()
        for each in lines
    )
    if alike:
        values = np.mean([each.values for each in lines], axis=0)
        return BinnedSeries(first.times, values, first.segments)
    times, values, segments = [], [], []
    offset = 0
    for each in lines:
        times.append(each.times + offset)
        values.append(each.values)
        segments.append(each.segments + offset)
        # beyond every time and segment so far: each block keeps its own intercepts
        offset += 1 + math.ceil(max(float(each.times.max()), float(each.segments.max())))
    return BinnedSeries(np.concatenate(times), np.concatenate(values), np.concatenate(segments))


@dataclass(frozen=True)
class Noise:
    """What hides a slope: the scatter of an interval's value, and a walk of the level.

    Attributes:
        scatter: Standard deviation of an interval, in the series' unit.
        walk: Standard deviation of what the level wanders in an hour.
        source: Where the two come from.
    """

    scatter: float
    walk: float
    source: str


SEEN = "more than ten-minute soaks of the sample service showed, on two shared cores"
GUESSED = "a guess: this series was never soaked here"
_DEFAULTS: Mapping[str, Noise] = {
    "rss_bytes": Noise(0.05e6, 1.0e6, SEEN),
    "descriptors": Noise(0.5, 15.0, SEEN),
    "rooms": Noise(2.0, 20.0, SEEN),
}


def default_noise(series: str) -> Noise:
    """What is assumed of a series that was never recorded."""
    return _DEFAULTS.get(series, Noise(1.0, 1.0, GUESSED))


def detectable(
    noise: Noise, length_s: float, interval_s: float, pairs: int, compared: bool, tail: float
) -> float:
    """The smallest slope per hour that a soak would find nine times in ten.

    The error of a slope over kept hours L and m bins is that of a least squares line: white noise
    of variance s2 gives 12 s2 / (m L^2), a random walk of q2 an hour gives 6 q2 / (5 L). It must
    be passed by the interval, and by the slope of every third, which is known less well.

    Args:
        noise: Of one arm's series.
        length_s: Of the whole soak.
        interval_s: Between two values.
        pairs: Blocks.
        compared: Whether it is a difference of two arms.
        tail: Probability left out on each side.
    """
    hours = length_s / pairs / HOUR_S * (1 - trend.DROPPED)
    intervals = max(1.0, hours * HOUR_S / interval_s)
    bins = min(float(trend.BINS), intervals)
    # the variance of the least of n normal values falls about so, and not as 1 / n
    scatter2 = noise.scatter**2 / (intervals / bins) ** 0.42
    arms = 2 if compared else 1
    white = arms * 12 * scatter2 / (bins * hours**2) / pairs
    walk = arms * 6 * noise.walk**2 / (5 * hours) / pairs
    degrees = pairs - 1 if pairs > 1 else max(2, int(bins) // trend.BINS_PER_COSINE)
    # Each of the two is passed in .95 of the cases, both hence in .9 or more.
    by_interval = distance(tail, degrees, 0.95) * math.sqrt(white + walk)
    # The variance of a third's slope is 27 times that of the whole in white noise, 3 in a walk.
    # All three must stay above STEADY: each in .983, a margin of 2.1 standard errors.
    by_thirds = 2.1 * math.sqrt(27 * white + 3 * walk) / (1 - trend.STEADY)
    return max(by_interval, by_thirds)


def noise_of(lives: Mapping[str, Sequence[TimeSeries]], series: str, source: str) -> Noise | None:
    """The noise of a series as recorded, its slope taken off; None where there is too little.

    The scatter is that of the intervals themselves. Of the walk, the larger of two is taken: what
    the bins of a life show, and what makes the slopes of an arm's lives differ.

    Args:
        lives: By arm.
        series: Its name.
        source: What is said of where it comes from.
    """
    scatters, walks, between = [], [], []
    for courses in lives.values():
        slopes, hours = [], 0.0
        for course in courses:
            own = binned([course], series)
            if own is None or (fitted := own.slope()) is None:
                continue
            slopes.append(float(fitted.slope))
            hours = float(np.ptp(own.times))
            scatters.append(_scatter(course, series, slopes[-1]))
            walks.append(_walk(own, slopes[-1]))
        if slopes[1:]:
            between.append(float(np.var(slopes, ddof=1)) * 5 * hours / 6)
    if not scatters:
        return None
    walk2 = max(float(np.mean(walks)), float(np.mean(between)) if between else 0.0)
    return Noise(math.sqrt(np.mean(scatters)), math.sqrt(walk2), source)


def _scatter(course: TimeSeries, series: str, slope: float) -> float:
    """The variance of an interval's value about a line, what is dropped left out."""
    values = course.series(series)
    assert values is not None
    layout = trend.layout(course.times / HOUR_S, course.segments)
    kept = np.where(layout.bins >= 0, values, math.nan)
    steps = np.diff(kept - slope * course.times / HOUR_S)
    steps = steps[course.segments[1:] == course.segments[:-1]]
    return float(np.nanmean(steps**2)) / 2


def _walk(own: BinnedSeries, slope: float) -> float:
    """The variance of a walk in an hour, about a line.

    Two unknowns from two lags: white noise differs alike at both, and a walk twice as much.
    """
    residual = own.values - slope * own.times
    near = own.segments[1:] == own.segments[:-1]
    far = own.segments[2:] == own.segments[:-2]
    one = float(np.mean(np.diff(residual)[near] ** 2))
    two = float(np.mean((residual[2:] - residual[:-2])[far] ** 2))
    walk2 = max(0.0, two - one)
    return walk2 / float(np.mean(np.diff(own.times)[near]))


@dataclass(frozen=True)
class TimeToExhaustion:
    """Hours that a process lives until a limit is met; infinite where it is not approached.

    Attributes:
        level: At the begin of what is kept, hence of a process that is warm.
        hours: By the estimate of the slope.
        soonest, latest: By the ends of its interval.
    """

    level: float
    hours: float
    soonest: float
    latest: float


def exhausted(
    arm: str, series: str, limit: float, blocks: Sequence[Block], tail: float
) -> TimeToExhaustion | None:
    """When a process of an arm would meet a limit, if it grew on as it did.

    Args:
        arm: Whose.
        series: Which grows.
        limit: In its unit.
        blocks: Complete ones.
        tail: Probability left out on each side.
    """
    prediction = Prediction("", "", Bound(at_least=0.0), arm=arm, slope=series)
    grown = growth(prediction, blocks, tail)
    lines = [each for block in blocks if (each := line(prediction, block)) is not None]
    if grown is None or not lines:
        return None
    level = float(np.mean([each.values[0] for each in lines]))

    def hours(slope: float) -> float:
        if level >= limit:
            return 0.0
        return (limit - level) / slope if slope > 0 else math.inf

    return TimeToExhaustion(level, hours(grown.estimate), hours(grown.high), hours(grown.low))


@dataclass(frozen=True)
class Sawtooth:
    """A sawtooth: how often a series fell at once, and how far (median)."""

    falls: int
    depth: float


FALLS = 3  # that make a sawtooth


def teeth(courses: Sequence[TimeSeries], series: str) -> Sawtooth | None:
    """The falls of a series within its segments; None where there are too few.

    A fall takes, from one interval to the next, more than half of the range that nine tenths of
    the values lie in. Where as many steps rise so far it is noise, and no tooth.
    """
    depths: list[float] = []
    rises = 0
    for course in courses:
        values = course.series(series)
        if values is None:
            continue
        for segment in np.unique(course.segments):
            own = values[(course.segments == segment) & np.isfinite(values)]
            if own.size < 3:
                continue
            low, high = np.quantile(own, (0.05, 0.95))
            steps = -np.diff(own)
            depths += steps[(steps > (high - low) / 2) & (steps > 0)].tolist()
            rises += int(((-steps > (high - low) / 2) & (steps < 0)).sum())
    if len(depths) < FALLS or rises > len(depths) / FALLS:
        return None
    return Sawtooth(len(depths), float(np.median(depths)))


@dataclass(frozen=True)
class SeriesSummary:
    """What a report tells of one series of one arm."""

    series: str
    arm: str
    growth: SlopeEstimate | None  # over the blocks that are complete
    lowest: float
    highest: float
    teeth: Sawtooth | None


def summary(arms: Sequence[str], blocks: Sequence[Block], tail: float) -> list[SeriesSummary]:
    """Every series of every arm, as far as blocks are complete.

    Args:
        arms: In their order.
        blocks: Complete ones.
        tail: Probability left out on each side of an interval.
    """
    found = []
    courses = {
        arm: [course for block in blocks if (course := course_of(block, arm))] for arm in arms
    }
    names = dict.fromkeys(
        name for own in courses.values() for course in own for name in course.columns
    )
    for name in names:
        for arm in arms:
            values = [v for course in courses[arm] if (v := course.series(name)) is not None]
            together = np.concatenate([np.empty(0), *values])
            seen = together[np.isfinite(together)]
            if not seen.size:
                continue
            prediction = Prediction("", "", Bound(at_least=0.0), arm=arm, slope=name)
            found.append(
                SeriesSummary(
                    series=name,
                    arm=arm,
                    growth=growth(prediction, blocks, tail),
                    lowest=float(seen.min()),
                    highest=float(seen.max()),
                    teeth=teeth(courses[arm], name),
                )
            )
    return found


@dataclass(frozen=True)
class SegmentFit:
    """The kept part of a series in one segment, and its line.

    Attributes:
        begin, end: Hours since the block began.
        dropped: Where the segment itself began: what lies before `begin` was left out.
        low, high: The line's value at both.
    """

    dropped: float
    begin: float
    end: float
    low: float
    high: float


def fits(course: TimeSeries, series: str) -> list[SegmentFit]:
    """A line for each segment, all of the same slope."""
    own = binned([course], series)
    if own is None or (fitted := own.slope()) is None:
        return []
    slope, lines = float(fitted.slope), []
    for segment in np.unique(own.segments):
        inside = own.segments == segment
        times, values = own.times[inside], own.values[inside]
        middle, level = float(times.mean()), float(values.mean())
        begin, end = float(times[0]), float(times[-1])
        place = int(np.searchsorted(course.times, begin * HOUR_S))
        alike = course.segments == course.segments[min(place, course.times.size - 1)]
        first = float(course.times[alike][0] / HOUR_S)
        lines.append(
            SegmentFit(
                first, begin, end, level + slope * (begin - middle), level + slope * (end - middle)
            )
        )
    return lines
