"""A hypothesis and a seed become blocks of trials in random order, before the first trial."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.file_versions import Schema, unchanged
from lab.hypothesis import Hypothesis, SoakTest, Step

SCHEMA = Schema("lab.plan", 1, upgrade=unchanged)
ALPHA = 0.01  # one side
FIRST_LOOK = 4  # blocks before the first decision
LAST_LOOK = 12  # blocks at most
SPARE = 12  # orders beyond the last look, for voided and interrupted blocks


@dataclass(frozen=True)
class Attempt:
    """An earlier run of a hypothesis of the same name."""

    run: str
    verdict: str
    same_claim: bool  # False if predictions, bounds or arms were edited since


@dataclass(frozen=True)
class Detectable:
    """The smallest slope that a soak of this length would likely find, stated beforehand."""

    slope: str  # the series
    subject: str
    bound: str
    least: float  # per hour
    noise: str  # what was assumed, and where that comes from
    below: bool  # whether the bound asks for less


@dataclass(frozen=True)
class Plan:
    """What will be done, sealed: order of trials, rule of decision, digest of the claim."""

    hypothesis: str
    digest: str
    claim_digest: str
    seed: int
    orders: tuple[tuple[Step, ...], ...]  # per block; more than `last`, for voided blocks
    target: str
    attempts: tuple[Attempt, ...] = ()
    alpha: float = ALPHA
    first: int = FIRST_LOOK
    last: int = LAST_LOOK
    length_s: float | None = None  # of a soak: of all blocks together
    detectable: tuple[Detectable, ...] = ()  # of a soak: what it can detect, by prediction

    @property
    def voids_allowed(self) -> int:
        """How many blocks may be voided before the run is INVALID."""
        return self.last // 3

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        orders = [[str(step) for step in order] for order in self.orders]
        return {"schema": str(SCHEMA), **asdict(self), "orders": orders}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """The inverse of `as_dict`."""
        fields = {key: value for key, value in data.items() if key != "schema"}
        fields["orders"] = tuple(tuple(map(Step.parse, order)) for order in data["orders"])
        fields["attempts"] = tuple(Attempt(**attempt) for attempt in data["attempts"])
        fields["detectable"] = tuple(Detectable(**each) for each in data.get("detectable", ()))
        return cls(**fields)


def draw(hypothesis: Hypothesis, seed: int, target: str) -> Plan:
    """Draw every block's order from the seed, spare blocks for voided ones included.

    A block with repeats holds each step as often: one random order after the other, so that
    what is compared stays close together in time.
    """
    generator = random.Random(seed)
    steps, kind = hypothesis.steps, hypothesis.kind
    pairs = kind.pairs if isinstance(kind, SoakTest) else None
    orders = tuple(
        tuple(step for _ in range(kind.repeats) for step in generator.sample(steps, len(steps)))
        for _ in range(pairs or LAST_LOOK + SPARE)
    )
    return Plan(
        hypothesis=hypothesis.name,
        digest=hypothesis.digest,
        claim_digest=hypothesis.claim_digest,
        seed=seed,
        orders=orders,
        target=target,
        # a soak looks once, when its time is over
        first=pairs or FIRST_LOOK,
        last=pairs or LAST_LOOK,
    )
