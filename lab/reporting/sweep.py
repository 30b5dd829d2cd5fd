"""What a sweep shows of each arm: curve, bounds, knee and law, in words and rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis.block_values import Block
from lab.analysis.estimate import Estimate
from lab.analysis.sweep_curve import sweep_curves
from lab.analysis.sweep_summary import SweepSummary, summarize_sweeps
from lab.hypothesis import Hypothesis, LoadTest, Sweep
from lab.number_format import MISSING, NumberFormat, low_to_high, per_second, plain, seconds
from lab.plan import Plan
from lab.reporting.tables import Table
from lab.stats.sequential_looks import nominal_level


@dataclass(frozen=True)
class SweepView:
    """One arm's sweep over all blocks that count."""

    arm: str
    index: int  # among the arms: how it is drawn
    shape: SweepSummary

    @property
    def load(self) -> str:
        """What is on the horizontal axis."""
        return "users" if self.shape.closed else "requests in flight"

    @property
    def words(self) -> str:
        """What the picture shows."""
        return " ".join((self._saturation, self._peak, self._law))

    @property
    def _saturation(self) -> str:
        shape = self.shape
        if shape.capacity is None or shape.knee is None or shape.bounds is None:
            lacks = "does not level off within the sweep in enough blocks"
            if not shape.closed:
                lacks = "is not saturated in this range in enough blocks"
            return (
                f"Throughput of {self.arm} {lacks}, so that neither its highest throughput nor a "
                "knee is told."
            )
        pause = f" and its user pauses for {seconds(shape.bounds.think)}"
        return (
            f"Throughput of {self.arm} levels off at {_figures(per_second, shape.capacity)}. "
            f"Alone, a request takes {seconds(shape.bounds.response)}"
            f"{pause if shape.closed else ''}; the two bounds "
            f"meet at a knee of {_figures(plain, shape.knee)} {self.load}."
        )

    @property
    def _peak(self) -> str:
        peak, reach = self.shape.peak, plain(self.shape.reach)
        if peak is None:
            return "The blocks do not tell whether there is a peak beyond which it falls."
        if peak.estimate == math.inf:
            return f"There is no peak in this range: it does not fall up to {reach} {self.load}."
        return f"It falls beyond a peak at {_figures(plain, peak)} {self.load}."

    @property
    def _law(self) -> str:
        law, shape = self.shape.law, self.shape
        if law is None:
            return (
                "The Universal Scalability Law does not describe it: it fits "
                f"{shape.law_blocks} of {shape.blocks} blocks, not counting those where it makes a "
                "peak of what a curve that merely saturates fits better."
            )
        return (
            f"The Universal Scalability Law describes {shape.law_blocks} of {shape.blocks} blocks: "
            f"rate {_figures(per_second, law.rate)}, contention σ "
            f"{_figures(plain, law.sigma)}, coherency κ "
            f"{_figures(plain, law.kappa)}."
        )


def collect(hypothesis: Hypothesis, plan: Plan, blocks: Sequence[Block]) -> tuple[SweepView, ...]:
    """The curve of each arm; none where the load is no sweep or no block counts."""
    if not isinstance(hypothesis.kind, LoadTest) or not isinstance(hypothesis.kind.load, Sweep):
        return ()
    tail = nominal_level(plan.alpha, plan.first, plan.last)
    closed = hypothesis.kind.load.axis == "users"
    found = []
    for index, arm in enumerate(hypothesis.arms):
        curves = [c for c in sweep_curves(arm, blocks, closed=closed) if c is not None]
        if curves:
            found.append(SweepView(arm, index, summarize_sweeps(curves, tail)))
    return tuple(found)


def table(curves: Sequence[SweepView]) -> Table:
    """Every level of every arm: what was measured, and what the bounds allow."""
    rows = []
    for curve in curves:
        bounds = curve.shape.bounds
        for point in curve.shape.points:
            rows.append(
                (
                    curve.arm,
                    plain(point.level),
                    plain(point.throughput),
                    low_to_high(plain, [point.low, point.high]),
                    plain(float(bounds.throughput(point.users))) if bounds else MISSING,
                    seconds(point.response),
                )
            )
    level = "users" if all(curve.shape.closed for curve in curves) else "arrivals /s"
    head = ("arm", level, "requests /s", "lowest to highest block", "bounds allow", "mean latency")
    return Table(head, tuple(rows), "lrrrrr")


def _figures(form: NumberFormat, found: Estimate) -> str:
    """An estimate with its interval."""
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return f"{form(found.estimate)} (no bounded interval yet)"
    return f"{form(found.estimate)} ({low_to_high(form, [found.low, found.high])})"
