"""The trials of a run as sections read them: all of them, and those whose block counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lab.decision_margins import DecisionMargins
from lab.hypothesis import Hypothesis, LoadTest, Step, Sweep
from lab.stats.latency_histogram import Histogram
from lab.system import DATABASE, DRIVER
from lab.trials.block_grouping import Block, group_trials
from lab.trials.measure_values import measure, total
from lab.trials.plan import Plan
from lab.trials.trial import Trial

_LAST_ROLES = (DATABASE, DRIVER)


@dataclass(frozen=True)
class RunTrials:
    """All trials of a run, and the blocks that count."""

    hypothesis: Hypothesis
    all: tuple[Trial, ...]
    blocks: tuple[Block, ...]  # that count
    margins: DecisionMargins  # of the plan
    too_short: tuple[Block, ...] = ()  # complete, but in slices that turned out to be too short

    @classmethod
    def sort(cls, hypothesis: Hypothesis, plan: Plan, trials: Sequence[Trial]) -> RunTrials:
        """Sort the trials by block and position, and find the blocks that count."""
        blocks = group_trials(trials, plan)
        in_order = sorted(trials, key=lambda trial: (trial.block, trial.position))
        counting = blocks.complete[: plan.last_look]
        return cls(hypothesis, tuple(in_order), counting, plan.margins, blocks.too_short)

    @property
    def counted(self) -> tuple[Trial, ...]:
        """The trials of the blocks that count."""
        return tuple(t for block in self.blocks for trials in block.values() for t in trials)

    @property
    def counted_blocks(self) -> set[int]:
        """The numbers of the blocks that count."""
        return _numbers(self.blocks)

    @property
    def too_short_blocks(self) -> set[int]:
        """The numbers of those in slices that turned out to be too short."""
        return _numbers(self.too_short)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms in the order of the hypothesis."""
        return tuple(self.hypothesis.arms)

    @property
    def shown_level(self) -> float | None:
        """The level at which arms are shown side by side: of a sweep, the highest."""
        return self.hypothesis.levels[-1]

    @property
    def at_level(self) -> str:
        """The shown level in words, to follow a heading; empty without a sweep."""
        match self.hypothesis.kind:
            case LoadTest(load=Sweep(axis="users")):
                return f" at {self.shown_level:g} users"
            case LoadTest(load=Sweep()):
                return f" at {self.shown_level:g} arrivals per second"
            case _:
                return ""

    @property
    def loaded(self) -> tuple[str, ...]:
        """The roles that load went to."""
        return tuple(dict.fromkeys(trial.service.loaded for trial in self.all))

    def counted_of(self, arm: str) -> tuple[Trial, ...]:
        """The trials of an arm that count, at the shown level."""
        return tuple(trial for trial in self.counted if trial.step == Step(arm, self.shown_level))

    def values(self, arm: str, name: str) -> list[float]:
        """A measure of an arm, one value for each block that has one."""
        found = (self.value(trial, name) for trial in self.counted_of(arm))
        return [value for value in found if value is not None]

    def value(self, trial: Trial, name: str) -> float | None:
        """A measure of one trial; None if it has no value."""
        return measure(trial, name, self.hypothesis.measures, margins=self.margins.measures)

    def latency(self, arm: str, request: str | None = None, method: str | None = None) -> Histogram:
        """Latencies of an arm over all trials that count; of one name and method, if given."""
        merged = Histogram()
        for trial in self.counted_of(arm):
            merged.merge(total(trial, request, method).latency)
        return merged


def _numbers(blocks: Iterable[Block]) -> set[int]:
    return {trial.block for block in blocks for trials in block.values() for trial in trials}


def roles_in_order(roles: Iterable[str], loaded: Iterable[str]) -> tuple[str, ...]:
    """Roles of processes without duplicates: those under load first, those of the lab last."""
    found, first = set(roles), dict.fromkeys(loaded)
    other = sorted(found.difference(first, _LAST_ROLES))
    ordered = (*first, *other, *_LAST_ROLES)
    return tuple(role for role in ordered if role in found)
