"""A unit of work in memory, for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

from typing_extensions import override

from service.idempotency.process import ProcessIdempotency, ProcessRecords
from service.orders.errors import OutOfStock
from service.orders.model import Credit, Item, NewOrder, Order, OrderLine, Page
from service.orders.progress import PLACED, STATUSES, Step
from service.outbox.fake import FakeInbox, FakeOutbox, OutboxRows
from service.outbox.model import ORDER_PLACED
from service.unit_of_work import Customers, Documents, Orders, Progress, Stock, UnitOfWork
from service.unit_of_work.journal import Journal


class FakeCustomers(Customers):
    """Customers with a given credit."""

    def __init__(self, credits: dict[int, Credit]) -> None:
        self.credits = credits

    @override
    async def credit(self, customer_id: int) -> Credit | None:
        return self.credits.get(customer_id)


class FakeStock(Stock):
    """Quantities by SKU."""

    def __init__(self, available: dict[str, int], journal: Journal) -> None:
        self.available = available
        self._journal = journal

    @override
    async def reserve(self, items: Sequence[Item]) -> None:
        for item in items:
            if self.available.get(item.sku, 0) < item.quantity:
                raise OutOfStock("not enough in stock", sku=item.sku)
            self._journal.put(self.available, item.sku, self.available[item.sku] - item.quantity)


class FakeOrders(Orders):
    """Orders by id."""

    def __init__(self, progress: "FakeProgress", outbox: FakeOutbox, journal: Journal) -> None:
        self._orders: dict[int, Order] = {}
        self._progress = progress
        self._outbox = outbox
        self._journal = journal
        self._ids = count(1)

    @property
    def placed(self) -> list[Order]:
        """All orders, the oldest first."""
        return list(self._orders.values())

    @override
    async def add(self, order: NewOrder) -> Order:
        lines = [OrderLine(line.sku, line.quantity, line.unit_price_cents) for line in order.lines]
        now = datetime.now(UTC)
        stored = Order(next(self._ids), order.customer_id, order.total_cents, now, lines)
        self._journal.put(self._orders, stored.id, stored)
        self._journal.put(self._progress.steps, stored.id, [Step(1, PLACED, now)])
        self._outbox.add(ORDER_PLACED, {"order_id": stored.id})
        return stored

    @override
    async def get(self, order_id: int) -> Order | None:
        return self._orders.get(order_id)

    @override
    async def page(self, limit: int, offset: int) -> Page:
        found = self.placed[::-1][offset:]
        return Page(found[:limit], len(found) > limit)

    @override
    async def page_before(self, limit: int, order_id: int) -> Page:
        found = [order for order in self.placed[::-1] if order.id < order_id]
        return Page(found[:limit], len(found) > limit)


class FakeProgress(Progress):
    """Steps by order."""

    def __init__(
        self, steps: dict[int, list[Step]] | None = None, journal: Journal | None = None
    ) -> None:
        self.steps = {} if steps is None else steps
        self._journal = journal or Journal()

    @override
    async def since(self, order_id: int, seq: int) -> list[Step]:
        return [step for step in self.steps.get(order_id, ()) if step.seq > seq]

    @override
    async def fulfil(self, order_ids: Sequence[int]) -> None:
        for order_id in order_ids:
            later = enumerate(STATUSES[1:], 2)
            steps = [Step(seq, status, datetime.now(UTC)) for seq, status in later]
            self._journal.put(self.steps, order_id, [*self.steps.get(order_id, ()), *steps])


class FakeDocuments(Documents):
    """Texts by order."""

    def __init__(self, journal: Journal) -> None:
        self.texts: dict[int, str] = {}
        self._journal = journal

    @override
    async def keep(self, order_id: int, text: str) -> None:
        if order_id not in self.texts:
            self._journal.put(self.texts, order_id, text)

    @override
    async def find(self, order_id: int) -> str | None:
        return self.texts.get(order_id)


class FakeUnitOfWork(UnitOfWork):
    """Undoes on rollback, and records how it ended."""

    customers: FakeCustomers
    stock: FakeStock
    orders: FakeOrders
    progress: FakeProgress
    documents: FakeDocuments
    outbox: FakeOutbox
    inbox: FakeInbox
    idempotency: ProcessIdempotency

    def __init__(
        self,
        credits: dict[int, Credit],
        stock: dict[str, int],
        records: ProcessRecords | None = None,
        beside: "FakeUnitOfWork | None" = None,
    ) -> None:
        journal = self._journal = Journal()
        self.customers = FakeCustomers(credits)
        self.stock = FakeStock(stock, journal)
        self.progress = FakeProgress(beside.progress.steps if beside else {}, journal)
        self.outbox = FakeOutbox(beside.outbox.rows if beside else OutboxRows(), journal)
        self.inbox = FakeInbox(beside.inbox.seen if beside else {}, journal)
        self.orders = FakeOrders(self.progress, self.outbox, journal)
        self.documents = FakeDocuments(journal)
        self.idempotency = ProcessIdempotency(
            ProcessRecords(ttl_s=3600) if records is None else records
        )
        self.open = False
        self.committed = False

    def beside(self) -> "FakeUnitOfWork":
        """Another one, for a relay or a consumer: it shares events and progress with this one."""
        return FakeUnitOfWork({}, {}, beside=self)

    @override
    async def commit(self) -> None:
        self._journal.commit()
        self.idempotency.committed()
        self.committed = True

    async def _begin(self) -> None:
        self.open = True
        self.committed = False

    async def _rollback(self) -> None:
        self._journal.rollback()
        self.outbox.release()
        self.idempotency.ended()

    async def _end(self) -> None:
        self.open = False
