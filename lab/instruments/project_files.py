"""Places in the files of a project, from frames, exceptions and dumps of a stack."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

import lab

_LAB = Path(lab.__file__).parent
_INSTALLED = {"site-packages", "dist-packages"}
_DUMPED = re.compile(r'^ *File "(.+)", line (\d+)', re.MULTILINE)
_PRINTED = re.compile(rf"{_DUMPED.pattern}|^(\S+\.py):(\d+): ", re.MULTILINE)

Place = tuple[str | None, int | None]
"""A file as a path from the project's folder and a line, as far as they are known."""

NOWHERE: Place = (None, None)


class ProjectFiles:
    """The files of a project: neither those of the lab nor installed packages."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()

    def place(self, file: str, line: int | None) -> Place:
        """The place; `NOWHERE` if the file is not one of the project's."""
        path = (self._folder / file).resolve()
        if file.startswith("<") or path.is_relative_to(_LAB):
            return NOWHERE
        if not path.is_relative_to(self._folder) or _INSTALLED.intersection(path.parts):
            return NOWHERE
        return path.relative_to(self._folder).as_posix(), line

    def of_caller(self) -> Place:
        """The line of the project that the running code was called from."""
        calls = traceback.walk_stack(sys._getframe(1))
        return self._first((frame.f_code.co_filename, line) for frame, line in calls)

    def of_error(self, error: BaseException) -> Place:
        """The line of the project at which an exception arose, or through which it passed last."""
        if isinstance(error, SyntaxError) and error.filename:
            return self.place(error.filename, error.lineno)
        calls = list(traceback.walk_tb(error.__traceback__))
        return self._first((frame.f_code.co_filename, line) for frame, line in reversed(calls))

    def of_dump(self, text: str) -> Place:
        """The innermost line of the project in a stack that `faulthandler` has dumped."""
        return self._first((found[1], int(found[2])) for found in _DUMPED.finditer(text))

    def of_output(self, text: str) -> Place:
        """The last line of the project that what pytest printed refers to."""
        found = list(_PRINTED.finditer(text))
        return self._first((each[1] or each[3], int(each[2] or each[4])) for each in found[::-1])

    def _first(self, calls: Iterator[tuple[str, int]]) -> Place:
        places = (self.place(file, line) for file, line in calls)
        return next((place for place in places if place != NOWHERE), NOWHERE)
