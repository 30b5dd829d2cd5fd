"""An order's progress as server-sent events."""

import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Header, Response, status
from fastapi.responses import StreamingResponse
from fastapi.sse import KEEPALIVE_COMMENT, format_sse_event
from sqlalchemy.exc import DBAPIError
from starlette.types import Receive, Scope, Send

from service.errors import ServiceError
from service.http.dto import ProgressEvent
from service.http.errors import DATABASE, InvalidRequest, answers
from service.http.orders import OrderId
from service.orders.errors import UnknownOrder
from service.orders.feed import ProgressFeed
from service.orders.progress import FINAL

LastEventId = Annotated[
    int, Header(ge=0, le=2**15 - 1, description="The last event seen; the stream goes on after it.")
]
_EVENT = {
    "type": "object",
    "required": ["id", "event", "data"],
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "event": {"const": "progress"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": ProgressEvent.model_json_schema(),
        },
    },
}
_logger = logging.getLogger(__name__)


class EventStream(StreamingResponse):
    """A stream of events that releases what it holds as soon as the client is gone."""

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes]) -> None:
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream to the end, or until the client is gone."""
        async with aclosing(self._events):
            await super().__call__(scope, receive, send)


def progress_router(feed: ProgressFeed) -> APIRouter:
    """The route of an order's progress."""
    router = APIRouter(prefix="/orders", tags=["orders"])

    @router.get(
        "/{order_id}/progress",
        response_class=Response,
        responses={
            status.HTTP_200_OK: {
                "description": "An event per step; its id is the step's number.",
                "content": {EventStream.media_type: {"itemSchema": _EVENT}},
            },
            status.HTTP_204_NO_CONTENT: {"description": "The last event seen was the final one."},
            **answers(InvalidRequest, UnknownOrder, *DATABASE),
        },
    )
    async def follow_progress(order_id: OrderId, last_event_id: LastEventId = 0) -> Response:
        steps = await feed.steps(order_id)
        if not steps:
            raise UnknownOrder("the order does not exist", order_id=order_id)
        if steps[-1].status == FINAL and last_event_id >= steps[-1].seq:
            # A browser comes back whenever a stream ends, unless it gets this status.
            return Response(status_code=status.HTTP_204_NO_CONTENT)
        return EventStream(_events(feed, order_id, last_event_id))

    return router


async def _events(feed: ProgressFeed, order_id: int, seq: int) -> AsyncGenerator[bytes]:
    async with aclosing(feed.follow(order_id, seq)) as steps:
        try:
            async for step in steps:
                if step is None:
                    yield KEEPALIVE_COMMENT
                    continue
                event = ProgressEvent(order_id=order_id, status=step.status, at=step.at)
                yield format_sse_event(
                    data_str=event.model_dump_json(), event="progress", id=str(step.seq)
                )
        except (ServiceError, DBAPIError) as error:
            # All that can be done of a stream that has begun is to end it: its client comes back.
            _logger.warning("the progress of order %d broke off: %s", order_id, error)
