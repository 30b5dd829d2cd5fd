"""Orders over HTTP."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, status

from service.http.dto import OrderRequest, OrderResponse, OrdersResponse
from service.orders.checkout import Checkout
from service.orders.errors import UnknownOrder
from service.unit_of_work import UnitOfWork

OrderId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Limit = Annotated[int, Query(ge=1, le=100)]
Offset = Annotated[int, Query(ge=0, le=2**31 - 1)]


def orders_router(checkout: Checkout, unit_of_work: Callable[[], UnitOfWork]) -> APIRouter:
    """The routes of orders."""
    router = APIRouter(prefix="/orders", tags=["orders"])

    @router.post("", status_code=status.HTTP_201_CREATED)
    async def place_order(request: OrderRequest) -> OrderResponse:
        return OrderResponse.of(await checkout.place(request.customer_id, request.items()))

    @router.get("/{order_id}")
    async def read_order(order_id: OrderId) -> OrderResponse:
        async with unit_of_work() as work:
            order = await work.orders.get(order_id)
        if order is None:
            raise UnknownOrder("the order does not exist", order_id=order_id)
        return OrderResponse.of(order)

    @router.get("")
    async def list_orders(limit: Limit = 20, offset: Offset = 0) -> OrdersResponse:
        async with unit_of_work() as work:
            orders = await work.orders.page(limit, offset)
        return OrdersResponse(orders=[OrderResponse.of(order) for order in orders])

    return router
