"""Bodies of answers: compressed ones, their text and their JSON."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import brotli  # type: ignore[import-untyped]
from requests.exceptions import ContentDecodingError, JSONDecodeError

from lab.driver.client import content_coding
from lab.driver.client.content_coding import decode
from lab.driver.client.head import AnswerHead
from lab.driver.client.request_builder import RequestBuilder
from lab.driver.client.request_options import Options
from lab.driver.client.response import LeanResponse
from tests.lab.driver.lean_client.scripted_server import asking, ok

TEXT = b"to be or not to be " * 100


def answer_of(content: bytes, content_type: str = "") -> LeanResponse:
    sent = RequestBuilder("http://h", None, True, None).build("GET", "/", Options())
    line = f"Content-Type: {content_type}\r\n".encode() if content_type else b""
    return LeanResponse(sent, AnswerHead(b"HTTP/1.1 200 Very OK\r\n" + line), content)


def refuses(text: str, body: bytes, coding: str) -> None:
    try:
        decode(body, [coding], "gzip, deflate, br")
    except ContentDecodingError as error:
        assert text in str(error), error
    else:
        raise AssertionError("not refused")


def check_what_was_asked_for_is_decoded() -> None:
    raw = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    for coding, body in {
        "gzip": gzip.compress(TEXT),
        "x-gzip": gzip.compress(TEXT[:50]) + gzip.compress(TEXT[50:]),
        "deflate": zlib.compress(TEXT),
        "br": brotli.compress(TEXT),
    }.items():
        assert decode(body, [coding], "gzip, deflate, br") == TEXT
        assert decode(body, [coding], "identity") == body
        assert decode(body, [coding], f"{coding.removeprefix('x-')};q=0") == body
    assert decode(raw.compress(TEXT) + raw.flush(), ["deflate"], "deflate") == TEXT
    assert decode(zlib.compress(gzip.compress(TEXT)), ["gzip", "deflate"], "*") == TEXT
    assert decode(b"as it is", ["zstd"], "zstd") == b"as it is"
    assert decode(b"", ["gzip"], "gzip") == b""


def check_what_is_damaged_or_cut_off_is_an_error() -> None:
    for coding, body in {
        "gzip": gzip.compress(TEXT),
        "deflate": zlib.compress(TEXT),
        "br": brotli.compress(TEXT),
    }.items():
        refuses("cannot be decoded", body[:-5], coding)
        refuses("cannot be decoded", b"no " + body, coding)


def check_a_bomb_is_an_error() -> None:
    limit = content_coding.MAX_SIZE
    content_coding.MAX_SIZE = 10_000
    try:
        for coding, compress in (
            ("gzip", gzip.compress),
            ("deflate", zlib.compress),
            ("br", brotli.compress),
        ):
            refuses("is larger than", compress(bytes(1_000_000)), coding)
            assert decode(compress(bytes(9_000)), [coding], "*") == bytes(9_000)
    finally:
        content_coding.MAX_SIZE = limit


def check_a_damaged_body_is_a_failure_without_an_answer() -> None:
    with asking(ok(b"damaged", "Content-Encoding: gzip")) as (_, session, events):
        answer = session.get("/")
        assert answer.status_code == 0
        assert isinstance(events.last["exception"], ContentDecodingError)


def check_a_compressed_answer_is_read_and_counted_decoded() -> None:
    with asking(ok(gzip.compress(TEXT), "Content-Encoding: gzip")) as (server, session, events):
        assert session.get("/").content == TEXT
        assert events.last["response_length"] == len(TEXT)
        assert b"Accept-Encoding: gzip, deflate\r\n" in server.requests[0]
        plain = session.get("/", headers={"Accept-Encoding": "identity"})
        assert plain.content == gzip.compress(TEXT) or plain.content[:2] == b"\x1f\x8b"


def check_the_encoding_of_a_text() -> None:
    for content, content_type, text in (
        ("ä".encode(), "text/plain; charset=utf-8", "ä"),
        ("ä".encode("latin-1"), "text/plain", "ä"),
        ("ä".encode(), "application/json", "ä"),
        ("ä".encode(), "", "ä"),
        ("ä".encode("utf-16"), "text/plain; charset=utf-16", "ä"),
        (b"\xff", "text/plain; charset=utf-8", "\ufffd"),
        ("ä".encode(), "text/plain; charset=no-such", "ä"),
        (b"", "text/plain", ""),
    ):
        assert answer_of(content, content_type).text == text, content_type
    answer = answer_of("ä".encode("cp1252"), "text/plain; charset=utf-8")
    answer.encoding = "cp1252"
    assert answer.text == "ä"


def check_json() -> None:
    value: Any = {"a": ["ä", 1, None]}
    for content, content_type in (
        ('{"a": ["ä", 1, null]}'.encode(), "application/json"),
        ('{"a": ["ä", 1, null]}'.encode(), ""),
        ('{"a": ["ä", 1, null]}'.encode("utf-16"), "application/octet-stream"),
        ('{"a": ["ä", 1, null]}'.encode("latin-1"), "application/json; charset=latin-1"),
    ):
        assert answer_of(content, content_type).json() == value
    for broken in (b"", b"{", b"\xff{}"):
        try:
            answer_of(broken, "application/json").json()
        except JSONDecodeError as error:
            assert isinstance(error, ValueError)
        else:
            raise AssertionError(broken)


def check_header_fields_that_come_twice() -> None:
    sent = RequestBuilder("http://h", None, True, None).build("GET", "/", Options())
    head = b"HTTP/1.1 200 Very OK\r\nX: a\r\nx:  b \r\nY:\r\n"
    answer = LeanResponse(sent, AnswerHead(head), b"")
    assert answer.headers["x"] == "a, b"
    assert answer.headers.get_all("X") == ["a", "b"]
    assert answer.headers["y"] == ""
    assert "z" not in answer.headers
    assert answer.reason == "Very OK"
