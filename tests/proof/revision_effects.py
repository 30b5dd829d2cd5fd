"""How much more work a planted commit makes, measured without the slices and intervals of the lab.

Both versions do the same small piece of work in turn, in random order, many times. The median of
the ratios is the effect; its interval is that of a median (order statistics, 95 %).
"""

from __future__ import annotations

import http.client
import importlib.util
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from lab.machine.cpu_pinning import divide_cores
from lab.machine.processor_time import exact_cpu_s
from lab.processes.child_processes import Children
from lab.system import load_system
from lab.targets.local_target import LocalTarget
from lab.targets.revision_worktrees import RevisionWorktrees, commits_of
from tests.revision_shop import Change, Work

ROUNDS = 600
CALLS = 20  # of a round: 2 ms
REQUESTS = 5  # of a round: 20 ms
SEED = 1


def of_function(shop: Path, work: Work, rounds: int = ROUNDS) -> list[float]:
    """The processor time of `label` after a slow commit over that before: median, low, high."""
    spec = importlib.util.spec_from_file_location("planted_labels", shop / work.file)
    assert spec is not None and spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def took_s(columns: int) -> float:
        began = time.process_time()
        for _ in range(CALLS):
            module.label("p0017", columns)
        return time.process_time() - began

    took = {"usual": lambda: took_s(work.usual), "more": lambda: took_s(work.more)}
    return median_ratio(_rounds(took, rounds))


def of_service(shop: Path, slower: Change, path: str, rounds: int = ROUNDS) -> list[float]:
    """The processor time of a request after a slow commit over that before: median, low, high."""
    system = load_system(shop)
    revisions = {"usual": slower.before, "more": slower.after}
    with Children() as children:
        worktrees = RevisionWorktrees(shop, system, children)
        folders = worktrees.build(worktrees.revisions(revisions, commits_of(shop, revisions)))
        target = LocalTarget(system, children, shop, divide_cores(), None, revisions=folders)
        try:
            target.start({arm: {} for arm in revisions})
            took = {arm: _request_time(target, arm, path) for arm in revisions}
            return median_ratio(_rounds(took, rounds))
        finally:
            target.stop()


def median_ratio(rounds: Sequence[Mapping[str, float]]) -> list[float]:
    """The median of the ratios of rounds, and its interval."""
    ratios = sorted(each["more"] / each["usual"] for each in rounds)
    half = 0.98 * math.sqrt(len(ratios))
    middle = (len(ratios) - 1) / 2
    low, high = max(0, math.floor(middle - half)), math.ceil(middle + half)
    return [ratios[round(middle)], ratios[low], ratios[min(high, len(ratios) - 1)]]


def _rounds(took: Mapping[str, Callable[[], float]], rounds: int) -> list[dict[str, float]]:
    order = random.Random(SEED)
    found = []
    for number in range(rounds + 1):
        arms = order.sample(sorted(took), len(took))
        measured = {arm: took[arm]() for arm in arms}
        if number:  # the first is a warm-up
            found.append(measured)
    return found


def _request_time(target: LocalTarget, arm: str, path: str) -> Callable[[], float]:
    """Sends some requests to an arm; returns the processor time that they cost."""
    connection = http.client.HTTPConnection(urlsplit(target.url(arm)).netloc, timeout=10)
    (pid,) = target.roles(arm)[target.loaded.role]

    def measure() -> float:
        before = exact_cpu_s(pid)
        for _ in range(REQUESTS):
            connection.request("GET", path)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 200
        return exact_cpu_s(pid) - before

    return measure
