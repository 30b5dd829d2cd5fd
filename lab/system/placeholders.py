"""Placeholders in braces, in commands and environment variables: `{port}`, `{quotes.url}`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from lab.errors import UsageError

PORT = "port"
FD = "fd"
URL_OF = ".url"  # behind the name of a process or service
PORT_OF = ".port"
ADDRESS_OF = (URL_OF, PORT_OF)

POSTGRES_URL = "postgres.url"
POSTGRES_PARTS = tuple(
    f"postgres.{part}" for part in ("host", "port", "user", "password", "database")
)
POSTGRES = (POSTGRES_URL, *POSTGRES_PARTS)
ARM_FOLDER = "arm.folder"

_PART = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*")


class UnfilledPlaceholder(UsageError):
    """A placeholder has no value."""

    def __init__(self, name: str) -> None:
        super().__init__(f"lab.toml: {{{name}}} has no value. Set {name} in every arm")


@dataclass(frozen=True)
class Template:
    """A text with placeholders; a brace that is meant as itself is doubled.

    Attributes:
        written: As in the file.
        placeholders: Their names, in order, each once.
    """

    written: str
    placeholders: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Template:
        """Find the placeholders. ValueError with the brace if one stands alone."""
        names = []
        for match in _PART.finditer(text):
            if match[0] in ("{", "}"):
                raise ValueError(match[0])
            if match[1] is not None:
                names.append(match[1].strip())
        return cls(text, tuple(dict.fromkeys(names)))

    @property
    def settings(self) -> tuple[str, ...]:
        """The placeholders that are settings of an arm: those in capitals."""
        return tuple(name for name in self.placeholders if _SETTING.fullmatch(name))

    @property
    def is_set_by_the_lab(self) -> bool:
        """Whether it holds a placeholder that is no setting."""
        return len(self.settings) < len(self.placeholders)

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with a value for each placeholder. UnfilledPlaceholder if there is none."""

        def value(match: re.Match[str]) -> str:
            if match[1] is None:
                return match[0][0]
            name = match[1].strip()
            if name not in values:
                raise UnfilledPlaceholder(name)
            return values[name]

        return _PART.sub(value, self.written)


@dataclass(frozen=True)
class Command:
    """A program and its arguments, split as a shell would, but run without one.

    Attributes:
        written: As in the file.
        words: The program first.
        line: Of the file, for messages.
    """

    written: str
    words: tuple[Template, ...]
    line: int

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Those of all words, each once."""
        return tuple(dict.fromkeys(name for word in self.words for name in word.placeholders))

    @property
    def settings(self) -> tuple[str, ...]:
        """The placeholders that are settings of an arm."""
        return tuple(dict.fromkeys(name for word in self.words for name in word.settings))

    def fill(self, values: Mapping[str, str]) -> list[str]:
        """The words with a value for each placeholder. UnfilledPlaceholder if there is none."""
        return [word.fill(values) for word in self.words]


def is_setting(name: str) -> bool:
    """Whether this is the name of an arm's setting."""
    return _SETTING.fullmatch(name) is not None
