"""What goes over the wire."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from service.orders.model import Item, Order


class _Dto(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ItemRequest(_Dto):
    """A quantity of one SKU."""

    sku: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["SKU-1"])
    quantity: int = Field(ge=1, le=1000)


class OrderRequest(_Dto):
    """A customer's order."""

    customer_id: int = Field(ge=1, le=2**31 - 1)
    lines: Annotated[list[ItemRequest], Field(min_length=1, max_length=50)]

    def items(self) -> list[Item]:
        """The lines in the domain's terms."""
        return [Item(line.sku, line.quantity) for line in self.lines]


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


class OrdersResponse(_Dto):
    """A page of orders, newest first."""

    orders: list[OrderResponse]


class HealthResponse(_Dto):
    """The process lives."""

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
