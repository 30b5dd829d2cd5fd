"""The price of a basket: goods, discounts, and a check sum that the till prints."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

ROUNDS = 8000  # of the check sum

_STEPS = ((Decimal(100), Decimal("0.05")), (Decimal(500), Decimal("0.08")))


@dataclass(frozen=True)
class Line:
    """So many pieces of one product."""

    sku: str
    name: str
    pieces: int
    price: Decimal

    @property
    def amount(self) -> Decimal:
        """What they cost together."""
        return self.price * self.pieces


@dataclass(frozen=True)
class Priced:
    """A basket with its price."""

    lines: tuple[Line, ...]
    discount: Decimal
    total: Decimal
    check: str


def discount_of(amount: Decimal) -> Decimal:
    """What is taken off an amount."""
    share = Decimal(0)
    for least, granted in _STEPS:
        if amount >= least:
            share = granted
    return (amount * share).quantize(Decimal("0.01"))


def check_sum(lines: Iterable[Line], rounds: int = ROUNDS) -> str:
    """The check sum of a basket."""
    digest = "|".join(f"{line.sku}:{line.pieces}:{line.price}" for line in lines).encode()
    for _ in range(rounds):
        digest = hashlib.blake2s(digest).digest()
    return digest.hex()[:12]


def price(lines: Iterable[Line]) -> Priced:
    """Price a basket."""
    bought = tuple(lines)
    amount = sum((line.amount for line in bought), Decimal(0))
    discount = discount_of(amount)
    return Priced(bought, discount, amount - discount, check_sum(bought))
