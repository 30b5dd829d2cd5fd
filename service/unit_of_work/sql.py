"""The unit of work on PostgreSQL."""

from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from types import TracebackType

from sqlalchemy import Row, Select, bindparam, column, func, insert, literal, select, update, values
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger, Integer, SmallInteger, Text
from typing_extensions import override

from service.database import Database
from service.idempotency.store import Idempotency
from service.metrics import PoolMetrics
from service.orders.errors import OutOfStock
from service.orders.model import Credit, Item, NewOrder, Order, OrderLine, Page
from service.orders.progress import PLACED, STATUSES, Step
from service.outbox.model import ORDER_PLACED
from service.outbox.sql import SqlInbox, SqlOutbox
from service.schema import (
    SHARED_STOCK,
    customers,
    invoices,
    order_documents,
    order_lines,
    order_progress,
    orders,
    outbox,
    stock,
)
from service.unit_of_work import Customers, Documents, Orders, Progress, Stock, UnitOfWork

# Statements are built once, and executed with parameters: building costs more than running.
_CREDIT = select(
    customers.c.credit_limit_cents,
    select(func.coalesce(func.sum(invoices.c.amount_cents), 0))
    .where(invoices.c.customer_id == bindparam("customer_id"), ~invoices.c.paid)
    .scalar_subquery(),
).where(customers.c.id == bindparam("customer_id"))

_RESERVE = (
    update(stock)
    .where(stock.c.sku == bindparam("row"), stock.c.available >= bindparam("quantity"))
    .values(available=stock.c.available - bindparam("quantity"))
)

_ADDED = (
    insert(orders)
    .values(customer_id=bindparam("customer"), total_cents=bindparam("total"))
    .returning(orders.c.id, orders.c.created_at)
    .cte("added")
)

_ADD_LINES = (
    insert(order_lines)
    .from_select(
        ["order_id", "sku", "quantity", "unit_price_cents"],
        select(
            _ADDED.c.id,
            func.unnest(bindparam("skus", type_=ARRAY(Text))),
            func.unnest(bindparam("quantities", type_=ARRAY(Integer))),
            func.unnest(bindparam("unit_prices_cents", type_=ARRAY(Integer))),
        ),
    )
    .cte("added_lines")
)

_ADD_STEP = (
    insert(order_progress)
    .from_select(["order_id", "seq", "status"], select(_ADDED.c.id, literal(1), literal(PLACED)))
    .cte("added_step")
)

_ADD_EVENT = (
    insert(outbox)
    .from_select(
        ["kind", "payload"],
        select(literal(ORDER_PLACED), func.jsonb_build_object("order_id", _ADDED.c.id)),
    )
    .cte("added_event")
)

# All of an order in one statement, which saves round trips within the transaction. They lock their
# tables in this order; reset.sql relies on it.
_ADD_ORDER = select(_ADDED.c.id, _ADDED.c.created_at).add_cte(_ADD_LINES, _ADD_EVENT, _ADD_STEP)

_ORDER = select(orders).where(orders.c.id == bindparam("order_id"))

_PAGE = (
    select(orders)
    .order_by(orders.c.id.desc())
    .limit(bindparam("page_limit"))
    .offset(bindparam("page_offset"))
)

_PAGE_BEFORE = (
    select(orders)
    .where(orders.c.id < bindparam("before"))
    .order_by(orders.c.id.desc())
    .limit(bindparam("page_limit"))
)

_LINES = (
    select(order_lines)
    .where(order_lines.c.order_id == func.any(bindparam("order_ids", type_=ARRAY(BigInteger))))
    .order_by(order_lines.c.order_id, order_lines.c.sku)
)

_STEPS_SINCE = (
    select(order_progress.c.seq, order_progress.c.status, order_progress.c.at)
    .where(
        order_progress.c.order_id == bindparam("order_id"), order_progress.c.seq > bindparam("seq")
    )
    .order_by(order_progress.c.seq)
)

_LATER_STEPS = values(
    column("seq", SmallInteger), column("status", Text), name="later", literal_binds=True
).data([(seq, status) for seq, status in enumerate(STATUSES, 1) if status != PLACED])

_FULFIL = insert(order_progress).from_select(
    ["order_id", "seq", "status"],
    select(
        func.unnest(bindparam("order_ids", type_=ARRAY(BigInteger))),
        _LATER_STEPS.c.seq,
        _LATER_STEPS.c.status,
    ),
)

_DOCUMENT = select(order_documents.c.text).where(
    order_documents.c.order_id == bindparam("order_id")
)

_KEEP_DOCUMENT = (
    postgresql.insert(order_documents)
    .values(order_id=bindparam("order_id"), text=bindparam("text"))
    .on_conflict_do_nothing()
)


class SqlCustomers(Customers):
    """Customers and their unpaid invoices."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @override
    async def credit(self, customer_id: int) -> Credit | None:
        found = await self._connection.execute(_CREDIT, {"customer_id": customer_id})
        row = found.one_or_none()
        return None if row is None else Credit(*row)


class SqlStock(Stock):
    """A stock row per SKU."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @override
    async def reserve(self, items: Sequence[Item]) -> None:
        for item in items:
            await self._take(item.sku, item.quantity)

    async def _take(self, row: str, quantity: int) -> None:
        taken = await self._connection.execute(_RESERVE, {"row": row, "quantity": quantity})
        if taken.rowcount == 0:
            raise OutOfStock("not enough in stock", sku=row, quantity=quantity)


