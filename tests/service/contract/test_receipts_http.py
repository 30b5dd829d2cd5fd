from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

import httpx
import pytest

from service.receipts.log import LoggedReceipts

Start = Callable[..., Awaitable[httpx.AsyncClient]]
ORDER = {"customer_id": 1, "lines": [{"sku": "SKU-1", "quantity": 1}]}


async def test_every_order_has_one_receipt_and_a_refused_one_none(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    service = await start()
    caplog.set_level(logging.INFO, "service.receipts")

    placed = (await service.post("/orders", json=ORDER)).json()
    await service.post("/orders", json=ORDER | {"customer_id": 99})

    receipts = [message for message in caplog.messages if message.startswith("receipt")]
    assert receipts == [f"receipt: order {placed['id']}, {placed['total_cents']} cents"]


async def test_a_repeated_order_has_no_second_receipt(
    start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    service = await start()
    caplog.set_level(logging.INFO, "service.receipts")

    for _ in range(3):
        answer = await service.post("/orders", json=ORDER, headers={"Idempotency-Key": "k"})
        assert answer.status_code == 201

    assert len([message for message in caplog.messages if message.startswith("receipt")]) == 1


async def test_a_failing_receipt_never_touches_the_response(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = await start()

    async def broken(*_: object) -> None:
        raise RuntimeError("no paper")

    monkeypatch.setattr(LoggedReceipts, "send", broken)

    placed = await service.post("/orders", json=ORDER, headers={"X-Request-ID": "mine"})

    assert placed.status_code == 201
    assert (await service.get("/orders/1")).json() == placed.json()
    assert "request mine: no receipt for order 1" in caplog.messages
