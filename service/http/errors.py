"""Every failure in one envelope, and in the log."""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from service.errors import DatabaseBusy, DatabaseUnavailable, NotReady, ServiceError
from service.http.dto import ErrorResponse
from service.http.envelope import REQUEST_ID_HEADER, envelope, request_id
from service.idempotency.model import IdempotencyKeyReused
from service.jobs.queue import QueueFull
from service.orders.errors import (
    CreditExhausted,
    OutOfStock,
    UnknownCustomer,
    UnknownInvoice,
    UnknownOrder,
)
from service.pricing.client import PricingFailed, PricingTimeout, PricingUnavailable

_logger = logging.getLogger(__name__)


class InvalidRequest(ServiceError):
    """The request does not follow this document."""

    code = "invalid_request"


class MalformedBody(ServiceError):
    """The body cannot be read."""

    code = "malformed_body"


class BodyTooLarge(ServiceError):
    """The body is longer than the service takes."""

    code = "body_too_large"


class InternalError(ServiceError):
    """A mistake of the service's own."""

    code = "internal_error"


_STATUS: dict[type[ServiceError], HTTPStatus] = {
    MalformedBody: HTTPStatus.BAD_REQUEST,
    BodyTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    InternalError: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnknownCustomer: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownOrder: HTTPStatus.NOT_FOUND,
    UnknownInvoice: HTTPStatus.NOT_FOUND,
    CreditExhausted: HTTPStatus.CONFLICT,
    OutOfStock: HTTPStatus.CONFLICT,
    IdempotencyKeyReused: HTTPStatus.CONFLICT,
    PricingFailed: HTTPStatus.BAD_GATEWAY,
    PricingTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    PricingUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    QueueFull: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
}

# What FastAPI and Starlette refuse by themselves.
_BY_STATUS: dict[int, ServiceError] = {
    400: MalformedBody("the body cannot be read"),
    413: BodyTooLarge("the body is too large"),
}

# What the operations have in common, for their documentation.
BODY = (InvalidRequest, MalformedBody)
DATABASE = (DatabaseBusy, DatabaseUnavailable)
PRICING = (PricingFailed, PricingTimeout, PricingUnavailable)


def answers(*failures: type[ServiceError]) -> dict[int | str, dict[str, Any]]:
    """The documentation of an operation's failures; any operation may also fail by itself."""
    documented: dict[int | str, dict[str, Any]] = {}
    always: tuple[type[ServiceError], ...] = (BodyTooLarge, InternalError)
    for failure in (*failures, *always):
        status = _STATUS[failure]
        text = f"`{failure.code}`: {failure.__doc__}"
        if status in documented:
            documented[status]["description"] += f"\n\n{text}"
            continue
        headers = {REQUEST_ID_HEADER: {"schema": {"type": "string"}, "required": True}}
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["Retry-After"] = {"schema": {"type": "string"}, "required": True}
        documented[status] = {"model": ErrorResponse, "description": text, "headers": headers}
    return documented


def handle_errors(app: FastAPI) -> None:
    """Answer every failure of the application with the envelope."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)


def refused(request: Request, error: ServiceError) -> JSONResponse:
    """The answer to a failure that the client can receive."""
    return _answer(request, _STATUS[type(error)], error.code, error.message, error.details)


def crashed(request: Request, error: Exception) -> JSONResponse:
    """The answer to a mistake of ours, of which the client learns nothing but the id."""
    identity = request_id(request.scope)
    path = request.scope["path"]
    _logger.error("request %s: %s %r crashed", identity, request.method, path, exc_info=error)
    status = _STATUS[InternalError]
    return envelope(request.scope, status, InternalError.code, "something went wrong", {})


async def _service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    return refused(request, error)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The input is not echoed: it may be large, or private.
    details = [{key: found[key] for key in ("loc", "msg", "type")} for found in error.errors()]
    status = _STATUS[InvalidRequest]
    return _answer(request, status, InvalidRequest.code, "the request is not valid", details)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if known := _BY_STATUS.get(error.status_code):
        return refused(request, known)
    code = HTTPStatus(error.status_code).name.lower()
    return _answer(request, error.status_code, code, error.detail, {}, error.headers)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)
    if not error.connection_invalidated:
        raise error  # not for the client to hear of
    return refused(request, DatabaseUnavailable("the database connection was lost"))


def _answer(
    request: Request,
    status: int,
    code: str,
    message: str,
    details: object,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    level = logging.WARNING if status >= HTTPStatus.INTERNAL_SERVER_ERROR else logging.INFO
    _logger.log(
        level,
        "request %s: %s %r answered %d %s: %s",
        request_id(request.scope),
        request.method,
        request.scope["path"],
        status,
        code,
        message,
    )
    return envelope(request.scope, status, code, message, details, headers)
