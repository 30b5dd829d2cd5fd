"""Receipts in a list, for tests."""

from typing_extensions import override

from service.orders.model import Order
from service.receipts import Receipts


class FakeReceipts(Receipts):
    """Keeps what was sent, or fails."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.sent: list[Order] = []
        self._failure = failure

    @override
    async def send(self, order: Order) -> None:
        if self._failure is not None:
            raise self._failure
        self.sent.append(order)
