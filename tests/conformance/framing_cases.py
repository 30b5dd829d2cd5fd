"""Answers that are right, however they are cut into segments and whatever frames them."""

from __future__ import annotations

from tests.conformance.case import Answer, Ask, Case, ask_all
from tests.conformance.steps import (
    Close,
    Echo,
    HalfClose,
    Read,
    ReadHead,
    Send,
    SendInPieces,
    Wait,
    answer,
    chunked,
    message,
)

OK = Answer()
LONG = bytes(range(256)) * 4096  # 1 MiB
HEAD = Ask(Answer(content=b""), method="HEAD")
TWO_CHUNKS = chunked(b"1", b"o", b"1", b"k", b"0", b"")
INTERIM = message("HTTP/1.1 100 Continue")
PROCESSING = message("HTTP/1.1 102 Processing")
HINTS = message("HTTP/1.1 103 Early Hints", "Link: </style.css>; rel=preload")
TRAILERS = chunked(b"2", b"ok", b"0", b"X-Digest: 1", b"")
EXTENSIONS = chunked(b'2;name=value;other="a b"', b"ok", b"0;last", b"")


def _kept(name: str, first: bytes, content: bytes = b"ok", status: int = 200) -> Case:
    """An answer after which the connection is used again."""
    script = (Read(), Send(first), Read(), Send(answer()))
    return Case(name, (script,), ask_all(Answer(status, content), OK))


CASES = (
    Case("byte by byte", ((Read(), SendInPieces(answer())),)),
    Case("chunked, byte by byte", ((Read(), SendInPieces(TWO_CHUNKS)),)),
    Case(
        "head and body in two segments",
        ((Read(), Send(answer()[:-2]), Wait(0.05), Send(b"ok")),),
    ),
    Case(
        "cut between carriage return and line feed",
        ((Read(), Send(b"HTTP/1.1 200 OK\r"), Wait(0.03), Send(answer()[16:])),),
    ),
    _kept("chunks in one segment", TWO_CHUNKS),
    _kept("chunk extensions", EXTENSIONS),
    _kept("trailers are no body", TRAILERS),
    _kept(
        "chunk sizes in capital letters with zeros",
        chunked(b"000A", b"0123456789", b"0", b""),
        b"0123456789",
    ),
    _kept("an empty chunked body", chunked(b"0", b""), b""),
    _kept("an empty body of a length", answer(b""), b""),
    _kept(
        "an empty line in the body",
        answer(b"a\r\n\r\nHTTP/1.1 500 No\r\n\r\n"),
        b"a\r\n\r\nHTTP/1.1 500 No\r\n\r\n",
    ),
    _kept("a body of every byte", answer(LONG), LONG),
    _kept("100 before the answer", INTERIM + answer()),
    _kept("102 before the answer", PROCESSING + answer()),
    _kept("103 before the answer", HINTS + answer()),
    _kept("several interim answers", INTERIM + PROCESSING + HINTS + answer()),
    Case(
        "103, and the answer later",
        ((Read(), Send(HINTS), Wait(0.1), Send(answer()), Read(), Send(answer())),),
        ask_all(OK, OK),
    ),
    _kept("204 without a length", message("HTTP/1.1 204 No Content"), b"", 204),
    _kept(
        "204 with a length has no body",
        message("HTTP/1.1 204 No Content", "Content-Length: 7"),
        b"",
        204,
    ),
    _kept("304 without a length", message("HTTP/1.1 304 Not Modified"), b"", 304),
    _kept(
        "304 with a length has no body",
        message("HTTP/1.1 304 Not Modified", "Content-Length: 700"),
        b"",
        304,
    ),
    _kept(
        "304 that names chunks has no body",
        message("HTTP/1.1 304 Not Modified", "Transfer-Encoding: chunked"),
        b"",
        304,
    ),
    Case(
        "HEAD with a length has no body",
        (
            (
                Read(),
                Send(message("HTTP/1.1 200 OK", "Content-Length: 700")),
                Read(),
                Send(answer()),
            ),
        ),
        (HEAD, Ask()),
    ),
    Case(
        "HEAD without a length has no body",
        ((Read(), Send(message("HTTP/1.1 200 OK")), Read(), Send(answer())),),
        (HEAD, Ask()),
    ),
    Case(
        "HEAD that names chunks has no body",
        (
            (
                Read(),
                Send(message("HTTP/1.1 200 OK", "Transfer-Encoding: chunked")),
                Read(),
                Send(answer()),
            ),
        ),
        (HEAD, Ask()),
    ),
    Case(
        "a body up to the close",
        (
            (Read(), Send(message("HTTP/1.1 200 OK") + b"o"), Wait(0.03), Send(b"k"), Close()),
            (Read(), Send(answer())),
        ),
        ask_all(OK, OK),
    ),
    Case(
        "a body up to the end of a half-closed connection",
        ((Read(), Send(message("HTTP/1.1 200 OK") + b"ok"), HalfClose()), (Read(), Send(answer()))),
        ask_all(OK, OK),
    ),
    Case(
        "Connection: close is honoured",
        ((Read(), Send(answer(b"ok", "Connection: close"))), (Read(), Send(answer()))),
        ask_all(OK, OK),
    ),
    Case(
        "Connection: close in a list",
        ((Read(), Send(answer(b"ok", "Connection: Foo, Close"))), (Read(), Send(answer()))),
        ask_all(OK, OK),
    ),
    Case(
        "HTTP/1.0 is not kept",
        ((Read(), Send(answer().replace(b"1.1", b"1.0"))), (Read(), Send(answer()))),
        ask_all(OK, OK),
    ),
    Case(
        "HTTP/1.0 is kept if it says so",
        (
            (
                Read(),
                Send(answer(b"ok", "Connection: keep-alive").replace(b"1.1", b"1.0")),
                Read(),
                Send(answer()),
            ),
        ),
        ask_all(OK, OK),
    ),
    Case(
        "a status line without a reason",
        ((Read(), Send(answer(status="200 "))),),
        (Ask(Answer(reason="")),),
    ),
    Case(
        "a status line that ends with the number",
        ((Read(), Send(answer(status="200"))),),
        (Ask(Answer(reason="")),),
    ),
    Case(
        "headers of one name, and spaces around values",
        ((Read(), Send(answer(b"ok", "X-One:  a \t", "x-one:b", "Empty:"))),),
        (Ask(Answer(headers={"X-ONE": "a, b", "empty": ""})),),
    ),
    Case(
        "headers at 60 KiB",
        ((Read(), Send(answer(b"ok", *(f"X-{number}: {'v' * 1000}" for number in range(58))))),),
        (Ask(Answer(headers={"x-57": "v" * 1000})),),
    ),
    Case(
        "two equal lengths are one",
        ((Read(), Send(answer(b"ok", "Content-Length: 2"))),),
    ),
    Case(
        "a large upload to a server that reads late",
        ((Wait(0.2), Echo()),),
        (Ask(Answer(content=LONG * 4), method="POST", options={"data": LONG * 4}),),
    ),
    Case(
        "an answer before the upload is read",
        ((ReadHead(), Send(answer(b"no", "Connection: close", status="413 Too Large"))),),
        (Ask(Answer(413, b"no"), method="POST", options={"data": LONG * 4}),),
    ),
)
