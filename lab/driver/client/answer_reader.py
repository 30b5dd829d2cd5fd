"""Reads the answers on a connection: llhttp (`httptools`) decides where each of them ends.

The head is cut off here, at its empty line, and kept as it is: fields that nobody asks for are
never taken apart. llhttp checks all of it. It reads the same bytes the same way, so that of a head
which it has read before, with the body behind it, only the length of that body is compared.
"""

from __future__ import annotations

from typing import Any

from httptools import HttpParserError, HttpResponseParser

from lab.driver.client.errors import AnswerCutOffError, BadAnswerError, NoAnswerError
from lab.driver.client.head import NO_HEAD, AnswerHead, fields, has_token

MAX_HEAD = 64 * 1024  # bytes
_MAX_INFORMATIONAL = 100  # answers of 1xx before the final one
_CHUNK_LINE = 32  # bytes of an ordinary one, at most
_END = b"\r\n\r\n"  # 4 bytes
_BEGIN = b"HTTP/1."
_MAX_KNOWN, _MAX_KNOWN_HEAD = 256, 2048  # heads, and bytes of one
_KNOWN: dict[bytes, AnswerHead] = {}  # those that llhttp has read, each with a body of one piece


class AnswerReader:
    """Reads one answer after the other; `begin` comes before each.

    Attributes:
        complete: Whether the answer has come to its end.
        reusable: Of a complete one, whether the connection can carry another.
        head: Of a complete one.
        body: Of a complete one, chunks joined; still coded as its Content-Encoding says.
    """

    __slots__ = (
        *("_chunks", "_counted", "_expected", "_expects", "_framing", "_head_alone"),
        *("_in_body", "_informational", "_is_used", "_parser", "_pending"),
        *("body", "complete", "head", "reusable"),
    )

    def __init__(self) -> None:
        self._parser: Any = HttpResponseParser(self)
        self._informational = 0
        self._expected = self.head = NO_HEAD  # that of the last answer with a known one
        self.body = b""
        self._reset()
        self.begin(False)

    def begin(self, head_alone: bool) -> None:
        """Expect an answer, which to a HEAD has no body whatever it says."""
        self._head_alone = head_alone
        self._expects = not head_alone  # the head of the answer before may come again
        self.complete = False
        if self._is_used:
            self._reset()

    def _reset(self) -> None:
        self._chunks: list[bytes] = []
        self._pending = b""
        self._in_body = self._is_used = False

    def close(self) -> None:
        """Read nothing more; what was read stays."""
        self._parser = None

    @property
    def begun(self) -> bool:
        """Whether anything of the answer has come."""
        return self._in_body or bool(self._pending)

    def feed(self, data: bytes) -> bool:
        """Take the next bytes, at least one; whether the answer is complete.

        Raises:
            BadAnswerError: They are not HTTP/1.1, or do not say where the answer ends.
        """
        expected = self._expected
        if self._expects and len(data) == expected.size and data.startswith(expected.start):
            self.head, self.reusable = expected, expected.keeps_open
            self.body = data[len(expected.start) :]
            self.complete = True
            return True
        self._expects, self._is_used = False, True
        return self._feed(data)

    def _feed(self, data: bytes) -> bool:
        if self._in_body:
            return self._feed_parser(data)
        if self._pending:
            data = self._pending + data
        end = data.find(_END)
        known = _KNOWN.get(data[: end + 4])
        if known is not None and len(data) == known.size and not self._head_alone:
            self._expected = self.head = known
            self.reusable, self.body = known.keeps_open, data[end + 4 :]
            self._in_body = self.complete = True
            return True
        if end < 0 or not b"2" <= data[9:10] <= b"9" or end > MAX_HEAD:
            data = self._final_answer(data)
            if not data:
                return False
            end = data.find(_END)
        if not data.startswith(_BEGIN):
            raise _no_http(data)
        self.head = head = AnswerHead(data[: end + 2])
        if head.is_chunked:
            _check_coding(head.lower)
            self._counted, self._framing = 0, -end - 4
        self._in_body = True
        if self._head_alone:
            return self._end_with_head(data, end + 4)
        if self._feed_parser(data) and not head.is_chunked:
            self._remember(head, len(data) - end - 4)
        return self.complete

    def _feed_parser(self, data: bytes) -> bool:
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._recover(data, error)
        if self.head.is_chunked:
            self._limit_framing(len(data))
        return self.complete

    def _remember(self, head: AnswerHead, length: int) -> None:
        """Know a head again whose answer came in one piece, with nothing behind it."""
        if length != len(self.body) or len(head.raw) > _MAX_KNOWN_HEAD:
            return
        if len(_KNOWN) >= _MAX_KNOWN:
            _KNOWN.clear()
        head.start = head.raw + b"\r\n"
        head.size, head.keeps_open = len(head.start) + length, self.reusable
        _KNOWN[head.start] = head

    def end(self) -> None:
        """The other side has closed the connection: complete an answer that ends by that.

        Raises:
            NoAnswerError: No answer has begun.
            AnswerCutOffError: It is not complete.
        """
        if not self._in_body or b"\ncontent-length:" in self.head.lower or self.head.is_chunked:
            raise self.cut_off("closed")
        self.head.status = self._parser.get_status_code()
        self.body = b"".join(self._chunks)
        self.complete, self.reusable = True, False

    def cut_off(self, how: str) -> NoAnswerError | AnswerCutOffError:
        """The error of a connection that was `closed` or `reset` at this point."""
        if not self.begun:
            return NoAnswerError(f"the connection was {how} before the answer")
        part = "body" if self._in_body else "head"
        return AnswerCutOffError(f"the connection was {how} in the middle of the answer's {part}")

    # -- called by llhttp ---------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """An answer begins; one that nobody asked for makes the connection useless."""
        if self.complete:
            self.reusable = False

    def on_body(self, chunk: bytes) -> None:
        """The next part of the body."""
        if not self.complete:
            self._chunks.append(chunk)

    def on_message_complete(self) -> None:
        """The end of the answer: only now llhttp knows whether the connection stays open."""
        if not self.complete:
            self.complete = True
            self.head.status = self._parser.get_status_code()
            self.reusable = self._parser.should_keep_alive()
            self.body = b"".join(self._chunks)

    # -- what is rare -------------------------------------------------------------------------

    def _final_answer(self, data: bytes) -> bytes:
        """The data from the head of the final answer on; empty as long as that is not complete."""
        while True:
            if not _BEGIN.startswith(data[: len(_BEGIN)]):
                raise _no_http(data)
            end = data.find(_END)
            if end > MAX_HEAD or (end < 0 and len(data) > MAX_HEAD):
                raise BadAnswerError(f"the answer's head is longer than {MAX_HEAD // 1024} KiB")
            if end < 0:
                self._pending = data
                return b""
            if data[9:10] != b"1":
                self._informational = 0
                break
            self._skip_informational(data[: end + 4])
            data = data[end + 4 :]
            if not data:
                self._pending = b""
                return b""
        if data[9:10] == b"0":
            raise BadAnswerError(f"the answer's status is {data[9:12].decode('latin-1')!r}")
        return data

    def _skip_informational(self, head: bytes) -> None:
        if head[9:12] == b"101":
            raise BadAnswerError("the answer switches to another protocol (101), unasked")
        self._informational += 1
        if self._informational > _MAX_INFORMATIONAL:
            raise BadAnswerError(f"more than {_MAX_INFORMATIONAL} answers of 1xx before the final")
        try:
            HttpResponseParser(object()).feed_data(head)
        except HttpParserError as error:
            raise BadAnswerError(f"an answer of 1xx is not valid HTTP/1.1: {error}") from None

    def _end_with_head(self, data: bytes, end: int) -> bool:
        """The answer to a HEAD: llhttp cannot be told, so that it gets the head alone."""
        try:
            self._parser.feed_data(data[:end])
        except HttpParserError as error:
            self._recover(data[:end], error)
        self.head.status = self._parser.get_status_code()
        names = "keep-alive" if self.head.raw.startswith(b"HTTP/1.0") else "close"
        has = has_token(self.head.lower, b"connection", names.encode())
        self.reusable = (has == (names == "keep-alive")) and len(data) == end
        self._parser = HttpResponseParser(self)  # the other one waits for a body
        self.body, self.complete = b"", True
        return True

    def _recover(self, data: bytes, error: HttpParserError) -> None:
        """What llhttp refuses is no answer, unless it is behind one, or gives its length twice."""
        if self.complete:
            self.reusable = False
            return
        if (single := self._with_one_length(data)) is None:
            raise BadAnswerError(f"the answer is not valid HTTP/1.1: {error}")
        self._parser = HttpResponseParser(self)
        try:
            self._parser.feed_data(single)
        except HttpParserError as again:
            self._recover(single, again)

    def _with_one_length(self, data: bytes) -> bytes | None:
        """An answer that gives the same Content-Length twice, with a single one; else None."""
        head, lines = self.head.raw, self.head.raw.split(b"\r\n")
        lengths = [line for line in lines if line.lower().startswith(b"content-length:")]
        if len({line.partition(b":")[2].strip() for line in lengths}) != 1 or len(lengths) < 2:
            return None
        if not data.startswith(head):
            return None
        others = [line for line in lines if line not in lengths]
        return b"\r\n".join((others[0], lengths[0], *others[1:])) + data[len(head) :]

    def _limit_framing(self, size: int) -> None:
        """Refuse chunk lines and trailers without end, of which nothing is kept."""
        new = self._chunks[self._counted :]
        self._counted += len(new)
        self._framing += size - sum(map(len, new))
        if self._framing > MAX_HEAD + _CHUNK_LINE * self._counted:
            raise BadAnswerError(
                f"the answer's chunk lines or trailers are longer than {MAX_HEAD // 1024} KiB"
            )


def _check_coding(lower: bytes) -> None:
    """Refuse any transfer coding but `chunked`: what it hides differs from reader to reader."""
    codings = [value for name, value in fields(lower) if name.strip() == "transfer-encoding"]
    if codings != ["chunked"]:
        raise BadAnswerError(
            f"the answer's Transfer-Encoding is {', '.join(codings)!r}; `chunked` alone is known"
        )


def _no_http(data: bytes) -> BadAnswerError:
    line = data[:40].partition(b"\r\n")[0].decode("latin-1")
    return BadAnswerError(f"the answer begins with {line!r}, which is not HTTP/1.1 or HTTP/1.0")
