"""Every failure in one envelope."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from service.errors import DatabaseBusy, DatabaseUnavailable, NotReady, ServiceError
from service.http.dto import ErrorBody, ErrorResponse
from service.http.middleware import REQUEST_ID_HEADER, request_id
from service.orders.errors import CreditExhausted, OutOfStock, UnknownCustomer, UnknownOrder
from service.pricing.client import PricingFailed, PricingTimeout, PricingUnavailable

_STATUS: dict[type[ServiceError], HTTPStatus] = {
    UnknownCustomer: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownOrder: HTTPStatus.NOT_FOUND,
    CreditExhausted: HTTPStatus.CONFLICT,
    OutOfStock: HTTPStatus.CONFLICT,
    PricingFailed: HTTPStatus.BAD_GATEWAY,
    PricingTimeout: HTTPStatus.GATEWAY_TIMEOUT,
    PricingUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    NotReady: HTTPStatus.SERVICE_UNAVAILABLE,
}
_RETRY_AFTER_S = "1"


def handle_errors(app: FastAPI) -> None:
    """Answer every failure of the application with the envelope."""
    app.add_exception_handler(ServiceError, _service_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(DBAPIError, _database_error)
    app.add_exception_handler(Exception, _internal_error)


async def _service_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceError)
    return _envelope(request, _STATUS[type(error)], error.code, error.message, error.details)


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    # The input is not echoed: it may be large, or private.
    details = [{key: found[key] for key in ("loc", "msg", "type")} for found in error.errors()]
    status = HTTPStatus.UNPROCESSABLE_ENTITY
    return _envelope(request, status, "invalid_request", "the request is not valid", details)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    return _envelope(request, error.status_code, code, error.detail, {}, error.headers)


async def _database_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, DBAPIError)
    if not error.connection_invalidated:
        # Not for the client to hear of: the server's own handler logs it and answers 500.
        raise error
    return await _service_error(request, DatabaseUnavailable("the database connection was lost"))


async def _internal_error(request: Request, _: Exception) -> JSONResponse:
    status = HTTPStatus.INTERNAL_SERVER_ERROR
    # Answered outside of the middleware that gives every other response its id.
    headers = {REQUEST_ID_HEADER: request_id(request.scope)}
    return _envelope(request, status, "internal_error", "something went wrong", {}, headers)


def _envelope(
    request: Request,
    status: int,
    code: str,
    message: str,
    details: object,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    identity = request_id(request.scope)
    body = ErrorBody(code=code, message=message, details=details, request_id=identity)
    headers = dict(headers or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = _RETRY_AFTER_S
    return JSONResponse(ErrorResponse(error=body).model_dump(mode="json"), status, headers)
