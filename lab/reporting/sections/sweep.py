"""The curve of a sweep: throughput at every level, bounds, knee, peak and law of each arm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis.estimate import Estimate
from lab.analysis.sweep_curve import sweep_curve
from lab.analysis.sweep_summary import SweepSummary, summarize_sweeps
from lab.hypothesis import Hypothesis, LoadTest, Sweep
from lab.measures.number_format import (
    MISSING,
    NumberFormat,
    low_to_high,
    per_second,
    percentage,
    plain,
    seconds,
)
from lab.reporting.table import Table
from lab.stats.sequential_looks import nominal_level
from lab.trials.block_grouping import Block
from lab.trials.plan import Plan


@dataclass(frozen=True)
class ArmSweep:
    """One arm's sweep over all blocks that count."""

    arm: str
    index: int  # among the arms: how it is drawn
    summary: SweepSummary

    @property
    def load_axis(self) -> str:
        """What is on the horizontal axis."""
        return "users" if self.summary.closed else "requests in flight"

    @property
    def caption(self) -> str:
        """What the chart shows."""
        parts = (self._gaps, self._saturation, self._peak, self._fall, self._law)
        return " ".join(filter(None, parts))

    @property
    def _gaps(self) -> str:
        summary = self.summary
        if not summary.without_curve:
            return ""
        return (
            f"In {summary.without_curve} of {summary.blocks} blocks {self.arm} has no curve: "
            "a level had no successful request."
        )

    @property
    def _saturation(self) -> str:
        summary = self.summary
        if summary.capacity is None or summary.bounds is None:
            lacks = "does not level off within the sweep in enough blocks"
            if not summary.closed:
                lacks = "is not saturated in this range in enough blocks"
            return (
                f"Throughput of {self.arm} {lacks}, so neither its maximum nor a knee is reported."
            )
        levels_off = (
            f"Throughput of {self.arm} levels off at "
            f"{_with_interval(per_second, summary.capacity)}."
        )
        if summary.knee is None or summary.bounds.response is None:
            return (
                f"{levels_off} At the lowest level requests may queue already, so no knee is "
                "reported: it takes a sweep that begins with less load."
            )
        pause = f" and its user pauses for {seconds(summary.bounds.think)}"
        return (
            f"{levels_off} Without queueing, a request takes {seconds(summary.bounds.response)}"
            f"{pause if summary.closed else ''}. The two bounds meet at a knee of "
            f"{_with_interval(plain, summary.knee)} {self.load_axis}."
        )

    @property
    def _peak(self) -> str:
        peak = self.summary.peak
        if peak is None:
            return "The blocks do not show whether throughput has a peak beyond which it falls."
        if peak.estimate == math.inf:
            reach = f"{plain(self.summary.reach)} {self.load_axis}"
            return f"There is no peak in this range: throughput does not fall up to {reach}."
        return f"Throughput falls beyond a peak at {_with_interval(plain, peak)} {self.load_axis}."

    @property
    def _fall(self) -> str:
        """What speaks against the absence of a peak; empty if throughput does not fall at all."""
        peak, fall = self.summary.peak, self.summary.fall
        if fall <= 0 or (peak is not None and peak.estimate < math.inf):
            return ""
        return (
            f"In the mean over blocks throughput is {percentage(fall, 2)} less at the highest "
            "level than at the best lower one."
        )

    @property
    def _law(self) -> str:
        law, summary = self.summary.law, self.summary
        if law is None:
            return (
                "The Universal Scalability Law does not describe the sweep: it fits "
                f"{summary.law_blocks} of {summary.blocks} blocks. Blocks that a curve without a "
                "peak fits better do not count."
            )
        return (
            f"The Universal Scalability Law describes {summary.law_blocks} of {summary.blocks} "
            f"blocks: rate {_with_interval(per_second, law.rate)}, contention σ "
            f"{_with_interval(plain, law.sigma)}, coherency κ "
            f"{_with_interval(plain, law.kappa)}."
        )


@dataclass(frozen=True)
class SweepSection:
    """The sweeps of all arms."""

    arms: tuple[ArmSweep, ...]
    without_curve: tuple[str, ...]  # other arms

    @property
    def note(self) -> str:
        """What is to be said of arms that have no curve; empty if all have one."""
        if not self.without_curve:
            return ""
        arms = ", ".join(self.without_curve)
        return f"No curve in any block: {arms}. A level had no successful request."

    @property
    def table(self) -> Table:
        """Every level of every arm: what was measured, and what the bounds allow."""
        rows = []
        for sweep in self.arms:
            bounds = sweep.summary.bounds
            for point in sweep.summary.points:
                rows.append(
                    (
                        *(sweep.arm, plain(point.level), plain(point.throughput)),
                        low_to_high(plain, [point.low, point.high]),
                        plain(float(bounds.throughput(point.users))) if bounds else MISSING,
                        seconds(point.response),
                    )
                )
        level = "users" if all(sweep.summary.closed for sweep in self.arms) else "arrivals /s"
        head = (
            *("arm", level, "requests /s", "lowest to highest block", "upper bound"),
            "mean latency",
        )
        return Table(head, tuple(rows), "lrrrrr")


def sweep_section(
    hypothesis: Hypothesis, plan: Plan, blocks: Sequence[Block]
) -> SweepSection | None:
    """The sweep of each arm; None if the load is no sweep or no block counts."""
    if not isinstance(hypothesis.kind, LoadTest) or not isinstance(hypothesis.kind.load, Sweep):
        return None
    if not blocks:
        return None
    tail = nominal_level(plan.alpha, plan.first_look, plan.last_look)
    margins = plan.margins.sweep
    closed = hypothesis.kind.load.axis == "users"
    found = []
    for index, arm in enumerate(hypothesis.arms):
        curves = [sweep_curve(arm, block, margins, closed=closed) for block in blocks]
        if any(curves):
            found.append(ArmSweep(arm, index, summarize_sweeps(curves, tail, margins)))
    drawn = {sweep.arm for sweep in found}
    return SweepSection(tuple(found), tuple(arm for arm in hypothesis.arms if arm not in drawn))


def _with_interval(form: NumberFormat, found: Estimate) -> str:
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return f"{form(found.estimate)} (no bounded interval yet)"
    return f"{form(found.estimate)} ({low_to_high(form, [found.low, found.high])})"
