"""The cycles of users, from one task of a user to its next, and when the first ones begin."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

_APART = 5  # see `UserCycles.length_s`
_PARTS = 4  # of the time since which cycles count


def phases(seed: Any) -> Iterator[float]:
    """Numbers between 0 and 1, uniform, the same for the same seed; without end."""
    generator = random.Random(f"{seed}-phases")
    while True:
        yield generator.random()


class _Totals:
    """Of the cycles of a class, over all slices: seconds and counts."""

    def __init__(self) -> None:
        self.first_s = self.later_s = 0.0
        self.firsts = self.laters = 0


class UserCycles:
    """Cycles since the load went on, and of all slices before, added up.

    A user's first cycle may be shorter than those that follow: where users wait for each other, as
    at a saturated service, each of them finds a shorter queue at first than later on.

    Users of different classes have cycles of different lengths, and slow ones have few of them:
    each is compared with its own class.
    """

    def __init__(self) -> None:
        self._latest: dict[object, float] = {}  # when each user came to its latest task
        self._classes: dict[object, object] = {}  # of the same users
        self._first: dict[object, float] = {}  # how long its first cycle took
        # of each class, when a later one ended, and how long it took
        self._later: dict[object, list[tuple[float, float]]] = {}
        self._totals: defaultdict[object, _Totals] = defaultdict(_Totals)  # of each class

    def restart(self) -> None:
        """The load goes on after a slice."""
        self._latest.clear()
        self._classes.clear()
        self._first.clear()
        self._later.clear()

    def come(self, who: object, now: float, user_class: object = None) -> None:
        """Note that a user of a class comes to its next task, at a moment in seconds."""
        before = self._latest.get(who)
        self._latest[who], self._classes[who] = now, user_class
        if before is None:
            return
        took, total = now - before, self._totals[user_class]
        if who in self._first:
            self._later.setdefault(user_class, []).append((now, took))
            total.later_s, total.laters = total.later_s + took, total.laters + 1
        else:
            self._first[who] = took
            total.first_s, total.firsts = total.first_s + took, total.firsts + 1

    def length_s(
        self, now: float, since: float = -math.inf, seen_s: float = math.inf
    ) -> float | None:
        """How long a cycle is that is under way at any moment, in seconds; None if not known.

        That is E[X squared] / E[X] of cycles X (Cox, 1962): at the end of a slice all users are
        within such a cycle, and the long ones are those that the others wait for. Of classes of
        users, the longest counts, and five times by how much it is above the shortest, if that is
        more: a class that ends its tasks late makes the others seem slower by as much as a
        hundredth of the slice, if it holds ten of these lengths.

        Args:
            now: The moment. A cycle that has not ended counts if it is longer than the mean of
                those that have, or if none of its class has.
            since: Cycles that ended before count only if no later one has: the first requests to
                processes that have just started take longer. The length is the median over the
                quarters of the time since then.
            seen_s: For how long users were seen. A length of more than half of that is not known:
                it may be far longer.
        """
        lengths = [self._of_class(each, now, since) for each in set(self._classes.values())]
        if not self._first or max(lengths) > seen_s / 2:
            return None
        return max(max(lengths), _APART * (max(lengths) - min(lengths)))

    def shortfall_s(self) -> float:
        """By how many seconds the first cycles, all together, were shorter than as many others.

        Below 0 if they were longer. By how much they are is seen over all slices so far: those of a
        single one would be biased, since it ends with the cycles under way, the long ones. Classes
        of which no user has come to its third task count with 0.
        """
        shortfall = 0.0
        for user_class in set(self._classes.values()):
            total = self._totals[user_class]
            if total.laters and total.first_s:
                usual_s, first_s = total.later_s / total.laters, total.first_s / total.firsts
                first, _ = self._cycles(user_class)
                shortfall += math.fsum(first) * (usual_s / first_s - 1)
        return shortfall

    def _cycles(self, user_class: object) -> tuple[list[float], list[float]]:
        """First and later cycles of a class since the load went on."""
        first = [took for who, took in self._first.items() if self._classes[who] is user_class]
        return first, [took for _, took in self._later.get(user_class, [])]

    def _of_class(self, user_class: object, now: float, since: float) -> float:
        first, later = self._cycles(user_class)
        late = [each for each in self._later.get(user_class, []) if each[0] >= since]
        found = [took for _, took in late] or [*first, *later]
        mean_s = math.fsum(found) / len(found) if found else 0.0
        users = [who for who, its_class in self._classes.items() if its_class is user_class]
        ages = [now - self._latest[who] for who in users]
        unended = [age for age in ages if age > mean_s]
        parts: list[list[float]] = [found]
        if late and since > -math.inf:  # a part in which the machine stood still is not usual
            parts = [[] for _ in range(_PARTS)]
            for ended, took in late:
                parts[min(int(_PARTS * (ended - since) / (now - since)), _PARTS - 1)].append(took)
        return median(_length([*part, *unended]) for part in parts if part or not found)


def _length(cycles: Sequence[float]) -> float:
    total = math.fsum(cycles)
    return math.fsum(each * each for each in cycles) / total if total else 0.0
