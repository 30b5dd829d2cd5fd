"""The unit of work on PostgreSQL."""

from collections.abc import Mapping, Sequence
from time import perf_counter

from sqlalchemy import Select, bindparam, func, insert, select, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import BigInteger, Integer, Text
from typing_extensions import override

from service.database import Database
from service.metrics import PoolMetrics
from service.orders.errors import OutOfStock
from service.orders.model import Credit, Item, NewOrder, Order, OrderLine
from service.schema import SHARED_STOCK, customers, invoices, order_lines, orders, stock
from service.unit_of_work import Customers, Orders, Stock, UnitOfWork

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

# Order and lines in one statement, which saves a round trip within the transaction.
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

_ADD_ORDER = select(_ADDED.c.id, _ADDED.c.created_at).add_cte(_ADD_LINES)

_ORDER = select(orders).where(orders.c.id == bindparam("order_id"))

_PAGE = (
    select(orders)
    .order_by(orders.c.id.desc())
    .limit(bindparam("page_limit"))
    .offset(bindparam("page_offset"))
)

_LINES = (
    select(order_lines)
    .where(order_lines.c.order_id == func.any(bindparam("order_ids", type_=ARRAY(BigInteger))))
    .order_by(order_lines.c.order_id, order_lines.c.sku)
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
        found = await self._with_lines(_ORDER, {"order_id": order_id})
        return found[0] if found else None

    @override
    async def page(self, limit: int, offset: int) -> list[Order]:
        return await self._with_lines(_PAGE, {"page_limit": limit, "page_offset": offset})

    async def _with_lines(
        self, statement: Select[*tuple[object, ...]], parameters: Mapping[str, int]
    ) -> list[Order]:
        heads = (await self._connection.execute(statement, parameters)).all()
        if not heads:
            return []
        # One query for the lines of all orders, however many.
        lines: dict[int, list[OrderLine]] = {head.id: [] for head in heads}
        found = await self._connection.execute(_LINES, {"order_ids": list(lines)})
        for order_id, sku, quantity, unit_price_cents in found:
            lines[order_id].append(OrderLine(sku, quantity, unit_price_cents))
        return [
            Order(head.id, head.customer_id, head.total_cents, head.created_at, lines[head.id])
            for head in heads
        ]


class SqlUnitOfWork(UnitOfWork):
    """One connection of the pool, and one transaction on it."""

    def __init__(self, database: Database, metrics: PoolMetrics, stock: type[SqlStock]) -> None:
        self._database = database
        self._metrics = metrics
        self._stock = stock

    @override
    async def commit(self) -> None:
        await self._connection.commit()

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
        self.orders = SqlOrders(connection)

    async def _rollback(self) -> None:
        if self._connection.in_transaction():
            await self._connection.rollback()

    async def _end(self) -> None:
        # The pool's own reset on return sends nothing: by now no transaction is open.
        try:
            await self._connection.close()
        finally:
            self._metrics.hold.observe(perf_counter() - self._taken)
