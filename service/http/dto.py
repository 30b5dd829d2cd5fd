"""What goes over the wire."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.orders.model import Item, Order


class _Dto(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemRequest(_Dto):
    """A quantity of one SKU."""

    sku: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["SKU-1"])
    quantity: int = Field(ge=1, le=1000)


Lines = Annotated[list[ItemRequest], Field(min_length=1, max_length=50)]


class OrderRequest(_Dto):
    """A customer's order."""

    customer_id: int = Field(ge=1, le=2**31 - 1)
    lines: Lines

    def items(self) -> list[Item]:
        """The lines in the domain's terms."""
        return [Item(line.sku, line.quantity) for line in self.lines]


class QuoteRequest(_Dto):
    """A basket to be priced."""

    lines: Lines

    def items(self) -> list[Item]:
        """The lines in the domain's terms."""
        return [Item(line.sku, line.quantity) for line in self.lines]


class QuoteResponse(_Dto):
    """What a basket costs."""

    unit_prices_cents: dict[str, int]
    total_cents: int

    @classmethod
    def of(cls, items: Iterable[Item], prices: Mapping[str, int]) -> Self:
        """The basket at these prices."""
        total_cents = sum(item.quantity * prices[item.sku] for item in items)
        return cls(unit_prices_cents=dict(prices), total_cents=total_cents)


class LineResponse(_Dto):
    """A line of an order."""

    sku: str
    quantity: int
    unit_price_cents: int


class OrderResponse(_Dto):
    """An order with its lines."""

    id: int
    customer_id: int
    total_cents: int
    created_at: datetime
    lines: list[LineResponse]

    @classmethod
    def of(cls, order: Order) -> Self:
        """The order as it is shown."""
        return cls(
            id=order.id,
            customer_id=order.customer_id,
            total_cents=order.total_cents,
            created_at=order.created_at,
            lines=[
                LineResponse(
                    sku=line.sku, quantity=line.quantity, unit_price_cents=line.unit_price_cents
                )
                for line in order.lines
            ],
        )


class PageRequest(_Dto):
    """Where a page of orders begins: at the newest, after so many, or before an order."""

    limit: int = Field(20, ge=1, le=100)
    offset: int | None = Field(None, ge=0, le=2**31 - 1)
    before: int | None = Field(None, ge=1, le=2**63 - 1)

    @model_validator(mode="after")
    def _one_position(self) -> Self:
        if self.offset is not None and self.before is not None:
            raise ValueError("a page begins at an offset or before an order, not both")
        return self


class OrdersResponse(_Dto):
    """A page of orders, newest first, and where the next one is."""

    orders: list[OrderResponse]
    next: str | None


class ProgressEvent(_Dto):
    """A step that an order has taken."""

    order_id: int
    status: str
    at: datetime


class InvoiceResponse(_Dto):
    """An invoice that is being written."""

    order_id: int
    status: Literal["under_way"] = "under_way"


class HealthResponse(_Dto):
    """The process is alive."""

    status: Literal["ok"] = "ok"


class ReadyResponse(_Dto):
    """Which process is ready, and how it is configured."""

    status: Literal["ready"] = "ready"
    instance: str
    pid: int
    settings: dict[str, str]


class ErrorBody(_Dto):
    """What went wrong."""

    code: str
    message: str
    details: object
    request_id: str


class ErrorResponse(_Dto):
    """The envelope of every failure."""

    error: ErrorBody
