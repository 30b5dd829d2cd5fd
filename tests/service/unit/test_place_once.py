from __future__ import annotations

import asyncio

import pytest

from service.idempotency.fingerprint import fingerprint
from service.idempotency.model import Answer, Claim, IdempotencyKeyReused
from service.idempotency.process import ProcessRecords
from service.orders.checkout import Checkout, Placement
from service.orders.errors import OutOfStock
from service.orders.model import Credit, Item, Order
from service.pricing.client import PricingTimeout
from service.pricing.fake import FakePricing
from service.unit_of_work.fake import FakeUnitOfWork

ONE, OTHER = Claim("key", b"one"), Claim("key", b"other")


def _work(records: ProcessRecords | None = None, stock: int = 5) -> FakeUnitOfWork:
    return FakeUnitOfWork({1: Credit(1000, 0)}, {"A": stock}, records)


def _answer(order: Order) -> Answer:
    return Answer(201, {"Content-Type": "text/plain"}, f"order {order.id}".encode())


def _place(checkout: Checkout, claim: Claim = ONE) -> asyncio.Task[Placement]:
    return asyncio.ensure_future(checkout.place_once(1, [Item("A", 1)], claim, _answer))


@pytest.mark.parametrize("inside", [False, True])
async def test_a_key_places_one_order_and_repeats_its_answer(inside: bool) -> None:
    work, woken, quotes = _work(), list[bool](), list[None]()
    pricing = FakePricing(on_quote=lambda: quotes.append(None))
    checkout = Checkout(lambda: work, pricing, inside, lambda: woken.append(work.committed))

    first, second = await _place(checkout), await _place(checkout)

    assert first.order == work.orders.placed[0]
    assert first.answer == Answer(201, {"Content-Type": "text/plain"}, b"order 1")
    assert second.order is None
    assert second.answer == Answer(201, {"Content-Type": "text/plain"}, b"order 1", replayed=True)
    assert len(work.orders.placed) == len(quotes) == 1
    assert woken == [True]


@pytest.mark.parametrize("inside", [False, True])
async def test_another_payload_conflicts(inside: bool) -> None:
    work = _work()
    checkout = Checkout(lambda: work, FakePricing(), inside)
    await _place(checkout)

    with pytest.raises(IdempotencyKeyReused):
        await _place(checkout, OTHER)

    assert len(work.orders.placed) == 1


@pytest.mark.parametrize("inside", [False, True])
async def test_a_failed_attempt_may_be_tried_again(inside: bool) -> None:
    work = _work()
    late = FakePricing(failure=PricingTimeout("late"))
    with pytest.raises(PricingTimeout):
        await _place(Checkout(lambda: work, late, inside))
    work.stock.available["A"] = 0
    with pytest.raises(OutOfStock):
        await _place(Checkout(lambda: work, FakePricing(), inside))
    work.stock.available["A"] = 5

    placement = await _place(Checkout(lambda: work, FakePricing(), inside), OTHER)

    assert placement.order is not None


@pytest.mark.parametrize("fails", [False, True])
async def test_the_second_of_two_at_once_waits_for_the_first(fails: bool) -> None:
    records = ProcessRecords(ttl_s=60)
    first, second = _work(records), _work(records)
    async with first:
        assert await first.idempotency.claim(ONE) is None
        waiting = asyncio.create_task(second.idempotency.claim(ONE))
        await asyncio.sleep(0)
        assert not waiting.done()
        await first.idempotency.keep(ONE, Answer(201, {}, b"first"))
        if not fails:
            await first.commit()

    found = await waiting

    assert (found is None) == fails
    assert found is None or found.answer.body == b"first"


@pytest.mark.parametrize("forgets", [False, True])
async def test_keys_in_the_process_expire_unless_it_never_forgets(forgets: bool) -> None:
    now = 0.0
    records = ProcessRecords(60, forgets, clock=lambda: now)
    work = _work(records)
    checkout = Checkout(lambda: work, FakePricing(), pricing_inside_transaction=False)
    await _place(checkout)
    now = 59.9
    assert (await _place(checkout)).answer.replayed
    now = 60.0
    assert (await _place(checkout)).answer.replayed != forgets
    now = 200.0
    await _place(checkout, Claim("another", b""))

    assert len(records) == (1 if forgets else 2)


def test_the_fingerprint_is_of_values_and_not_of_their_order() -> None:
    payload = {"a": 1, "b": [{"c": "x", "d": 2}, {"c": "y", "d": 3}]}

    same = {"b": [{"d": 2, "c": "x"}, {"d": 3, "c": "y"}], "a": 1}
    assert fingerprint(same) == fingerprint(payload)
    others: list[object] = [
        {**payload, "a": 2},
        {**payload, "a": "1"},
        {**payload, "b": payload["b"][::-1]},  # type: ignore[index]
        {"a": 1},
    ]
    assert len({fingerprint(each) for each in [payload, *others]}) == 5
