"""Answers in memory: where they end, and what is refused."""

from __future__ import annotations

import re

from requests.exceptions import RequestException

from lab.driver.client import AnswerCutOffError, BadAnswerError, NoAnswerError, answer_reader
from lab.driver.client.answer_reader import MAX_HEAD, AnswerReader

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"


def read(
    data: bytes, *, head_alone: bool = False, each: int = 0, ends: bool = False
) -> AnswerReader:
    """The reader after these bytes, all at once or `each` at a time."""
    reader = AnswerReader()
    reader.begin(head_alone)
    step = each or len(data)
    done = False
    for begin in range(0, len(data), step):
        done = reader.feed(data[begin : begin + step])
    if ends:
        reader.end()
        done = True
    assert done == reader.complete
    return reader


def refuses(text: str, data: bytes, *, ends: bool = False) -> None:
    """In one piece and byte by byte."""
    for each in (0, 1):
        try:
            read(data, each=each, ends=ends)
        except RequestException as error:
            assert re.search(text, str(error)), error
        else:
            raise AssertionError(f"not refused: {data!r}")


def check_an_answer_is_the_same_in_one_piece_and_byte_by_byte() -> None:
    for data, body in {
        OK + b"Content-Length: 5\r\n\r\nhello": b"hello",
        OK + CHUNKED + b"3;a=b\r\nhel\r\n2\r\nlo\r\n0\r\nX: y\r\n\r\n": b"hello",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n": b"",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n": b"",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: a\r\n\r\n"
        + OK
        + b"Content-Length: 1\r\n\r\nx": b"x",
    }.items():
        for each in (0, 1, 2, 7):
            reader = read(data, each=each)
            assert reader.complete and reader.reusable, data
            assert reader.body == body
            assert reader.head.status in (200, 204, 304)


def check_a_known_head_is_read_like_a_new_one() -> None:
    head = OK + b"Content-Length: 2\r\nX-Known: yes\r\n\r\n"
    close = OK + b"Connection: close\r\nX-Known: yes\r\nContent-Length: 1\r\n\r\n"
    for _ in range(3):
        for each in (0, 1, 7, len(head)):
            found = read(head + b"ok", each=each)
            assert (found.body, found.head.status, found.reusable) == (b"ok", 200, True)
        assert read(head + b"no").body == b"no"
        assert not read(head + b"okHTTP/1.1").reusable
        assert not read(head + b"ok" + head + b"ok").reusable
        assert read(head, head_alone=True).body == b""
        assert not read(head + b"ok", head_alone=True).reusable
        assert not read(close + b"x").reusable
        try:
            read(head + b"o", ends=True)
        except AnswerCutOffError:
            pass
        else:
            raise AssertionError
    reader = read(head + b"ok")
    for body in (b"ab", b"cd"):  # one after the other on a connection, whichever way they are read
        for step in (1, 100):
            reader.begin(False)
            data = head + body
            pieces = [data[at : at + step] for at in range(0, len(data), step)]
            assert [reader.feed(piece) for piece in pieces][-1]
            assert reader.body == body and reader.reusable


def check_no_more_than_some_heads_are_known() -> None:
    for number in range(1000):
        read(OK + b"X: %d\r\nContent-Length: 0\r\n\r\n" % number)
    assert len(answer_reader._KNOWN) <= 256
    long = OK + b"X: " + b"a" * 5000 + b"\r\nContent-Length: 0\r\n\r\n"
    assert read(long).complete and long[:-2] not in answer_reader._KNOWN


def check_a_body_to_the_end_of_the_connection() -> None:
    reader = read(OK + b"\r\nabc", ends=True)
    assert reader.body == b"abc"
    assert reader.head.status == 200
    assert not reader.reusable


def check_an_empty_line_ends_the_head() -> None:
    reader = read(OK + b"Content-Length: 21\r\n\r\nSet-Cookie: a=b\r\n\r\nxx")
    assert reader.body == b"Set-Cookie: a=b\r\n\r\nxx"
    assert b"set-cookie" not in reader.head.lower


def check_an_answer_to_head_has_no_body() -> None:
    for lines in (b"Content-Length: 900\r\n", b"", b"Transfer-Encoding: chunked\r\n"):
        reader = read(OK + lines + b"\r\n", head_alone=True)
        assert reader.complete and reader.reusable and reader.body == b""
        reader.begin(False)  # the next one on the same connection
        assert reader.feed(OK + b"Content-Length: 2\r\n\r\nok")
        assert reader.body == b"ok"


def check_a_head_answer_that_closes_is_not_reusable() -> None:
    assert not read(OK + b"Connection: close\r\n\r\n", head_alone=True).reusable
    assert not read(b"HTTP/1.0 200 OK\r\n\r\n", head_alone=True).reusable
    assert not read(OK + b"\r\nsurplus", head_alone=True).reusable


