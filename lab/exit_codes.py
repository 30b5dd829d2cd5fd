"""The exit codes of the commands, and which of them a finished run gets."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a `lab` command ends."""

    OK = 0  # of `lab run`: CONFIRMED or REFUTED
    UNEXPECTED = 1  # another verdict than --expect, or a machine that cannot measure
    USAGE = 2  # the command or a file is wrong
    INCONCLUSIVE = 3
    INVALID = 4  # the verdict INVALID, a measurement that failed, or a defect of the lab
    INTERRUPTED = 130


DECIDED = ("CONFIRMED", "REFUTED")


def exit_code_of_verdict(verdict: str, expected: str | None) -> ExitCode:
    """The code of a finished run; `expected` is the verdict that --expect names."""
    if verdict in DECIDED:
        return ExitCode.OK if expected in (None, verdict) else ExitCode.UNEXPECTED
    return ExitCode[verdict]
