"""The use case of placing an order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from service.idempotency.model import Answer, Claim
from service.orders.errors import CreditExhausted, UnknownCustomer
from service.orders.model import Item, NewOrder, Order, merged
from service.pricing.client import Pricing
from service.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Placement:
    """The answer to placing an order under a key; the order, unless it was placed before."""

    answer: Answer
    order: Order | None = None


@dataclass(frozen=True, slots=True)
class Checkout:
    """Places orders: checks credit, reserves stock, asks the price and stores the order."""

    unit_of_work: Callable[[], UnitOfWork]
    pricing: Pricing
    pricing_inside_transaction: bool
    placed: Callable[[], None] = lambda: None

    async def place(self, customer_id: int, items: Iterable[Item]) -> Order:
        """Place one order, wholly or not at all."""
        items = merged(items)
        prices = None if self.pricing_inside_transaction else await self.pricing.quote(items)
        async with self.unit_of_work() as work:
            order = await self._place(work, customer_id, items, prices)
            await work.commit()
        self.placed()
        return order

    async def place_once(
        self,
        customer_id: int,
        items: Iterable[Item],
        claim: Claim,
        answer_to: Callable[[Order], Answer],
    ) -> Placement:
        """Place one order under a key, or give the answer that its placing got before."""
        items = merged(items)
        prices = None
        if not self.pricing_inside_transaction:
            # Before pricing is asked, which may be down by now.
            async with self.unit_of_work() as work:
                record = await work.idempotency.find(claim.key)
            if record is not None:
                return Placement(record.replay(claim))
            prices = await self.pricing.quote(items)
        async with self.unit_of_work() as work:
            if (record := await work.idempotency.claim(claim)) is not None:
                return Placement(record.replay(claim))
            order = await self._place(work, customer_id, items, prices)
            answer = answer_to(order)
            await work.idempotency.keep(claim, answer)
            await work.commit()
        self.placed()
        return Placement(answer, order)

    async def _place(
        self,
        work: UnitOfWork,
        customer_id: int,
        items: Sequence[Item],
        prices: Mapping[str, int] | None,
    ) -> Order:
        await _check_credit(work, customer_id)
        await work.stock.reserve(items)
        if prices is None:
            prices = await self.pricing.quote(items)
        return await work.orders.add(NewOrder.priced(customer_id, items, prices))


async def _check_credit(work: UnitOfWork, customer_id: int) -> None:
    credit = await work.customers.credit(customer_id)
    if credit is None:
        raise UnknownCustomer("the customer does not exist", customer_id=customer_id)
    if credit.exhausted:
        raise CreditExhausted("the customer's credit is exhausted", customer_id=customer_id)
