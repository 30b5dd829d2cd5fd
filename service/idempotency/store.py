"""Where answers are kept, as a port: one per unit of work, to whose end it is bound."""

from abc import ABC, abstractmethod

from service.idempotency.model import Answer, Claim, Record


class Idempotency(ABC):
    """Answers by key. What was not committed has never been there."""

    @abstractmethod
    async def find(self, key: str) -> Record | None:
        """What is kept under a key and has not expired."""

    @abstractmethod
    async def claim(self, claim: Claim) -> Record | None:
        """Hold the key until this unit of work ends, waiting for another that holds it.

        Returns what is kept under it, or None if this is the first.
        """

    @abstractmethod
    async def keep(self, claim: Claim, answer: Answer) -> None:
        """Keep the answer under a key that this unit of work holds."""

    @abstractmethod
    async def forget_expired(self, limit: int) -> int:
        """Remove some of what has expired; how many."""

    @abstractmethod
    def committed(self) -> None:
        """The unit of work was committed."""

    @abstractmethod
    def ended(self) -> None:
        """The unit of work is over."""
