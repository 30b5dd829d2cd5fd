"""Orders and what they are made of. Money is in whole cents."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self


@dataclass(frozen=True, slots=True)
class Item:
    """A quantity of one SKU that a customer asks for."""

    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class OrderLine:
    """An item at its price."""

    sku: str
    quantity: int
    unit_price_cents: int


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order that is priced but not yet stored."""

    customer_id: int
    lines: Sequence[OrderLine]

    @classmethod
    def priced(cls, customer_id: int, items: Iterable[Item], prices: Mapping[str, int]) -> Self:
        """Put the unit prices on the items."""
        lines = [OrderLine(item.sku, item.quantity, prices[item.sku]) for item in items]
        return cls(customer_id, lines)

    @property
    def total_cents(self) -> int:
        """What the customer owes for it."""
        return sum(line.quantity * line.unit_price_cents for line in self.lines)


@dataclass(frozen=True, slots=True)
class Order:
    """A stored order."""

    id: int
    customer_id: int
    total_cents: int
    created_at: datetime
    lines: Sequence[OrderLine]


@dataclass(frozen=True, slots=True)
class Page:
    """Orders in a row, newest first, and whether there are more after them."""

    orders: Sequence[Order]
    more: bool


@dataclass(frozen=True, slots=True)
class Credit:
    """What a customer may owe, and owes."""

    limit_cents: int
    outstanding_cents: int

    @property
    def exhausted(self) -> bool:
        """Whether the customer may order no more."""
        return self.outstanding_cents >= self.limit_cents


def merged(items: Iterable[Item]) -> list[Item]:
    """One item per SKU, in SKU order, so that two checkouts never deadlock on stock rows."""
    quantities: dict[str, int] = {}
    for item in items:
        quantities[item.sku] = quantities.get(item.sku, 0) + item.quantity
    return [Item(sku, quantities[sku]) for sku in sorted(quantities)]
