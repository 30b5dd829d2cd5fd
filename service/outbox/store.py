"""The two ends of delivery, as ports."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from service.outbox.model import Depth, Event, Failure


class Outbox(ABC):
    """Events that wait for their delivery; `Orders.add` puts them there."""

    @abstractmethod
    async def take(self, limit: int) -> list[Event]:
        """The oldest events that are due, held until the unit of work ends.

        Those that another unit of work holds are passed over.
        """

    @abstractmethod
    async def delivered(self, events: Sequence[Event]) -> None:
        """Remove events that need no further delivery."""

    @abstractmethod
    async def postpone(self, failure: Failure, delay_s: float) -> None:
        """Let an event wait before it is due again."""

    @abstractmethod
    async def bury(self, failure: Failure) -> None:
        """Give an event up: it moves to the dead letters, with its last error."""

    @abstractmethod
    async def depth(self) -> Depth:
        """How many events there are."""


class Inbox(ABC):
    """Which events a consumer has seen."""

    @abstractmethod
    async def first_seen(self, consumer: str, event_ids: Sequence[int]) -> set[int]:
        """Remember the events; those that the consumer had not seen before."""

    @abstractmethod
    async def forget_old(self, limit: int) -> int:
        """Remove some of what is too old to be delivered again; how many."""
