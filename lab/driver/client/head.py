"""The head of a message: its fields, taken apart when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterator

from requests.structures import CaseInsensitiveDict


class Headers(CaseInsensitiveDict[str]):
    """Fields by name, whatever its case. Those that come several times are joined by commas.

    Unlike that of a joined value, the order and number of single ones is kept for `get_all`.
    """

    def __init__(self, head: bytes = b"") -> None:
        """Take apart a head: a first line, and a line for each field."""
        super().__init__()
        self._all = list(fields(head))
        for name, value in self._all:
            self[name] = f"{self[name]}, {value}" if name in self else value

    def get_all(self, name: str) -> list[str]:
        """The values of all fields of this name, in order, as they came."""
        return [value for each, value in self._all if each.lower() == name.lower()]


class AnswerHead:
    """Status line and fields of an answer. Answers may share one if theirs are the same bytes.

    Attributes:
        raw: Status line and fields, with their line ends; empty without an answer.
        lower: The same in lower case.
        status: 0 as long as it is not known.
        is_chunked: Whether it has a Transfer-Encoding.
        is_plain: Whether it neither sets cookies nor says that the body is coded.
        start: Of one that was read with a body of one piece: all up to that body; else empty.
        size: Of such an answer, bytes of all of it; else 0.
        keeps_open: Of such an answer, whether the connection can carry another.
    """

    __slots__ = (
        *("is_chunked", "is_plain", "keeps_open", "lower", "raw", "size", "start", "status"),
    )

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.lower = lower = raw.lower()
        self.status = 0
        self.is_chunked = b"\ntransfer-encoding:" in lower
        self.is_plain = not (b"\nset-cookie:" in lower or b"\ncontent-encoding:" in lower)
        self.start, self.size = b"", 0
        self.keeps_open = False


NO_HEAD = AnswerHead(b"")
"""Of a request without an answer."""


def fields(head: bytes) -> Iterator[tuple[str, str]]:
    """Names and values of a head's fields, in order; the first line is none."""
    for line in head.split(b"\r\n")[1:]:
        name, colon, value = line.partition(b":")
        if colon:
            yield name.decode("latin-1"), value.strip(b" \t").decode("latin-1")


def has_token(lower: bytes, name: bytes, token: bytes) -> bool:
    """Whether a field of a head in lower case has a token in its list."""
    return any(
        token.decode() in [each.strip() for each in value.split(",")]
        for key, value in fields(lower)
        if key == name.decode()
    )
