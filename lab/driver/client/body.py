"""The body of a request: bytes, and the Content-Type that they need."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from requests import PreparedRequest
from requests.exceptions import InvalidJSONError

_FORM = "application/x-www-form-urlencoded"


class Body(NamedTuple):
    """A body as it is sent."""

    data: bytes
    content_type: str | None
    """Unless the request says another; None for none."""


def encode(data: Any, value: Any, files: Any) -> Body | None:
    """The body of a request, encoded as `requests` does; None if it has none.

    Args:
        data: Text, bytes, an open file, or the fields of a form.
        value: To be sent as JSON, if there are neither data nor files.
        files: Sent as multipart/form-data, with the fields in `data`.

    Raises:
        InvalidJSONError: The value cannot be written as JSON.
        TypeError: The data are of a kind that is not supported.
    """
    if files:
        encoded, content_type = PreparedRequest._encode_files(files, data)
        return Body(encoded, content_type)
    if not data:
        return None if value is None else _json(value)
    if isinstance(data, str):
        return Body(data.encode(), None)
    if isinstance(data, bytes | bytearray | memoryview):
        return Body(bytes(data), None)
    if hasattr(data, "read"):
        content = data.read()
        return Body(content.encode() if isinstance(content, str) else bytes(content), None)
    if not isinstance(data, list | tuple | dict) and not hasattr(data, "items"):
        raise TypeError(
            f"data= is a {type(data).__name__}: pass text, bytes, an open file, or a mapping or "
            "list of pairs with the fields of a form"
        )
    form: Any = PreparedRequest._encode_params(data)
    return Body(form.encode() if isinstance(form, str) else form, _FORM)


def _json(value: Any) -> Body:
    try:
        text = json.dumps(value, allow_nan=False)
    except ValueError as error:
        raise InvalidJSONError(f"json= cannot be written: {error}") from error
    return Body(text.encode(), "application/json")
