"""The budget must be enough for the fewest blocks that can decide."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lab.hypothesis.model import MIN_BLOCKS, Benchmark, LoadTest
from lab.input_files import Flaw, Node


def budget_flaws(kind: LoadTest | Benchmark, arms: int, root: Node) -> Iterator[Flaw]:
    """A budget that is too short for this number of arms."""
    trials = arms * len(kind.levels)
    needed_s = MIN_BLOCKS * trials * kind.trial_s
    if kind.budget_s < needed_s:
        held = f"{arms} arms" if trials == arms else f"{trials} trials"
        yield root.at("budget").flaw(
            f"the budget is {root.at('budget').written}, but {MIN_BLOCKS} blocks "
            f"of {held} take {needed_s:g}s",
            f"Write {math.ceil(needed_s)}s or more.",
        )
