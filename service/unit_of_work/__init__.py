"""The unit of work: one transaction and the tables it reaches, as ports."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from service.orders.model import Credit, Item, NewOrder, Order


class Customers(ABC):
    """The customers and what they owe."""

    @abstractmethod
    async def credit(self, customer_id: int) -> Credit | None:
        """The customer's credit, or None if there is no such customer."""


class Stock(ABC):
    """What is there to be sold."""

    @abstractmethod
    async def reserve(self, items: Sequence[Item]) -> None:
        """Take the items, in the order given, or raise OutOfStock."""


class Orders(ABC):
    """The orders placed."""

    @abstractmethod
    async def add(self, order: NewOrder) -> Order:
        """Store a new order with its lines."""

    @abstractmethod
    async def get(self, order_id: int) -> Order | None:
        """One order with its lines, or None."""

    @abstractmethod
    async def page(self, limit: int, offset: int) -> list[Order]:
        """Orders with their lines, newest first."""


class UnitOfWork(ABC):
    """Everything done inside happens at commit; without a commit, nothing does."""

    customers: Customers
    stock: Stock
    orders: Orders

    async def __aenter__(self) -> Self:
        await self._begin()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            await self._rollback()
        finally:
            await self._end()

    @abstractmethod
    async def commit(self) -> None:
        """Make it happen."""

    @abstractmethod
    async def _begin(self) -> None: ...

    @abstractmethod
    async def _rollback(self) -> None:
        """Undo what was not committed; after a commit, nothing."""

    @abstractmethod
    async def _end(self) -> None: ...