class SharedSqlStock(SqlStock):
    """One stock row that every SKU draws on, and that every order locks."""

    @override
    async def reserve(self, items: Sequence[Item]) -> None:
        await self._take(SHARED_STOCK, sum(item.quantity for item in items))


class SqlOrders(Orders):
    """Orders and their lines."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @override
    async def add(self, order: NewOrder) -> Order:
        total_cents = order.total_cents
        added = await self._connection.execute(
            _ADD_ORDER,
            {
                "customer": order.customer_id,
                "total": total_cents,
                "skus": [line.sku for line in order.lines],
                "quantities": [line.quantity for line in order.lines],
                "unit_prices_cents": [line.unit_price_cents for line in order.lines],
            },
        )
        order_id, created_at = added.one()
        return Order(order_id, order.customer_id, total_cents, created_at, order.lines)

    @override
    async def get(self, order_id: int) -> Order | None:
        heads = (await self._connection.execute(_ORDER, {"order_id": order_id})).all()
        found = await self._with_lines(heads)
        return found[0] if found else None

    @override
    async def page(self, limit: int, offset: int) -> Page:
        return await self._page(limit, _PAGE, {"page_offset": offset})

    @override
    async def page_before(self, limit: int, order_id: int) -> Page:
        return await self._page(limit, _PAGE_BEFORE, {"before": order_id})

    async def _page(
        self, limit: int, statement: Select[*tuple[object, ...]], position: Mapping[str, int]
    ) -> Page:
        # One more than is shown, to know whether there are more.
        found = await self._connection.execute(statement, {**position, "page_limit": limit + 1})
        heads = found.all()
        return Page(await self._with_lines(heads[:limit]), len(heads) > limit)

    async def _with_lines(self, heads: Sequence[Row[*tuple[object, ...]]]) -> list[Order]:
        lines = await self._lines([head.id for head in heads]) if heads else {}
        return [
            Order(head.id, head.customer_id, head.total_cents, head.created_at, lines[head.id])
            for head in heads
        ]

    async def _lines(self, order_ids: Sequence[int]) -> Mapping[int, Sequence[OrderLine]]:
        # One query for the lines of all orders, however many.
        lines: dict[int, list[OrderLine]] = {order_id: [] for order_id in order_ids}
        found = await self._connection.execute(_LINES, {"order_ids": order_ids})
        for order_id, sku, quantity, unit_price_cents in found:
            lines[order_id].append(OrderLine(sku, quantity, unit_price_cents))
        return lines


class NPlusOneSqlOrders(SqlOrders):
    """Reads the lines of each order by themselves, however many orders there are."""

    @override
    async def _lines(self, order_ids: Sequence[int]) -> Mapping[int, Sequence[OrderLine]]:
        one_by_one = [await super(NPlusOneSqlOrders, self)._lines([each]) for each in order_ids]
        return {order_id: lines for found in one_by_one for order_id, lines in found.items()}


class SqlProgress(Progress):
    """A row per order and status."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @override
    async def since(self, order_id: int, seq: int) -> list[Step]:
        found = await self._connection.execute(_STEPS_SINCE, {"order_id": order_id, "seq": seq})
        return [Step(*row) for row in found]

    @override
    async def fulfil(self, order_ids: Sequence[int]) -> None:
        await self._connection.execute(_FULFIL, {"order_ids": list(order_ids)})


class SqlDocuments(Documents):
    """A row per order that has a document."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @override
    async def keep(self, order_id: int, text: str) -> None:
        await self._connection.execute(_KEEP_DOCUMENT, {"order_id": order_id, "text": text})

    @override
    async def find(self, order_id: int) -> str | None:
        found = await self._connection.scalar(_DOCUMENT, {"order_id": order_id})
        return None if found is None else str(found)


class SqlUnitOfWork(UnitOfWork):
    """One connection of the pool, and one transaction on it."""

    def __init__(
        self,
        database: Database,
        metrics: PoolMetrics,
        stock: type[SqlStock],
        idempotency: Callable[[AsyncConnection], Idempotency],
        orders: type[SqlOrders] = SqlOrders,
    ) -> None:
        self._database = database
        self._metrics = metrics
        self._stock = stock
        self._idempotency = idempotency
        self._orders = orders

    @override
    async def commit(self) -> None:
        await self._connection.commit()
        self.idempotency.committed()

    async def _begin(self) -> None:
        # The connection is taken here, not at the first statement, so that the wait is seen.
        asked = perf_counter()
        try:
            connection = await self._database.connect()
        finally:
            self._taken = perf_counter()
            self._metrics.wait.observe(self._taken - asked)
        self._connection = connection
        self.customers = SqlCustomers(connection)
        self.stock = self._stock(connection)
        self.orders = self._orders(connection)
        self.progress = SqlProgress(connection)
        self.outbox = SqlOutbox(connection)
        self.inbox = SqlInbox(connection)
        self.idempotency = self._idempotency(connection)
        self.documents = SqlDocuments(connection)

    async def _rollback(self) -> None:
        try:
            if self._connection.in_transaction():
                await self._connection.rollback()
        finally:
            self.idempotency.ended()

    async def _end(self) -> None:
        # The pool's own reset on return sends nothing: by now no transaction is open.
        try:
            await self._connection.close()
        finally:
            self._metrics.hold.observe(perf_counter() - self._taken)


class LeakySqlUnitOfWork(SqlUnitOfWork):
    """Keeps its connection for ever where the work fails."""

    @override
    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is None:
            await super().__aexit__(kind, error, traceback)
        else:
            await self._rollback()
            self._database.lose(self._connection)
