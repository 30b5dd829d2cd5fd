"""The use case of writing an order's invoice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.orders.errors import UnknownOrder
from service.orders.model import Item, Order
from service.pricing.client import Pricing
from service.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Invoicing:
    """Writes invoices: reads the order, asks today's prices and stores the text."""

    unit_of_work: Callable[[], UnitOfWork]
    pricing: Pricing

    async def write(self, order_id: int) -> None:
        """Write an order's invoice; if there is one already, that one stays."""
        async with self.unit_of_work() as work:
            order = await work.orders.get(order_id)
            if order is None:
                raise UnknownOrder("the order does not exist", order_id=order_id)
        # No connection is held while pricing is asked.
        prices = await self.pricing.quote([Item(line.sku, line.quantity) for line in order.lines])
        async with self.unit_of_work() as work:
            await work.documents.keep(order_id, rendered(order, prices))
            await work.commit()


def rendered(order: Order, prices: Mapping[str, int]) -> str:
    """The invoice as text: what was agreed, and what it would cost today."""
    lines = [f"Invoice of order {order.id}, {order.created_at:%Y-%m-%d}", ""]
    lines += [
        f"{line.quantity:5d} x {line.sku:<64} {_money(line.quantity * line.unit_price_cents):>16}"
        for line in order.lines
    ]
    today_cents = sum(line.quantity * prices[line.sku] for line in order.lines)
    lines += ["", f"Total {_money(order.total_cents)}", f"At today's prices {_money(today_cents)}"]
    return "\n".join(lines) + "\n"


def _money(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"
