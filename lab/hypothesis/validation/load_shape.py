"""The load of a load test must fit the window and what is allowed."""

from __future__ import annotations

import math
from collections.abc import Iterator

from lab.hypothesis.load_shape import ClosedLoad, OpenLoad, Sweep
from lab.hypothesis.model import Allow, LoadTest, SoakTest
from lab.hypothesis.worker_share import why_too_many_workers
from lab.input_files import Flaw, Node


def load_flaws(test: LoadTest, allow: Allow, root: Node) -> Iterator[Flaw]:
    """Unsent arrivals of a load that has none; stages or slices that do not fit the window."""
    yield from _unsent_of_users(test, allow, root)
    yield from _slices_beyond_window(test, root)
    yield from _stages_unlike_window(test, root)


def _unsent_of_users(test: LoadTest, allow: Allow, root: Node) -> Iterator[Flaw]:
    if isinstance(test.load, OpenLoad) or (isinstance(test.load, Sweep) and test.load.arrivals):
        return
    if allow.unsent is not None:
        yield root.at("allow", "unsent").flaw(
            "a load of `users` has no scheduled arrivals, so that none can be unsent",
            "Remove `unsent`, or give the load a `rate`.",
        )


def _slices_beyond_window(test: LoadTest, root: Node) -> Iterator[Flaw]:
    if not isinstance(test.load, ClosedLoad) or test.load.slice_s in (None, math.inf):
        return
    assert test.load.slice_s is not None
    if test.load.slice_s > test.window_s / 2:
        yield root.at("load", "slices").flaw(
            f"the `slices` are longer than half of the `window` ({test.window_s:g}s), so that "
            "there are no two of them",
            f"Write {test.window_s / 2:g}s or less, or `off`.",
        )


def _stages_unlike_window(test: LoadTest, root: Node) -> Iterator[Flaw]:
    if not isinstance(test.load, OpenLoad) or test.load.stages[0].duration_s is None:
        return
    total_s = sum(stage.duration_s or 0.0 for stage in test.load.stages)
    if not math.isclose(total_s, test.window_s):
        yield root.at("trial", "window").flaw(
            f"the `window` is {test.window_s:g}s, but the stages take {total_s:g}s",
            f"Write `window: {total_s:g}s`.",
        )


def worker_flaws(test: LoadTest | SoakTest, root: Node, *, is_soak_script: bool) -> Iterator[Flaw]:
    """More workers than can be employed; workers where only one process can load."""
    if test.load.workers == 1:
        return
    node = root.at("load", "workers")
    if is_soak_script:
        yield node.flaw("a soak script is one process", "Remove `workers`, or use a locustfile.")
        return
    window_s = test.window_s if isinstance(test, LoadTest) else None
    if found := why_too_many_workers(test.load, window_s):
        yield node.flaw(*found)
    if isinstance(test.load, ClosedLoad) and test.load.has_chosen_slices:
        yield root.at("load", "slices").flaw(
            "`slices` are for a load of one process: several `workers` do not change arms at the "
            "same moment",
            "Remove `slices`, or `workers`.",
        )
