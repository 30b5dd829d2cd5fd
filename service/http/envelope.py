"""The envelope of every failure, and the request id that it carries."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

from fastapi.responses import JSONResponse
from starlette.types import Scope

from service.http.dto import ErrorBody, ErrorResponse

REQUEST_ID_HEADER = "X-Request-ID"
_RETRY_AFTER_S = "1"


def request_id(scope: Scope) -> str:
    """The id that the request was given."""
    return cast(str, scope["state"]["request_id"])


def envelope(
    scope: Scope,
    status: int,
    code: str,
    message: str,
    details: object,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The answer to a request that failed."""
    identity = request_id(scope)
    body = ErrorBody(code=code, message=message, details=details, request_id=identity)
    headers = dict(headers or {})
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = _RETRY_AFTER_S
    return JSONResponse(ErrorResponse(error=body).model_dump(mode="json"), status, headers)