def check_connection_close_and_http_1_0_are_honoured() -> None:
    length = b"Content-Length: 0\r\n\r\n"
    assert not read(OK + b"Connection: close\r\n" + length).reusable
    assert not read(b"HTTP/1.0 200 OK\r\n" + length).reusable
    assert read(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n" + length).reusable


def check_what_follows_an_answer_makes_the_connection_useless() -> None:
    whole = OK + b"Content-Length: 2\r\n\r\nok"
    for stray in (
        b"x",
        b"HTTP/1.1 200 OK\r\n",
        whole,
        b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n",
    ):
        reader = read(whole + stray)
        assert reader.complete and reader.body == b"ok" and reader.head.status == 200
        assert not reader.reusable, stray
    no_body = b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok"
    assert not read(no_body).reusable


def check_what_is_no_http_1_is_refused() -> None:
    refuses("begins with 'HTTP/2.*', which is not HTTP/1.1", b"HTTP/2.0 200 OK\r\n\r\n")
    refuses("begins with", b"<html>hello</html>")
    refuses("begins with", b"\r\n\r\nHTTP/1.1 200 OK\r\n\r\n")
    refuses("status is '099'", b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n")
    refuses("switches to another protocol", b"HTTP/1.1 101 Switch\r\nUpgrade: x\r\n\r\n")
    refuses("not valid HTTP/1.1", b"HTTP/1.1 2x0 OK\r\n\r\n")


def check_smuggling_forms_are_refused() -> None:
    chunks = b"2\r\nok\r\n0\r\n\r\n"
    both = b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n"
    refuses("not valid HTTP/1.1", OK + both + chunks)
    refuses("not valid HTTP/1.1", OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok")
    refuses("not valid HTTP/1.1", OK + b"Content-Length: -2\r\n\r\nok")
    refuses("not valid HTTP/1.1", OK + b"Content-Length : 2\r\n\r\nok")
    refuses("not valid HTTP/1.1", OK + b"X: a\r\n folded\r\nContent-Length: 2\r\n\r\nok")
    for coding in (b"chunked, identity", b"gzip, chunked", b"identity", b"xchunked"):
        head = OK + b"Transfer-Encoding: " + coding + b"\r\n\r\n"
        refuses("Transfer-Encoding is", head + chunks)
    for size in (b"zz", b"-1", b"fffffffffffffffff", b"0x2", b""):
        refuses("not valid HTTP/1.1", OK + CHUNKED + size + b"\r\nok\r\n0\r\n\r\n")


def check_a_head_has_a_largest_size() -> None:
    padding = b"X: " + b"a" * (MAX_HEAD + 10) + b"\r\n"
    for data in (OK + padding, OK + padding + b"Content-Length: 0\r\n\r\n"):
        try:
            read(data, each=4096)
        except BadAnswerError as error:
            assert "longer than 64 KiB" in str(error)
        else:
            raise AssertionError
    fits = b"X: " + b"a" * (MAX_HEAD - 100) + b"\r\n"
    assert read(OK + fits + b"Content-Length: 0\r\n\r\n", each=4096).complete


def check_trailers_and_chunk_lines_have_a_largest_size() -> None:
    for data in (
        b"2\r\nok\r\n0\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
        b"2;" + b"x" * 90_000 + b"\r\nok\r\n0\r\n\r\n",
    ):
        try:
            read(OK + CHUNKED + data, each=4096)
        except BadAnswerError as error:
            assert "chunk lines or trailers are longer than 64 KiB" in str(error)
        else:
            raise AssertionError
    many = b"1\r\nx\r\n" * 50_000 + b"0\r\n\r\n"
    assert read(OK + CHUNKED + many, each=4096).body == b"x" * 50_000


def check_the_same_length_twice_is_one() -> None:
    head = OK + b"Content-Length: 2\r\nX: y\r\ncontent-length:2\r\n\r\n"
    for each in (0, 1):
        reader = read(head + b"ok", each=each)
        assert reader.body == b"ok" and reader.reusable
    assert read(head, head_alone=True).reusable


def check_endless_informational_answers_are_refused() -> None:
    refuses("more than 100 answers of 1xx", b"HTTP/1.1 102 Processing\r\n\r\n" * 101)


def check_where_an_answer_was_cut_off_is_told() -> None:
    for data, kind, text in (
        (b"", NoAnswerError, "closed before the answer"),
        (b"HTTP/1.1 200", AnswerCutOffError, "in the middle of the answer's head"),
        (OK + b"Content-Length: 9\r\n\r\nok", AnswerCutOffError, "of the answer's body"),
        (OK + CHUNKED + b"2\r\nok\r\n", AnswerCutOffError, "body"),
    ):
        reader = AnswerReader()
        reader.begin(False)
        if data:
            assert not reader.feed(data)
        try:
            reader.end()
        except kind as error:
            assert text in str(error)
        else:
            raise AssertionError(data)
