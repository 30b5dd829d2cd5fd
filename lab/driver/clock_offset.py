"""By how much the monotonic clock of a worker differs from that of the driver.

Processes that share a machine and a time namespace share the clock: there the offset is 0, exactly.
Of others it is estimated from exchanges of messages (RFC 5905, section 8): an answer that took a
round trip of `r` seconds tells the offset within `r / 2`, whichever way took how much of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

EXCHANGES = 12  # before each trial: the quickest of them decides
_LEAD_S = 0.25  # for processes that have no core of their own


class Exchange(NamedTuple):
    """A question and its answer. Seconds of the asker's clock, or of the answerer's."""

    sent: float  # asker
    received: float  # answerer
    answered: float  # answerer
    returned: float  # asker

    @property
    def round_trip_s(self) -> float:
        """What was spent on the way; not below 0, though clocks tick in steps."""
        return max(0.0, (self.returned - self.sent) - (self.answered - self.received))


class ClockOffset(NamedTuple):
    """The answerer's clock minus the asker's, in seconds, and how far that may be wrong."""

    offset_s: float
    error_s: float
    round_trip_s: float = 0.0  # the longest that was seen

    def there(self, moment: float) -> float:
        """A moment of the asker's clock, on the answerer's."""
        return moment + self.offset_s


SHARED = ClockOffset(0.0, 0.0)
"""Of two processes with one clock."""


def estimate(exchanges: Sequence[Exchange]) -> ClockOffset:
    """The offset by the quickest of these exchanges; ValueError if there is none."""
    best = min(exchanges, key=lambda each: each.round_trip_s)
    offset_s = ((best.received - best.sent) + (best.answered - best.returned)) / 2
    longest_s = max(each.round_trip_s for each in exchanges)
    return ClockOffset(offset_s, best.round_trip_s / 2, longest_s)


def begin_in(clocks: Sequence[ClockOffset]) -> float:
    """Seconds from now until the load is to begin, so that every worker hears of it before."""
    longest_s = max((each.round_trip_s for each in clocks), default=0.0)
    return _LEAD_S + 3 * longest_s
