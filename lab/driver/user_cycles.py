"""The cycles of users: from one task of a user to its next."""

from __future__ import annotations

import math
from statistics import fmean, median


class UserCycles:
    """Cycles since the load went on.

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

    def restart(self) -> None:
        """Forget all: the load goes on after a pause."""
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
        if who in self._first:
            self._later.setdefault(user_class, []).append((now, now - before))
        else:
            self._first[who] = now - before

    def median(self, now: float, since: float = -math.inf) -> float | None:
        """The median cycle in seconds, of the class where it is longest; None if none has ended.

        A cycle that has not ended counts if it is longer than the median of those that have, or if
        none of its class has. The longest, because a slice that is short for one class of users
        holds up all others while they wait for its last answers.

        Args:
            now: The moment.
            since: Cycles that ended before count only if no later one has: the first requests to
                processes that have just started take longer.
        """
        if not self._first:
            return None
        return max(self._of_class(each, now, since) for each in set(self._classes.values()))

    def shortfall_s(self) -> float:
        """By how many seconds the first cycles, all together, were shorter than as many others.

        Below 0 if they were longer. Classes of which no user has come to its third task count with
        0.
        """
        usual_s = {
            user_class: fmean(seconds for _, seconds in later)
            for user_class, later in self._later.items()
        }
        return math.fsum(
            usual_s[self._classes[who]] - seconds
            for who, seconds in self._first.items()
            if self._classes[who] in usual_s
        )

    def _of_class(self, user_class: object, now: float, since: float) -> float:
        users = [who for who, its_class in self._classes.items() if its_class is user_class]
        later = self._later.get(user_class, [])
        late = [seconds for ended, seconds in later if ended >= since]
        first = [self._first[who] for who in users if who in self._first]
        found = late or [*first, *(seconds for _, seconds in later)]
        unended = [now - self._latest[who] for who in users]
        usual_s = median(found) if found else 0.0
        return median([*found, *(each for each in unended if each > usual_s)] or [0.0])
