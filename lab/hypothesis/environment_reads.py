"""Environment variables that a Python file reads, by name and line.

The source is read and never run: names that are put together at run time are not seen.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_METHODS = {"get", "pop", "setdefault"}  # of os.environ
_READERS = {"getenv", "getenvb"}  # of os
_LIBRARIES = {"config", "env"}  # as decouple and environs are called


class EnvironmentRead(NamedTuple):
    """A place at which a variable is read; `option` is the command-line option that it may set."""

    name: str
    file: Path
    line: int
    option: str = ""


def environment_reads(file: Path) -> list[EnvironmentRead]:
    """What a file reads, in the order of its lines, without what it sets itself."""
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []  # it cannot be imported either
    reader = _Reader(file, _constants(tree))
    reader.visit(tree)
    found = [read for read in reader.reads if read.name not in reader.written]
    return sorted(found, key=lambda read: read.line)


def _constants(tree: ast.AST) -> Mapping[str, str]:
    """Names that stand for a text."""
    found = {}
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str(text))):
                found[name] = text
    return found


@dataclass
class _Reader(ast.NodeVisitor):
    file: Path
    constants: Mapping[str, str]
    reads: list[EnvironmentRead] = field(default_factory=list)
    written: set[str] = field(default_factory=set)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """`os.environ[NAME]`, read or written."""
        if _is_environ(node.value) and (name := self._text(node.slice)):
            if isinstance(node.ctx, ast.Load):
                self._note(name, node)
            elif isinstance(node.ctx, ast.Store):
                self.written.add(name)
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """`NAME in os.environ`."""
        if _is_environ(node.comparators[-1]) and (name := self._text(node.left)):
            self._note(name, node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """`os.getenv(NAME)` and the like, and options that may come by a variable."""
        if node.args and _reads_its_argument(node.func) and (name := self._text(node.args[0])):
            self._note(name, node)
        option = self._text(node.args[0]) if node.args else None
        for keyword in node.keywords:
            if keyword.arg == "env_var" and (name := self._text(keyword.value)):
                self._note(name, node, option or "")
        self.generic_visit(node)

    def _note(self, name: str, node: ast.expr, option: str = "") -> None:
        self.reads.append(EnvironmentRead(name, self.file, node.lineno, option))

    def _text(self, node: ast.expr) -> str | None:
        match node:
            case ast.Constant(value=str(text)):
                return text
            case ast.Name(id=name):
                return self.constants.get(name)
        return None


def _is_environ(node: ast.expr) -> bool:
    return _last_name(node) in ("environ", "environb", "env")


def _reads_its_argument(function: ast.expr) -> bool:
    if isinstance(function, ast.Attribute):
        owner, method = function.value, function.attr
        if _is_environ(owner):
            return method in _METHODS
        return method in _READERS or _last_name(owner) == "env"
    return _last_name(function) in _READERS | _LIBRARIES


def _last_name(node: ast.expr) -> str | None:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return None
