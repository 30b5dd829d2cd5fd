"""Receipts for those who ordered."""

from abc import ABC, abstractmethod

from service.orders.model import Order


class Receipts(ABC):
    """Whoever sends receipts."""

    @abstractmethod
    async def send(self, order: Order) -> None:
        """Send the receipt of an order."""
