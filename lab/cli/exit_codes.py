"""The exit code of `lab run`, by its verdict. `lab/errors.py` says what each code means."""

from __future__ import annotations

from lab.errors import ExitCode

DECIDED = ("CONFIRMED", "REFUTED")


def exit_code(verdict: str, expected: str | None) -> ExitCode:
    """The code of a finished run; `expected` is the verdict that --expect names."""
    if verdict in DECIDED:
        return ExitCode.OK if expected in (None, verdict) else ExitCode.UNEXPECTED
    return ExitCode[verdict]
