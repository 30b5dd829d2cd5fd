"""Where in the user's own code an error was raised, or a greenlet waits: file, line, function."""

from __future__ import annotations

import inspect
import sysconfig
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, NamedTuple

_LAB = str(Path(__file__).parents[1])
_LIBRARIES = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


class SourceLocation(NamedTuple):
    """A line of the user's own code."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        """`scenarios/shop.py:12, in look`; the file is relative to the project if it is in it."""
        return f"{shown(self.file)}:{self.line}, in {self.function}"


def shown(file: str) -> str:
    """A path as messages show it."""
    path, project = Path(file), Path.cwd()
    return str(path.relative_to(project)) if path.is_relative_to(project) else file


def is_own(file: str) -> bool:
    """Whether a file is the user's own: neither the lab's nor of an installed package."""
    if not file.startswith("/") or "site-packages" in file or "dist-packages" in file:
        return False  # compiled modules name a relative path
    return not file.startswith((f"{_LAB}/", *_LIBRARIES))


def of_traceback(trace: TracebackType | None) -> SourceLocation | None:
    """The innermost line of the user's own code in a traceback."""
    return _innermost(_place(frame, line) for frame, line in traceback.walk_tb(trace))


def of_error(error: BaseException) -> SourceLocation | None:
    """The line that an error comes from; of a syntax error, the line that it is about."""
    if isinstance(error, SyntaxError) and error.lineno and is_own(error.filename or "<"):
        return SourceLocation(str(error.filename), error.lineno, "<module>")
    seen: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in seen:  # Locust raises some errors in place of others
        if (place := of_traceback(cause.__traceback__)) is not None:
            return place
        seen.append(cause)
        cause = cause.__cause__ or cause.__context__
    return None


def of_class(owner: type) -> SourceLocation | None:
    """Where a class of the user's own code begins."""
    try:
        file, line = inspect.getsourcefile(owner), inspect.getsourcelines(owner)[1]
    except (TypeError, OSError):
        return None
    return SourceLocation(file, line, owner.__name__) if file and is_own(file) else None


def of_function(function: Callable[..., Any]) -> SourceLocation | None:
    """Where a function or method of the user's own code begins."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    if code is None or not is_own(code.co_filename):
        return None
    return SourceLocation(code.co_filename, code.co_firstlineno, code.co_name)


def of_frame(frame: FrameType | None) -> SourceLocation | None:
    """The innermost line of the user's own code in the stack of a running or waiting greenlet."""
    return _innermost(_place(each, line) for each, line in reversed(_walk(frame)))


def functions(frame: FrameType | None) -> list[tuple[str, str]]:
    """File and name of every function in a stack, the innermost first."""
    return [(each.f_code.co_filename, each.f_code.co_name) for each, _ in _walk(frame)]


def _walk(frame: FrameType | None) -> list[tuple[FrameType, int]]:
    # `walk_stack` takes the caller's stack for None
    return [] if frame is None else list(traceback.walk_stack(frame))


def _place(frame: FrameType, line: int) -> tuple[str, int, str]:
    return frame.f_code.co_filename, line, frame.f_code.co_name


def _innermost(places: Iterable[tuple[str, int, str]]) -> SourceLocation | None:
    found = None
    for file, line, function in places:
        if is_own(file):
            found = SourceLocation(file, line, function)
    return found
