"""Which cores a run gets: the quietest ones, if the machine has more than it needs.

Fewer cores leave room for everything else that runs here: the system moves it to the others.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lab.machine.cpu_pinning import Cores, divide_cores
from lab.machine.processor_time import CoreTime, core_times

FOR_A_LOAD = 3  # cores of the target: the loaded process, one that it asks, and their database
FOR_A_BENCHMARK = 1  # one process measures at a time
LOOK_S = 1.0
_ALL = "the run needs all cores"
_BUSY = 0.1  # of a physical core: others keep it busy
_STEP = 0.05  # of a core: a smaller difference between two cores is chance


@dataclass(frozen=True)
class CoreChoice:
    """The cores of a run, and why it has these.

    Attributes:
        cores: Of driver and target.
        why: In words.
        busy: How busy each core was just before, as a share; empty if there was no choice.
    """

    cores: Cores
    why: str
    busy: Mapping[int, float]

    def as_dict(self) -> dict[str, object]:
        """As plain JSON types, for the conditions of the run."""
        return {
            "driver": list(self.cores.driver),
            "target": list(self.cores.target),
            "why": self.why,
            "busy before": {str(core): round(share, 3) for core, share in self.busy.items()},
        }


def choose_cores(
    for_target: int,
    read_times: Callable[[], Mapping[int, CoreTime]] = core_times,
    wait: Callable[[float], None] = time.sleep,
    siblings: Callable[[int], frozenset[int]] | None = None,
    for_driver: int = 1,
) -> CoreChoice:
    """Choose the cores of a run; this takes a second if there is a choice.

    Args:
        for_target: How many the target needs.
        read_times: Returns the time of each core.
        wait: Waits for some seconds.
        siblings: Returns the cores that are threads of one physical core; None: as the system says.
        for_driver: How many the load driver can use, if there are more than the target needs; it
            gets one at least.
    """
    available = sorted(os.sched_getaffinity(0))
    left = len(available) - for_target
    if left <= 1:
        return CoreChoice(divide_cores(), _ALL, {})
    own = min(for_driver, left)
    if own == left:
        return CoreChoice(Cores(tuple(available[:own]), tuple(available[own:])), _ALL, {})
    before = read_times()
    wait(LOOK_S)
    after = read_times()
    busy = {
        core: (sum(after[core]) - sum(before[core])) / LOOK_S
        for core in sorted(before.keys() & after.keys())
    }
    chosen = quietest(available, busy, siblings or physical_core, own + for_target)
    chosen.sort(key=lambda core: (-_steps(busy.get(core, 0.0)), core))
    driver, target = tuple(sorted(chosen[:own])), tuple(sorted(chosen[own:]))
    why = f"the quietest {len(chosen)} of {len(available)}, seen for {LOOK_S:g} s"
    return CoreChoice(Cores(driver, target), why, busy)


def target_core_count(for_target: int) -> int:
    """How many cores `choose_cores` gives the target.

    Args:
        for_target: How many it needs.
    """
    left = len(os.sched_getaffinity(0)) - for_target
    return len(divide_cores().target) if left <= 1 else for_target


def quietest(
    available: Sequence[int],
    busy: Mapping[int, float],
    siblings: Callable[[int], frozenset[int]],
    count: int,
) -> list[int]:
    """Return so many cores: by their physical core's load, then by their own, then by number.

    A second thread of a physical core is taken after all first ones, since the two slow each other
    down; but before a core that others keep busy, since they do so now and then.

    Args:
        available: The cores that may be taken.
        busy: How busy each core was, as a share.
        siblings: Returns the cores that are threads of one physical core, itself included.
        count: How many.
    """

    def load(core: int) -> tuple[int, int, int]:
        together = sum(busy.get(each, 0.0) for each in siblings(core))
        return _steps(together), _steps(busy.get(core, 0.0)), core

    taken: set[int] = set()
    groups: dict[tuple[bool, bool], list[int]] = {}
    for core in sorted(available, key=load):
        is_busy = load(core)[0] > _steps(_BUSY)
        groups.setdefault((is_busy, core in taken), []).append(core)
        taken |= siblings(core)
    return [core for group in sorted(groups) for core in groups[group]][:count]


def physical_core(core: int) -> frozenset[int]:
    """Return the cores that are threads of the same physical core, itself included."""
    file = Path(f"/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list")
    found = {core}
    with contextlib.suppress(OSError, ValueError):
        for part in file.read_text(encoding="ascii").strip().split(","):
            first, _, last = part.partition("-")
            found |= set(range(int(first), int(last or first) + 1))
    return frozenset(found)


def _steps(share: float) -> int:
    return round(share / _STEP)
