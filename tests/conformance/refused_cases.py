"""Answers that no client should take: each fails by name, and the next request is not harmed."""

from __future__ import annotations

from tests.conformance.case import Answer, Ask, Case, Failure, ask_all
from tests.conformance.steps import Close, Read, Send, SendInPieces, answer, chunked, message

OK = Answer()
_NEXT = (Read(), Send(answer()))
EVIL = answer(b"evil", status="200 Evil")


def _refused(name: str, data: bytes, error: str, *, closes: bool = False) -> Case:
    """An answer that is refused; the next request has a new connection."""
    script = (Read(), Send(data), Close()) if closes else (Read(), Send(data))
    right = Failure(f"^(BadAnswer|AnswerCutOff)Error: .*({error})")
    return Case(name, (script, _NEXT), ask_all(right, OK, pause_s=0.02))


def _headers(*lines: str, body: bytes = b"ok") -> bytes:
    return message("HTTP/1.1 200 OK", *lines, body=body)


CASES = (
    # what begins an answer
    _refused("HTTP/0.9: no status line", b"hello there\r\n", "status line|http", closes=True),
    _refused("something other than HTTP", b"SSH-2.0-OpenSSH_9.2\r\n", "status line|http"),
    _refused("HTTP/2.0 in the status line", answer().replace(b"1.1", b"2.0"), "2.0|version"),
    _refused("HTTP/1.2 in the status line", answer().replace(b"1.1", b"1.2"), "1.2|version"),
    _refused("HTTP/3 in the status line", answer().replace(b"1.1", b"3"), "http"),
    _refused("status 99", answer(status="99 Low"), "status"),
    _refused("status 099", answer(status="099 Low"), "status"),
    _refused("status 1000", answer(status="1000 High"), "status"),
    _refused("a status that is no number", answer(status="2x0 OK"), "status"),
    _refused("a negative status", answer(status="-200 OK"), "status"),
    _refused(
        "101 is refused by name",
        message("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"),
        "101|switch|upgrade",
    ),
    # lengths
    _refused("a length that is no number", _headers("Content-Length: two"), "length"),
    _refused("a negative length", _headers("Content-Length: -2"), "length"),
    _refused("a length with a sign", _headers("Content-Length: +2"), "length"),
    _refused("a length in hexadecimal", _headers("Content-Length: 0x2"), "length"),
    _refused("an empty length", _headers("Content-Length:"), "length"),
    _refused("a list of lengths", _headers("Content-Length: 2, 3"), "length"),
    _refused("two differing lengths", _headers("Content-Length: 2", "Content-Length: 3"), "length"),
    _refused("a length beyond 64 bits", _headers("Content-Length: 18446744073709551618"), "length"),
    _refused(
        "a length shorter than what comes before the close",
        _headers("Content-Length: 20"),
        "clos|incomplete|ended|short",
        closes=True,
    ),
    # smuggling
    _refused(
        "length and chunks",
        _headers("Content-Length: 2", "Transfer-Encoding: chunked", body=b"2\r\nok\r\n0\r\n\r\n"),
        "transfer-encoding|length",
    ),
    _refused(
        "chunks and length",
        _headers("Transfer-Encoding: chunked", "Content-Length: 2", body=b"2\r\nok\r\n0\r\n\r\n"),
        "transfer-encoding|length",
    ),
    _refused(
        "chunks that are not last",
        _headers("Transfer-Encoding: chunked, identity", body=b"2\r\nok\r\n0\r\n\r\n"),
        "transfer-encoding",
        closes=True,
    ),
    _refused(
        "chunks within a coding that is not known",
        _headers("Transfer-Encoding: xchunked", body=b"2\r\nok\r\n0\r\n\r\n"),
        "transfer-encoding",
        closes=True,
    ),
    _refused(
        "chunks named twice",
        _headers("Transfer-Encoding: chunked, chunked", body=b"2\r\nok\r\n0\r\n\r\n"),
        "transfer-encoding",
        closes=True,
    ),
    _refused("a folded header", _headers("X-One: a", " b", "Content-Length: 2"), "header|fold"),
    _refused("a space before the colon", _headers("Content-Length : 2"), "header|token|colon"),
    _refused("a header without a colon", _headers("Nonsense", "Content-Length: 2"), "header|token"),
    _refused("a header without a name", _headers(": value", "Content-Length: 2"), "header|token"),
    _refused("NUL in a header", _headers("X-One: a\0b", "Content-Length: 2"), "header|character"),
    _refused(
        "a carriage return in a header",
        _headers("X-One: a\rX: b", "Content-Length: 2"),
        "header|lf|cr|line",
    ),
    # chunks
    _refused("a chunk size that is no number", chunked(b"zz", b"ok", b"0", b""), "chunk"),
    _refused("a negative chunk size", chunked(b"-2", b"ok", b"0", b""), "chunk"),
    _refused("a chunk size with a prefix", chunked(b"0x2", b"ok", b"0", b""), "chunk"),
    _refused("an empty chunk size", chunked(b"", b"ok", b"0", b""), "chunk"),
    _refused("a chunk size beyond 64 bits", chunked(b"1" + b"0" * 16, b"ok", b"0", b""), "chunk"),
    _refused("a chunk longer than its size", chunked(b"2", b"okk", b"0", b""), "chunk|expected"),
    _refused(
        "a chunk shorter than its size",
        chunked(b"4", b"ok", b"0", b""),
        "chunk|expected|clos",
        closes=True,
    ),
    # sizes
    _refused(
        "headers beyond 64 KiB",
        _headers(*(f"X-{n}: {'v' * 1000}" for n in range(80)), "Content-Length: 2"),
        "head",
    ),
    _refused(
        "one header beyond 64 KiB", _headers(f"X: {'v' * 70_000}", "Content-Length: 2"), "head"
    ),
    _refused(
        "interim answers without end",
        message("HTTP/1.1 100 Continue") * 20_000,
        "interim|header|1xx|100",
    ),
    Case(
        "trailers beyond 64 KiB",
        ((Read(), Send(chunked(b"2", b"ok", b"0", b"X: " + b"v" * 70_000, b""))), _NEXT),
        ask_all(Failure("head|trailer"), OK, pause_s=0.02),
    ),
    Case(
        "headers without end",
        (
            (Read(), SendInPieces(message("HTTP/1.1 200 OK")[:-2] + b"X: y\r\n" * 50_000, 30_000)),
            _NEXT,
        ),
        ask_all(Failure("head"), OK, pause_s=0.02),
    ),
    # what comes after an answer answers nothing
    Case(
        "a body longer than its length",
        ((Read(), Send(answer() + b"kk")), _NEXT),
        ask_all(OK, OK, pause_s=0.05),
    ),
    Case(
        "a second answer in the same segment",
        ((Read(), Send(answer() + EVIL)), _NEXT),
        ask_all(OK, OK),
    ),
    Case(
        "a second answer a little later",
        ((Read(), Send(answer()), Send(EVIL)), _NEXT),
        ask_all(OK, OK, pause_s=0.05),
    ),
    Case(
        "a second answer after chunks",
        ((Read(), Send(chunked(b"2", b"ok", b"0", b"") + EVIL)), _NEXT),
        ask_all(OK, OK),
    ),
    Case(
        "a body after 204",
        ((Read(), Send(message("HTTP/1.1 204 No Content") + EVIL)), _NEXT),
        ask_all(Answer(204, b""), OK),
    ),
    Case(
        "a body after HEAD",
        ((Read(), Send(EVIL)), _NEXT),
        (Ask(Answer(content=b""), method="HEAD"), Ask(pause_s=0.05)),
    ),
    Case(
        "408 to an idle connection",
        ((Read(), Send(answer()), Send(answer(b"", status="408 Request Timeout")), Close()), _NEXT),
        ask_all(OK, OK, pause_s=0.05),
    ),
)
