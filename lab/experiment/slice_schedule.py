"""How long the slices of a closed load are, and in which order the arms are loaded."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from lab.decision_margins import SliceMargins
from lab.hypothesis import ClosedLoad, Hypothesis, LoadTest, MetricGauge, parse_measure
from lab.measures.number_format import percentage, seconds
from lab.stats.carry_over import MIN_SLICES
from lab.trials.plan import PlannedWorkers
from lab.trials.trial import LoadEvidence, Trial

_UNLOADED = "between slices, when it could be read, nothing is loaded"
_NOT_IN_SLICES = {  # what is not known of an arm that is loaded in slices, and why
    "rss_bytes": _UNLOADED,
    "descriptors": _UNLOADED,
    "throttled": "a period of a CPU quota holds parts of slices and of the pauses between them",
}


@dataclass(frozen=True)
class SliceSchedule:
    """The slices of one block: `rounds` of each arm, of `seconds` each."""

    rounds: int
    seconds: float

    @property
    def is_cut(self) -> bool:
        """Whether there are several."""
        return self.rounds > 1

    def orders(self, arms: Sequence[str], seed: str) -> list[list[str]]:
        """The arms in random order, anew for each round, so that each may follow itself."""
        generator = random.Random(seed)
        return [generator.sample(arms, len(arms)) for _ in range(self.rounds)]

    def longer(self, window_s: float, min_rounds: int) -> SliceSchedule:
        """With slices twice as long, or the whole window."""
        rounds = self.rounds // 2
        return whole_window(window_s) if rounds < min_rounds else _cut(window_s, rounds)

    def calmer(self, window_s: float, margins: SliceMargins) -> SliceSchedule | None:
        """With slices that average out what changes within tenths of a second.

        None if they would not be twice as long, or if too few would fit: over two blocks an arm
        has to follow itself often enough to test for carry-over.
        """
        rounds = int(window_s / margins.calm_slice_s + 1e-9)
        return _cut(window_s, rounds) if 2 * MIN_SLICES <= rounds <= self.rounds // 2 else None


def may_be_cut(test: LoadTest, arms: Sequence[str]) -> bool:
    """Whether the arms of a test can be loaded in turn: a closed load, and not `slices: off`."""
    load = test.load
    return isinstance(load, ClosedLoad) and load.slice_s != math.inf and len(arms) > 1


def why_never_cut(
    hypothesis: Hypothesis,
    *,
    is_switched: bool,
    workers: PlannedWorkers | None = None,
) -> str | None:
    """Why a test that may be cut has whole windows nevertheless, as a clause; None if it has not.

    Args:
        hypothesis: Its measures and predictions are looked at.
        is_switched: Whether one system serves all arms, one after the other.
        workers: That share the load; None for a single process.
    """
    if workers is not None:
        return f"{workers} share the load, and do not change from arm to arm at the same moment"
    if is_switched:
        return "all arms are one system, which a command changes between them"
    for name, metric in hypothesis.measures.items():
        if isinstance(metric, MetricGauge):
            return f"{name} is a gauge, and {_UNLOADED}"
    for prediction in hypothesis.all_predictions:
        base = parse_measure(prediction.measure).base
        if base in _NOT_IN_SLICES:
            return f"{base} is predicted, and {_NOT_IN_SLICES[base]}"
    return None


def schedule(
    test: LoadTest, cycles: Sequence[float | None], margins: SliceMargins
) -> SliceSchedule:
    """The slices of a test that may be cut.

    Args:
        test: Its window is the time for which each arm is measured in a block.
        cycles: Of each arm, the time of a user from task to task, seconds (`LaneReady.cycle_s`);
            None: longer than could be seen.
        margins: Of the plan.
    """
    assert isinstance(test.load, ClosedLoad)
    needed_s = margins.cycles * max(math.inf if cycle is None else cycle for cycle in cycles)
    if (wanted_s := test.load.slice_s) is not None:
        found = _chosen(test.window_s, wanted_s)
        return found if needed_s <= found.seconds * (1 + 1e-9) else whole_window(test.window_s)
    least_s = max(margins.min_slice_s, needed_s)
    if least_s > test.window_s / margins.min_rounds:
        return whole_window(test.window_s)
    return _cut(test.window_s, int(test.window_s / least_s + 1e-9))


def why_whole(test: LoadTest, cycles: Sequence[float | None], margins: SliceMargins) -> str:
    """Why `schedule` does not cut the windows, as a clause."""
    assert isinstance(test.load, ClosedLoad)
    wanted_s = test.load.slice_s
    known = [cycle for cycle in cycles if cycle is not None]
    if len(known) < len(cycles):
        return "the warm-up is too short to see how long a user takes from one task to the next"
    cycle = f"a user takes {seconds(max(known))} from one task to the next, so that"
    if wanted_s is None:
        return (
            f"{cycle} a slice of {margins.cycles} of those is longer than a "
            f"{margins.min_rounds}th of the window"
        )
    chosen_s = _chosen(test.window_s, wanted_s).seconds
    return (
        f"{cycle} the slices of {seconds(chosen_s)} that the hypothesis asks for hold fewer than "
        f"{margins.cycles} of those; if users wait for each other, their rates would be too high "
        "and ratios too near to 1"
    )


def why_unsure(trials: Sequence[Trial], margins: SliceMargins) -> str | None:
    """Why the slices of a block turned out too short, as a clause; None if they did not.

    The warm-up has shown how long cycles were. They may have grown since, or vary more.
    """
    for trial in trials:
        assert isinstance(trial.evidence, LoadEvidence)
        slices = trial.evidence.slices
        own = math.fsum(each.seconds for each in slices) / math.fsum(
            each.lasted_s for each in slices
        )
        if own < margins.min_own_time:
            return (
                f"in slices of {trial.arm}, users waited for the last answers of others for "
                f"{percentage(1 - own)} of the time, so that rates would be too high and ratios "
                "too near to 1"
            )
    return None


def _chosen(window_s: float, wanted_s: float) -> SliceSchedule:
    """Slices of a length that was asked for, or longer, so that the window is full of them."""
    return _cut(window_s, int(window_s / wanted_s + 1e-9))


def whole_window(window_s: float) -> SliceSchedule:
    """One slice."""
    return SliceSchedule(1, window_s)


def _cut(window_s: float, rounds: int) -> SliceSchedule:
    return SliceSchedule(rounds, window_s / rounds)
