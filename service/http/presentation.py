"""Orders as responses: through validated models, or as plain JSON of the same bytes."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC

from fastapi import Response
from typing_extensions import override

from service.http.dto import OrderResponse, OrdersResponse
from service.orders.model import Order


class Presentation(ABC):
    """How orders are shown."""

    @abstractmethod
    def order(self, order: Order) -> OrderResponse | Response:
        """One order."""

    @abstractmethod
    def page(self, orders: Iterable[Order], following: str | None) -> OrdersResponse | Response:
        """Orders, and where the next ones are."""


class ValidatedPresentation(Presentation):
    """Models, which are validated when built and again when sent."""

    @override
    def order(self, order: Order) -> OrderResponse:
        return OrderResponse.of(order)

    @override
    def page(self, orders: Iterable[Order], following: str | None) -> OrdersResponse:
        return OrdersResponse(orders=[OrderResponse.of(order) for order in orders], next=following)


class PlainPresentation(Presentation):
    """JSON, built from the orders as they are."""

    @override
    def order(self, order: Order) -> Response:
        return _json(_plain(order))

    @override
    def page(self, orders: Iterable[Order], following: str | None) -> Response:
        return _json({"orders": [_plain(order) for order in orders], "next": following})


def _json(content: Mapping[str, object]) -> Response:
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return Response(text, media_type="application/json")


def _plain(order: Order) -> dict[str, object]:
    return {
        "id": order.id,
        "customer_id": order.customer_id,
        "total_cents": order.total_cents,
        "created_at": order.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "lines": [
            {
                "sku": line.sku,
                "quantity": line.quantity,
                "unit_price_cents": line.unit_price_cents,
            }
            for line in order.lines
        ],
    }
