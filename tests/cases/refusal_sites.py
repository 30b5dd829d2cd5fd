"""Where in the lab's code refusals are made, and which of them a test has seen."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple

import pytest

import lab
from lab.errors import LabError, UsageError
from tests.lab_modules import importable_modules

LAB = Path(lab.__file__).parent
_HELPERS = {"flaw", "wrong_type", "__init__"}  # they make a refusal for whoever calls them


class Site(NamedTuple):
    """A call that makes a refusal: its module, its function, and the lines of the call."""

    module: str
    function: str
    begin: int
    end: int

    @property
    def place(self) -> str:
        return f"{self.module}:{self.function}"

    def __str__(self) -> str:
        return f"lab/{self.module}:{self.begin} ({self.function})"


def refusals() -> set[str]:
    """The names of the errors that tell a user what to correct."""
    found = {"UsageError"}
    for module in importable_modules():
        for name, each in inspect.getmembers(module, inspect.isclass):
            if issubclass(each, UsageError):
                found.add(name)
    return found


def refusal_sites() -> list[Site]:
    """Every place that makes one."""
    names = refusals()
    found: list[Site] = []
    for path in sorted(LAB.rglob("*.py")):
        module = path.relative_to(LAB).as_posix()
        if not module.startswith("driver/"):
            found += _sites_of(ast.parse(path.read_text(encoding="utf-8")), module, names)
    return found


def _sites_of(tree: ast.Module, module: str, names: set[str]) -> Iterator[Site]:
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name in _HELPERS:
            continue
        inner = {
            each
            for nested in ast.walk(function)
            if isinstance(nested, ast.FunctionDef) and nested is not function
            for each in ast.walk(nested)
        }
        for node in ast.walk(function):
            if node not in inner and isinstance(node, ast.Call) and _is_refusal(node.func, names):
                yield Site(module, function.name, node.lineno, node.end_lineno or node.lineno)


def _is_refusal(callee: ast.expr, names: set[str]) -> bool:
    match callee:
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=name):
            return name in _HELPERS - {"__init__"}
    return False


class Seen:
    """The places at which refusals were made."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()

    def note(self, frame: FrameType | None) -> None:
        """The nearest frame of the lab that is no helper."""
        while frame is not None:
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(LAB) and frame.f_code.co_name not in _HELPERS:
                self.lines.add((path.relative_to(LAB).as_posix(), frame.f_lineno))
                return
            frame = frame.f_back

    def covers(self, site: Site) -> bool:
        """Whether a refusal was made there."""
        return any((site.module, n) in self.lines for n in range(site.begin, site.end + 1))


@contextmanager
def watched() -> Iterator[Seen]:
    """Note where refusals are made."""
    seen = Seen()

    def new(kind: type[LabError], *arguments: Any, **options: Any) -> LabError:
        seen.note(sys._getframe(1))
        made: LabError = Exception.__new__(kind, *arguments)
        return made

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LabError, "__new__", new)
        yield seen
