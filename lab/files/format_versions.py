"""Versions of the files of a run: which are read, which are refused, how an old one is upgraded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from lab.errors import UsageError

Data = Mapping[str, Any]


class UnknownVersion(UsageError):
    """A file has a version that this lab does not read."""


@dataclass(frozen=True)
class Schema:
    """The format of one type of file.

    Attributes:
        name: What `schema` names before the slash.
        version: The version that is written; it and all before it are read. The first is 1.
        upgrade: Takes the data of an older version and that version; returns the current form.
    """

    name: str
    version: int
    upgrade: Callable[[Data, int], Data]

    def __str__(self) -> str:
        """The value of the key `schema`."""
        return f"{self.name}/{self.version}"

    def read(self, data: Data, place: str) -> Data:
        """The data in its current form; data without a `schema` are of the first version.

        Args:
            data: As read from disk.
            place: The file, for the message of an error.

        Raises:
            UnknownVersion: It is of another type, or of a version that is not known.
        """
        known = [f"{self.name}/{version}" for version in range(1, self.version + 1)]
        found = data.get("schema", known[0])
        if found not in known:
            raise UnknownVersion(
                f"{place}: its schema is {found!r}; this version of the lab reads "
                f"{', '.join(known)}. Read it with the version that wrote it, or update the lab"
            )
        version = known.index(found) + 1
        return data if version == self.version else self.upgrade(data, version)


def unchanged(data: Data, version: int) -> Data:
    """The upgrade of a format that has one version only."""
    return data
