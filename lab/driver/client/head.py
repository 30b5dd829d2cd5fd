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
