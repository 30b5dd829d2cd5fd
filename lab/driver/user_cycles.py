"""The cycles of users: from one task of a user to its next."""

from __future__ import annotations

import math
from statistics import fmean, median


class UserCycles:
    """Cycles since the load went on.

    A user's first cycle may be shorter than those that follow: where users wait for each other, as
    at a saturated service, each of them finds a shorter queue at first than later on.
    """

    def __init__(self) -> None:
        self._latest: dict[object, float] = {}  # when each user came to its latest task
        self._first: dict[object, float] = {}  # how long its first cycle took
        self._later: list[tuple[float, float]] = []  # when a later one ended, and how long it took

    def restart(self) -> None:
        """Forget all: the load goes on after a pause."""
        self._latest.clear()
        self._first.clear()
        self._later.clear()

    def come(self, who: object, now: float) -> None:
        """Note that a user comes to its next task, at a moment in seconds."""
        before = self._latest.get(who)
        self._latest[who] = now
        if before is None:
            return
        if who in self._first:
            self._later.append((now, now - before))
        else:
            self._first[who] = now - before

    def median(self, now: float, since: float = -math.inf) -> float | None:
        """The median cycle in seconds; None if none has ended.

        A cycle that has not ended counts if it is longer than the median of those that have.

        Args:
            now: The moment.
            since: Cycles that ended before count only if no later one has: the first requests to
                processes that have just started take longer.
        """
        late = [seconds for ended, seconds in self._later if ended >= since]
        found = late or [*self._first.values(), *(seconds for _, seconds in self._later)]
        if not found:
            return None
        usual_s = median(found)
        unended = (now - came for came in self._latest.values())
        return median([*found, *(each for each in unended if each > usual_s)])

    def shortfall_s(self) -> float:
        """By how many seconds the first cycles, all together, were shorter than as many others.

        Below 0 if they were longer. 0 if no user has come to its third task.
        """
        if not self._later:
            return 0.0
        usual_s = fmean(seconds for _, seconds in self._later)
        return math.fsum(usual_s - seconds for seconds in self._first.values())
