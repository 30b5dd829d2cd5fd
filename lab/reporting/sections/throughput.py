"""Throughput of each arm, block by block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.measures.number_format import MISSING, low_to_high, plain
from lab.reporting.measure_wording import by_arm
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials


@dataclass(frozen=True)
class BlockThroughput:
    """An arm's throughput in one block, requests per second."""

    block: int
    value: float
    counted: bool


@dataclass(frozen=True)
class ThroughputSection:
    """Throughput of every arm in every block."""

    by_arm: Mapping[str, Sequence[BlockThroughput]]

    @property
    def measured(self) -> bool:
        """Whether any trial measured a throughput."""
        return any(self.by_arm.values())

    @property
    def caption(self) -> str:
        """What the chart shows."""
        if not any(point.counted for points in self.by_arm.values() for point in points):
            return "No block counted."
        return by_arm(
            "Requests per second, lowest to highest block",
            {
                arm: low_to_high(plain, [point.value for point in points if point.counted])
                for arm, points in self.by_arm.items()
            },
        )

    @property
    def table(self) -> Table:
        """A row for each block, a column for each arm."""
        blocks = sorted({point.block for points in self.by_arm.values() for point in points})
        cells = {
            (point.block, arm): plain(point.value) + ("" if point.counted else " (not counted)")
            for arm, points in self.by_arm.items()
            for point in points
        }
        return Table(
            ("block", *self.by_arm),
            tuple(
                (str(block), *(cells.get((block, arm), MISSING) for arm in self.by_arm))
                for block in blocks
            ),
            "r" * (1 + len(self.by_arm)),
        )


def throughput_section(trials: RunTrials) -> ThroughputSection:
    """The throughput of every trial at the shown level."""
    counted = trials.counted_blocks
    points: dict[str, list[BlockThroughput]] = {arm: [] for arm in trials.arms}
    for trial in trials.all:
        value = trials.value(trial, "throughput")
        if value is not None and trial.level == trials.shown_level:
            points[trial.arm].append(BlockThroughput(trial.block, value, trial.block in counted))
    return ThroughputSection(points)
