"""What the Python servers answer: one function, as an ASGI and as a WSGI application."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

Headers = list[tuple[str, str]]
Answer = tuple[int, Headers, list[bytes]]
_TEXT = ("Content-Type", "text/plain; charset=utf-8")
_SHOWN = ("x-one", "x-two", "content-type")


def numbered(size: int) -> bytes:
    """A body of that size."""
    return (b"0123456789abcdef\n" * (size // 17 + 1))[:size]


def respond(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Answer:
    """Status, headers and the pieces of the body; headers of the request in small letters."""
    match path.strip("/").split("/"):
        case ["status", status]:
            return _whole(int(status), [_TEXT], f"status {status}".encode())
        case ["bytes", size]:
            return _whole(200, [_TEXT], numbered(int(size)))
        case ["gzip", size] if "gzip" in headers.get("accept-encoding", ""):
            coded = gzip.compress(numbered(int(size)), mtime=0)
            return _whole(200, [_TEXT, ("Content-Encoding", "gzip")], coded)
        case ["deflate", size] if "deflate" in headers.get("accept-encoding", ""):
            coded = zlib.compress(numbered(int(size)))
            return _whole(200, [_TEXT, ("Content-Encoding", "deflate")], coded)
        case ["gzip" | "deflate", size]:
            return _whole(200, [_TEXT], numbered(int(size)))
        case ["chunked", size]:
            whole = numbered(int(size))
            return 200, [_TEXT], [whole[at : at + 9999] for at in range(0, len(whole), 9999)]
        case ["redirect", status, hops]:
            left = int(hops) - 1
            location = f"/redirect/{status}/{left}" if left else "/echo/end?of=redirects"
            return _whole(int(status), [("Location", location), _TEXT], b"moved")
        case ["cookies", name, value]:
            headers_out = [("Set-Cookie", f"{name}={value}; Path=/"), ("Set-Cookie", "z=1; Path=/")]
            return _whole(200, [_TEXT, *headers_out], b"set")
        case ["empty", status]:
            return int(status), [("X-Empty", "yes")], []
        case ["latin"]:
            latin = ("Content-Type", "text/plain; charset=iso-8859-1")
            return _whole(200, [latin], "déjà".encode("latin-1"))
    return _whole(
        200, [("Content-Type", "application/json")], _echo(method, path, query, headers, body)
    )


def _whole(status: int, headers: Headers, body: bytes) -> Answer:
    return status, [*headers, ("Content-Length", str(len(body)))], [body]


def _echo(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """The request; without what two clients may spell in two ways."""
    is_json = headers.get("content-type") == "application/json"
    shown = {
        "method": method,
        "path": path,
        "query": parse_qsl(query, keep_blank_values=True),
        "headers": {name: headers.get(name) for name in _SHOWN},
        "cookies": sorted(filter(None, headers.get("cookie", "").split("; "))),
        "body": json.loads(body) if is_json and body else body.hex(),
    }
    return json.dumps(shown).encode()


async def asgi(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    send: Callable[[Mapping[str, Any]], Awaitable[None]],
) -> None:
    """For uvicorn."""
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        received = await receive()
        body += received.get("body", b"")
        more = received.get("more_body", False)
    headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
    query = scope["query_string"].decode()
    status, out, pieces = respond(scope["method"], scope["path"], query, headers, body)
    raw = [(name.encode(), value.encode("latin-1")) for name, value in out]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    if scope["method"] != "HEAD":
        for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def wsgi(environ: MutableMapping[str, Any], start_response: Callable[..., Any]) -> Iterator[bytes]:
    """For gunicorn."""
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith(("HTTP_", "CONTENT_TYPE"))
    }
    body = environ["wsgi.input"].read()
    path = environ["PATH_INFO"].encode("latin-1").decode()
    method = environ["REQUEST_METHOD"]
    status, out, pieces = respond(method, path, environ["QUERY_STRING"], headers, body)
    start_response(f"{status} Status", out)
    return iter([] if method == "HEAD" else pieces)
