"""The budget must be enough for the fewest blocks that can decide."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

from lab.decision_margins import LOOKS
from lab.hypothesis.model import MIN_BLOCKS, Benchmark, LoadTest
from lab.hypothesis.validation.statement import Statement
from lab.input_files import Flaw, Node
from lab.stats.margins import SweepMargins
from lab.stats.missing_estimates import blocks_to_show_absence
from lab.stats.sequential_looks import nominal_level


def budget_flaws(
    kind: LoadTest | Benchmark, arms: int, root: Node, blocks: int = MIN_BLOCKS
) -> Iterator[Flaw]:
    """A budget that is too short for so many blocks of this number of arms."""
    trials = arms * len(kind.levels)
    needed_s = blocks * trials * kind.trial_s
    if kind.budget_s < needed_s:
        held = f"{arms} arms" if trials == arms else f"{trials} trials"
        why = "" if blocks == MIN_BLOCKS else ", and fewer cannot show that there is no peak"
        yield root.at("budget").flaw(
            f"the budget is {root.at('budget').written}, but {blocks} blocks "
            f"of {held} take {needed_s:g}s{why}",
            f"Write {math.ceil(needed_s)}s or more.",
        )


def fewest_blocks(statements: Iterable[Statement]) -> int:
    """The fewest blocks that can decide all predictions of a load test.

    That an arm has no peak is decided by a rule of its own, which takes more than an interval.
    """
    of_arms = (each.prediction for each in statements if each.prediction.arm is not None)
    if not any(prediction.measure == "peak" for prediction in of_arms):
        return MIN_BLOCKS
    needed = blocks_to_show_absence(nominal_level(*LOOKS), SweepMargins().max_missing)
    return max(MIN_BLOCKS, needed)
