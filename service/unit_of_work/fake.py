"""A unit of work in memory, for tests."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import count

from typing_extensions import override

from service.orders.errors import OutOfStock
from service.orders.model import Credit, Item, NewOrder, Order, OrderLine
from service.unit_of_work import Customers, Orders, Stock, UnitOfWork


class FakeCustomers(Customers):
    """Customers with a given credit."""

    def __init__(self, credits: dict[int, Credit]) -> None:
        self.credits = credits

    @override
    async def credit(self, customer_id: int) -> Credit | None:
        return self.credits.get(customer_id)


class FakeStock(Stock):
    """Quantities by SKU."""

    def __init__(self, available: dict[str, int]) -> None:
        self.available = available

    @override
    async def reserve(self, items: Sequence[Item]) -> None:
        for item in items:
            if self.available.get(item.sku, 0) < item.quantity:
                raise OutOfStock("not enough in stock", sku=item.sku)
            self.available[item.sku] -= item.quantity


class FakeOrders(Orders):
    """Orders in a list."""

    def __init__(self) -> None:
        self.placed: list[Order] = []
        self._ids = count(1)

    @override
    async def add(self, order: NewOrder) -> Order:
        lines = [OrderLine(line.sku, line.quantity, line.unit_price_cents) for line in order.lines]
        now = datetime.now(UTC)
        stored = Order(next(self._ids), order.customer_id, order.total_cents, now, lines)
        self.placed.append(stored)
        return stored

    @override
    async def get(self, order_id: int) -> Order | None:
        return next((order for order in self.placed if order.id == order_id), None)

    @override
    async def page(self, limit: int, offset: int) -> list[Order]:
        return self.placed[::-1][offset : offset + limit]


class FakeUnitOfWork(UnitOfWork):
    """Undoes on rollback, and tells what became of it."""

    customers: FakeCustomers
    stock: FakeStock
    orders: FakeOrders

    def __init__(self, credits: dict[int, Credit], stock: dict[str, int]) -> None:
        self.customers = FakeCustomers(credits)
        self.stock = FakeStock(stock)
        self.orders = FakeOrders()
        self.open = False
        self.committed = False

    @override
    async def commit(self) -> None:
        self._keep()
        self.committed = True

    async def _begin(self) -> None:
        self.open = True
        self.committed = False
        self._keep()

    async def _rollback(self) -> None:
        self.stock.available = dict(self._stock)
        self.orders.placed = list(self._placed)

    async def _end(self) -> None:
        self.open = False

    def _keep(self) -> None:
        self._stock = dict(self.stock.available)
        self._placed = list(self.orders.placed)
