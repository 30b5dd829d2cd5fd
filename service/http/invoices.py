"""Invoices over HTTP: asked for, written after the response, and fetched."""

from collections.abc import Callable
from functools import partial

from fastapi import APIRouter, Response, status
from fastapi.responses import PlainTextResponse

from service.http.dto import InvoiceResponse
from service.http.errors import DATABASE, InvalidRequest, answers
from service.http.orders import OrderId
from service.jobs.queue import JobQueue, QueueFull
from service.orders.errors import UnknownInvoice, UnknownOrder
from service.orders.invoicing import Invoicing
from service.unit_of_work import UnitOfWork

_UNDER_WAY = {"model": InvoiceResponse, "description": "The invoice is being written."}
_WRITTEN = {
    "description": "The invoice.",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


def invoices_router(
    jobs: JobQueue, invoicing: Invoicing, unit_of_work: Callable[[], UnitOfWork]
) -> APIRouter:
    """The routes of invoices."""
    router = APIRouter(prefix="/orders/{order_id}/invoice", tags=["invoices"])

    @router.post(
        "",
        status_code=status.HTTP_202_ACCEPTED,
        responses=answers(InvalidRequest, UnknownOrder, QueueFull, *DATABASE),
    )
    async def request_invoice(order_id: OrderId, response: Response) -> InvoiceResponse:
        jobs.admit()  # a full queue refuses before it costs the database anything
        await _existing(unit_of_work, order_id)
        jobs.submit(_name(order_id), partial(invoicing.write, order_id))
        response.headers["Location"] = f"/orders/{order_id}/invoice"
        return InvoiceResponse(order_id=order_id)

    @router.get(
        "",
        response_class=Response,
        responses={
            **answers(InvalidRequest, UnknownOrder, UnknownInvoice, *DATABASE),
            status.HTTP_200_OK: _WRITTEN,
            status.HTTP_202_ACCEPTED: _UNDER_WAY,
        },
    )
    async def read_invoice(order_id: OrderId) -> Response:
        # Looked up before the table: a job that ends in between has written its document.
        under_way = _name(order_id) in jobs
        async with unit_of_work() as work:
            text = await work.documents.find(order_id)
        if text is not None:
            return PlainTextResponse(text)
        if under_way:
            body = InvoiceResponse(order_id=order_id).model_dump_json()
            return Response(body, status.HTTP_202_ACCEPTED, media_type="application/json")
        await _existing(unit_of_work, order_id)
        raise UnknownInvoice("no invoice of the order was written", order_id=order_id)

    return router


def _name(order_id: int) -> str:
    return f"invoice of order {order_id}"


async def _existing(unit_of_work: Callable[[], UnitOfWork], order_id: int) -> None:
    async with unit_of_work() as work:
        if await work.orders.get(order_id) is None:
            raise UnknownOrder("the order does not exist", order_id=order_id)
