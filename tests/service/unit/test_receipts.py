from __future__ import annotations

import logging
from datetime import UTC, datetime

import pytest

from service.http.orders import _send_receipt
from service.orders.model import Order
from service.receipts.fake import FakeReceipts
from service.receipts.log import LoggedReceipts

ORDER = Order(42, 1, 1234, datetime(2026, 1, 1, tzinfo=UTC), [])


async def test_a_receipt_is_a_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "service"):
        await LoggedReceipts().send(ORDER)

    assert caplog.messages == ["receipt: order 42, 1234 cents"]


async def test_a_receipt_is_sent_as_it_is(caplog: pytest.LogCaptureFixture) -> None:
    receipts = FakeReceipts()

    await _send_receipt(receipts, ORDER, "abc")

    assert receipts.sent == [ORDER]
    assert not caplog.records


async def test_a_receipt_that_fails_is_told_with_its_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    await _send_receipt(FakeReceipts(failure=RuntimeError("no paper")), ORDER, "abc")

    [record] = caplog.records
    assert record.getMessage() == "request abc: no receipt for order 42"
    assert "no paper" in caplog.text
