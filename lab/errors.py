"""The errors that the lab foresees, as one tree, each with its exit code.

The message of a `LabError` says what is wrong, where, and what would be right; it is all that the
user sees. An `OSError` that names a file becomes such a message, too. Any other exception is a
defect of the lab: it shows its traceback, and ends with the code of a failed measurement.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar

from lab.exit_codes import ExitCode


class LabError(Exception):
    """Base of all errors that the lab foresees."""

    exit_code: ClassVar[ExitCode]


class UsageError(LabError):
    """The command, a file or a setting is wrong; the user can correct it."""

    exit_code = ExitCode.USAGE


class MeasurementError(LabError):
    """Something failed that was used or measured; the command and its files are right."""

    exit_code = ExitCode.INVALID


class StorageError(MeasurementError):
    """A file cannot be written."""


class DiskFull(StorageError):
    """There is no room for what should be written; nothing that was written before is lost."""


def storage_error(place: Path, error: OSError, if_full: str = "Make room") -> StorageError:
    """The error to raise for a write below `place` that failed; `if_full` says what to do."""
    where = error.filename or place
    if is_disk_full(error):
        return DiskFull(f"{place}: the disk is full. {if_full}")
    return StorageError(f"{where}: cannot be written ({error.strerror or error})")


def first_line(error: BaseException) -> str:
    """The first line of an error's text, or its type if it has none."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def is_disk_full(error: OSError) -> bool:
    """Whether a disk or a quota is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
