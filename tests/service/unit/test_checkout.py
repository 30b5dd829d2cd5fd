from __future__ import annotations

import pytest

from service.errors import ServiceError
from service.orders.checkout import Checkout
from service.orders.errors import CreditExhausted, OutOfStock, UnknownCustomer
from service.orders.model import Credit, Item, OrderLine
from service.pricing.client import PricingTimeout
from service.pricing.fake import FakePricing
from service.unit_of_work.fake import FakeUnitOfWork


@pytest.fixture
def work() -> FakeUnitOfWork:
    return FakeUnitOfWork({1: Credit(1000, 999), 2: Credit(1000, 1000)}, {"A": 5, "B": 5})


async def test_an_order_is_priced_stored_and_committed(work: FakeUnitOfWork) -> None:
    checkout = Checkout(lambda: work, FakePricing(250), pricing_inside_transaction=False)

    order = await checkout.place(1, [Item("B", 1), Item("A", 2), Item("B", 1)])

    assert order.lines == [OrderLine("A", 2, 250), OrderLine("B", 2, 250)]
    assert order.total_cents == 1000
    assert work.committed
    assert work.orders.placed == [order]
    assert work.stock.available == {"A": 3, "B": 3}


@pytest.mark.parametrize("inside", [False, True])
async def test_pricing_is_asked_before_or_inside_the_transaction(
    work: FakeUnitOfWork, inside: bool
) -> None:
    open_when_asked: list[bool] = []
    pricing = FakePricing(on_quote=lambda: open_when_asked.append(work.open))

    await Checkout(lambda: work, pricing, inside).place(1, [Item("A", 1)])

    assert open_when_asked == [inside]


@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("customer", "item", "failure", "expected"),
    [
        (3, Item("A", 1), None, UnknownCustomer),
        (2, Item("A", 1), None, CreditExhausted),
        (1, Item("B", 6), None, OutOfStock),
        (1, Item("A", 1), PricingTimeout("late"), PricingTimeout),
        (1, Item("A", 1), RuntimeError("a mistake"), RuntimeError),
    ],
)
async def test_no_error_leaves_a_trace(
    work: FakeUnitOfWork,
    customer: int,
    item: Item,
    failure: Exception | None,
    expected: type[Exception],
    inside: bool,
) -> None:
    checkout = Checkout(lambda: work, FakePricing(failure=failure), inside)

    with pytest.raises(expected):
        await checkout.place(customer, [Item("A", 1), item])

    assert not work.committed
    assert not work.open
    assert work.orders.placed == []
    assert work.stock.available == {"A": 5, "B": 5}


async def test_nothing_commits_by_accident(work: FakeUnitOfWork) -> None:
    async with work:
        await work.stock.reserve([Item("A", 1)])

    assert work.stock.available["A"] == 5


def test_errors_say_what_they_are_about() -> None:
    error: ServiceError = OutOfStock("not enough in stock", sku="A")

    assert (error.code, error.details) == ("out_of_stock", {"sku": "A"})
