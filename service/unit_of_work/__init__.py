"""The unit of work: one transaction and the tables it reaches, as ports."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from service.idempotency.store import Idempotency
from service.orders.model import Credit, Item, NewOrder, Order, Page
from service.orders.progress import Step
from service.outbox.store import Inbox, Outbox


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
        """Store a new order, with its lines, its first step and the event that announces it."""

    @abstractmethod
    async def get(self, order_id: int) -> Order | None:
        """One order with its lines, or None."""

    @abstractmethod
    async def page(self, limit: int, offset: int) -> Page:
        """Orders with their lines, newest first, after so many."""

    @abstractmethod
    async def page_before(self, limit: int, order_id: int) -> Page:
        """Orders with their lines, newest first, of those before the given one."""


class Progress(ABC):
    """How far orders have come."""

    @abstractmethod
    async def since(self, order_id: int, seq: int) -> list[Step]:
        """The steps of an order after the given one, in order; 0 stands before the first."""

    @abstractmethod
    async def fulfil(self, order_ids: Sequence[int]) -> None:
        """Write the steps that follow `placed`, for all these orders."""


class Documents(ABC):
    """Documents written for orders, one each."""

    @abstractmethod
    async def keep(self, order_id: int, text: str) -> None:
        """Store an order's document; the first one stays."""

    @abstractmethod
    async def find(self, order_id: int) -> str | None:
        """An order's document, or None."""


class UnitOfWork(ABC):
    """Everything done inside happens at commit; without a commit, nothing does."""

    customers: Customers
    stock: Stock
    orders: Orders
    progress: Progress
    outbox: Outbox
    inbox: Inbox
    idempotency: Idempotency
    documents: Documents

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
