"""The use case of placing an order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from service.orders.errors import CreditExhausted, UnknownCustomer
from service.orders.model import Item, NewOrder, Order, merged
from service.pricing.client import Pricing
from service.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Checkout:
    """Places orders: checks credit, reserves stock, asks the price and stores the order."""

    unit_of_work: Callable[[], UnitOfWork]
    pricing: Pricing
    pricing_inside_transaction: bool

    async def place(self, customer_id: int, items: Iterable[Item]) -> Order:
        """Place one order, wholly or not at all."""
        items = merged(items)
        prices = None if self.pricing_inside_transaction else await self.pricing.quote(items)
        async with self.unit_of_work() as work:
            await _check_credit(work, customer_id)
            await work.stock.reserve(items)
            if prices is None:
                prices = await self.pricing.quote(items)
            order = await work.orders.add(NewOrder.priced(customer_id, items, prices))
            await work.commit()
        return order


async def _check_credit(work: UnitOfWork, customer_id: int) -> None:
    credit = await work.customers.credit(customer_id)
    if credit is None:
        raise UnknownCustomer("the customer does not exist", customer_id=customer_id)
    if credit.exhausted:
        raise CreditExhausted("the customer's credit is exhausted", customer_id=customer_id)
