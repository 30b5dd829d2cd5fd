"""Exceptions that a benchmark file raises, in one line."""

from __future__ import annotations

import pytest


def described(error: BaseException) -> str:
    """An exception in one line, as in "ValueError: no such page"."""
    if isinstance(error, pytest.FixtureLookupError):
        return f"there is no fixture {error.argname!r}"
    if isinstance(error, pytest.fail.Exception | pytest.skip.Exception | pytest.exit.Exception):
        return _first_line(str(error.msg))
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    name = type(error).__name__
    line = _first_line(text)
    if isinstance(error, pytest.Collector.CollectError):
        return line
    return f"{name}: {line}" if line else name


def cause_of(error: BaseException) -> BaseException:
    """The exception itself: pytest wraps what is raised while it imports a file."""
    if isinstance(error, pytest.Collector.CollectError) and error.__cause__ is not None:
        return error.__cause__
    return error


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "").rstrip(".")
