"""Orders over HTTP."""

import logging
from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, BackgroundTasks, Header, Path, Query, Request, Response, status

from service.http.dto import OrderRequest, OrderResponse, OrdersResponse, PageRequest
from service.http.envelope import request_id
from service.http.errors import BODY, DATABASE, PRICING, InvalidRequest, answers
from service.http.paging import Paging
from service.http.presentation import Presentation
from service.idempotency.fingerprint import fingerprint
from service.idempotency.model import Answer, Claim, IdempotencyKeyReused
from service.orders.checkout import Checkout
from service.orders.errors import CreditExhausted, OutOfStock, UnknownCustomer, UnknownOrder
from service.orders.model import Order
from service.receipts import Receipts
from service.unit_of_work import UnitOfWork

_logger = logging.getLogger(__name__)

OrderId = Annotated[int, Path(ge=1, le=2**63 - 1)]
PLACING = (
    *BODY,
    *DATABASE,
    *PRICING,
    UnknownCustomer,
    CreditExhausted,
    OutOfStock,
    IdempotencyKeyReused,
)
REPLAYED_HEADER = "Idempotency-Replayed"
CREATED: dict[int | str, dict[str, Any]] = {
    status.HTTP_201_CREATED: {
        "headers": {
            REPLAYED_HEADER: {
                "description": "`true` where the key was known: the response is the first one's.",
                "schema": {"type": "string", "enum": ["true"]},
            }
        }
    }
}
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Place the order once, however often it is sent under this key; a request that "
        "comes while another one under its key is worked on waits for that one's answer.",
    ),
]


def orders_router(
    checkout: Checkout,
    unit_of_work: Callable[[], UnitOfWork],
    receipts: Receipts,
    paging: Paging,
    presentation: Presentation,
) -> APIRouter:
    """The routes of orders."""
    router = APIRouter(prefix="/orders", tags=["orders"])

    @router.post(
        "",
        status_code=status.HTTP_201_CREATED,
        response_model=OrderResponse,
        responses=answers(*PLACING) | CREATED,
    )
    async def place_order(
        asked: OrderRequest,
        request: Request,
        later: BackgroundTasks,
        key: Key = None,
    ) -> OrderResponse | Response:
        if key is None:
            order = await checkout.place(asked.customer_id, asked.items())
            later.add_task(_send_receipt, receipts, order, request_id(request.scope))
            return OrderResponse.of(order)
        claim = Claim(key, fingerprint(asked.model_dump()))
        placement = await checkout.place_once(asked.customer_id, asked.items(), claim, _created)
        if placement.order is not None:
            later.add_task(_send_receipt, receipts, placement.order, request_id(request.scope))
        return _sent(placement.answer)

    @router.get(
        "/{order_id}",
        response_model=OrderResponse,
        responses=answers(InvalidRequest, UnknownOrder, *DATABASE),
    )
    async def read_order(order_id: OrderId) -> OrderResponse | Response:
        async with unit_of_work() as work:
            order = await work.orders.get(order_id)
            if order is None:
                raise UnknownOrder("the order does not exist", order_id=order_id)
        return presentation.order(order)

    @router.get("", response_model=OrdersResponse, responses=answers(InvalidRequest, *DATABASE))
    async def list_orders(asked: Annotated[PageRequest, Query()]) -> OrdersResponse | Response:
        async with unit_of_work() as work:
            page, following = await paging.read(work.orders, asked)
        return presentation.page(page.orders, following)

    return router


def _created(order: Order) -> Answer:
    body = OrderResponse.of(order).model_dump_json().encode()
    return Answer(status.HTTP_201_CREATED, {"Content-Type": "application/json"}, body)


def _sent(answer: Answer) -> Response:
    response = Response(answer.body, answer.status, dict(answer.headers))
    if answer.replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return response


async def _send_receipt(receipts: Receipts, order: Order, identity: str) -> None:
    # The order is placed and its response is sent: only the log can still report this.
    try:
        await receipts.send(order)
    except Exception:
        _logger.exception("request %s: no receipt for order %d", identity, order.id)
