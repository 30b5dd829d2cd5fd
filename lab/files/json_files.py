"""JSON files that survive a crash: written whole, or line by line.

A crash may cut off the last line of a file of lines. Such a line is skipped when the file is read,
and removed before the next line is appended.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from lab.errors import UsageError

RESTORE = "Restore it from a copy, or start a new run"  # the remedy for a damaged file of a run


class UnreadableFile(UsageError):
    """A file that cannot be read, or that holds no JSON; the message names file and line."""


def to_line(record: Mapping[str, Any]) -> str:
    """A record as a line. ValueError for NaN and infinity."""
    return json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n"


def write_whole(path: Path, text: str) -> None:
    """Write a file whole or not at all. OSError if it cannot be written."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def append_line(path: Path, record: Mapping[str, Any]) -> None:
    """Append a record; it is on disk on return. OSError if it cannot be written."""
    line = to_line(record).encode()
    with path.open("ab+", buffering=0) as file:
        _drop_torn_line(file)
        left = memoryview(line)
        while left:  # a disk that fills up writes a part and reports no error
            left = left[file.write(left) :]
        os.fsync(file.fileno())


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds one object. UnreadableFile if there is none."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UnreadableFile(f"{path}: cannot be read ({error}). {RESTORE}") from error
    if not isinstance(data, dict):
        raise UnreadableFile(f"{path}: not a JSON object. {RESTORE}")
    return data


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """The records of a file; none if it does not exist. UnreadableFile for a damaged line."""
    if not path.exists():
        return
    damaged: tuple[int, Exception] | None = None
    try:
        file = path.open(encoding="utf-8", errors="replace")
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot be read ({error.strerror}). {RESTORE}") from error
    with file:
        for number, line in enumerate(file, 1):
            if damaged:  # only the last line can be one that a crash cut off
                raise UnreadableFile(f"{path}:{damaged[0]}: damaged line ({damaged[1]}). {RESTORE}")
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("not a JSON object")
            except (ValueError, RecursionError) as error:
                damaged = number, error
                continue
            yield record


def _drop_torn_line(file: BinaryIO) -> None:
    """Remove a last line without an end."""
    size = file.seek(0, os.SEEK_END)
    if not size:
        return
    file.seek(size - 1)
    if file.read(1) != b"\n":
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
