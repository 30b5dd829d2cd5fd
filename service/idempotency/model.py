"""Answers that are kept under a key."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

from service.errors import ServiceError


class IdempotencyKeyReused(ServiceError):
    """The key was used before, for something else."""

    code = "idempotency_key_reused"


@dataclass(frozen=True, slots=True)
class Claim:
    """A client's word that everything it sends under this key is one and the same request."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """A response to the byte, with those of its headers that matter."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """The answer that a claim got."""

    fingerprint: bytes
    answer: Answer

    def replay(self, claim: Claim) -> Answer:
        """The answer again, if the claim is about the same request."""
        if claim.fingerprint != self.fingerprint:
            raise IdempotencyKeyReused("the key was used before, with another payload")
        return replace(self.answer, replayed=True)

    @classmethod
    def of(cls, claim: Claim, answer: Answer) -> Self:
        """What is kept of the first answer."""
        return cls(claim.fingerprint, answer)
