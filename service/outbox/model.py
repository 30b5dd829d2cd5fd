"""Events and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass

ORDER_PLACED = "order.placed"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened; its id stays the same however often it is delivered."""

    id: int
    kind: str
    payload: Mapping[str, object]
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that did not succeed."""

    event: Event
    error: str

    @property
    def attempts(self) -> int:
        """How often delivery was tried by now."""
        return self.event.attempts + 1


@dataclass(frozen=True, slots=True)
class Depth:
    """How many events wait, and how many were given up."""

    pending: int
    dead: int
