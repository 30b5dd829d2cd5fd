from __future__ import annotations

import pytest

from service.orders.errors import UnknownOrder
from service.orders.invoicing import Invoicing
from service.orders.model import NewOrder, OrderLine
from service.pricing.client import PricingTimeout
from service.pricing.fake import FakePricing
from service.unit_of_work.fake import FakeUnitOfWork


@pytest.fixture
async def work() -> FakeUnitOfWork:
    work = FakeUnitOfWork({}, {})
    async with work:
        await work.orders.add(NewOrder(1, [OrderLine("A", 2, 1050), OrderLine("B", 1, 5)]))
        await work.commit()
    return work


async def test_an_invoice_tells_what_was_agreed_and_todays_price(work: FakeUnitOfWork) -> None:
    await Invoicing(lambda: work, FakePricing(1000)).write(1)

    text = work.documents.texts[1]
    assert text.startswith("Invoice of order 1, ")
    assert [line.split() for line in text.splitlines()[2:4]] == [
        ["2", "x", "A", "21.00"],
        ["1", "x", "B", "0.05"],
    ]
    assert text.endswith("Total 21.05\nAt today's prices 30.00\n")


async def test_the_first_invoice_stays(work: FakeUnitOfWork) -> None:
    await Invoicing(lambda: work, FakePricing(1000)).write(1)
    first = work.documents.texts[1]

    await Invoicing(lambda: work, FakePricing(2000)).write(1)

    assert work.documents.texts == {1: first}


async def test_no_connection_is_held_while_pricing_is_asked(work: FakeUnitOfWork) -> None:
    open_when_asked: list[bool] = []
    pricing = FakePricing(on_quote=lambda: open_when_asked.append(work.open))

    await Invoicing(lambda: work, pricing).write(1)

    assert open_when_asked == [False]


async def test_what_fails_writes_nothing(work: FakeUnitOfWork) -> None:
    with pytest.raises(PricingTimeout):
        await Invoicing(lambda: work, FakePricing(failure=PricingTimeout("late"))).write(1)
    with pytest.raises(UnknownOrder):
        await Invoicing(lambda: work, FakePricing()).write(2)

    assert work.documents.texts == {}
