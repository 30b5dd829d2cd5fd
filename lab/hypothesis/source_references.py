"""What a Python file refers to by a literal: modules that it imports, and paths that it names.

The source is read and never run, so what is put together at run time is not seen. A part of a
path that is not known stands as `*`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_IMPORTERS = {"import_module", "__import__", "run_module", "importorskip"}
_LISTERS = {"listdir": "*", "scandir": "*", "iterdir": "*", "walk": "**/*"}
_WRITERS = {"write_text", "write_bytes", "touch", "unlink", "to_csv", "to_json"}
_LOG_FILES = {"FileHandler", "RotatingFileHandler", "TimedRotatingFileHandler", "basicConfig"}
_SAME_PATH = {"abspath", "normpath", "fspath", "str", "absolute", "as_posix", "expanduser"}
_PATH_MODULES = {"path", "os", "osp", "posixpath"}
_NOT_READ = {"makedirs", "mkdir", "rmtree", "exists", "isdir", "is_dir"}
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+(?::\w+)?")
_PLACEHOLDER = re.compile(r"%[-#0 +]*[0-9.]*[sdirfx]|\{[^{}]*\}")
_FILE = re.compile(r"\.[A-Za-z]\w*$")
_MAX_NAME = 1000  # characters; longer text is no path


class ModuleReference(NamedTuple):
    """`from ..name import names`; `level` counts the dots before the name."""

    name: str
    names: tuple[str, ...] = ()
    level: int = 0


@dataclass
class References:
    """What one file refers to.

    Attributes:
        modules: Those that it imports, anywhere in the file.
        paths: What it may read: names of files, or patterns with `*`.
        listed: Patterns of the files that it lists.
        folders: Of which it may read every file.
        written: Files that it writes itself.
        search_folders: Which it adds to `sys.path`.
    """

    modules: list[ModuleReference] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    listed: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    search_folders: list[str] = field(default_factory=list)


def references_of(source: bytes, file: Path, project: Path) -> References:
    """What the file refers to; nothing if it is not Python."""
    found = References()
    reader = _Reader(found, _Evaluator(file, project))
    try:
        tree = ast.parse(source)
        reader.evaluator.learn(tree)
        reader.visit(tree)
        if reader.imports_unknown:  # any word of the file may be its name
            words = sorted({text for text in _strings(tree) if text.isidentifier()})
            found.modules += [ModuleReference(word) for word in words]
    except (SyntaxError, ValueError, RecursionError):
        pass  # it cannot be imported either
    return found


class _Text(NamedTuple):
    """The value of an expression; `is_path` if it is put together as a path."""

    text: str
    is_path: bool = False


class _Evaluator:
    """The text of expressions that are made of literals, `__file__`, and names for such."""

    def __init__(self, file: Path, project: Path) -> None:
        self._names: dict[str, _Text | None] = {"__file__": _Text(str(file), True)}
        self.file, self._project = file, project

    def learn(self, tree: ast.AST) -> None:
        """Notes the names that are assigned once, or always the same."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign):
                targets, value = node.targets, node.value
            elif isinstance(node, ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                targets, value = [node.target], node.value
            else:
                continue
            for target in targets:
                name = name_of(target)
                if name and name != "__file__":
                    text = self.text(value)
                    known = self._names.get(name, text)
                    self._names[name] = text if known == text else None

    def text(self, node: ast.AST) -> _Text | None:
        """The value of an expression; None if it is not known at all."""
        match node:
            case ast.Constant(value=str(text)):
                return _Text(text) if len(text) <= _MAX_NAME else None
            case ast.Name(id=name):
                return self._names.get(name)
            case ast.JoinedStr(values=values):
                return self._joined(values)
            case ast.FormattedValue(value=value):
                return self.text(value)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return self._path([left, right])
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return self._joined([left, right])
            case ast.BinOp(left=left, op=ast.Mod()):
                return self._filled(left)
            case ast.Attribute(value=value, attr="parent"):
                return self._parent(value, 1)
            case ast.Subscript(
                value=ast.Attribute(value=value, attr="parents"),
                slice=ast.Constant(value=int(place)),
            ):
                return self._parent(value, place + 1)
            case ast.Attribute(value=ast.Name(), attr=name):  # self.DATA, Shopper.DATA
                return self._names.get(name)
            case ast.Call(func=function, args=args):
                return self._call(function, args)
            case _:
                return None

    def _call(self, function: ast.expr, args: list[ast.expr]) -> _Text | None:
        name = name_of(function)
        receiver = function.value if isinstance(function, ast.Attribute) else None
        if name in ("Path", "PurePath", "PosixPath") and args:
            return self._path(args)
        if name == "join" and args and (receiver is None or name_of(receiver) in _PATH_MODULES):
            return self._path(args)
        if name in ("cwd", "getcwd"):
            return _Text(str(self._project), True)
        if name == "dirname" and args:
            return self._parent(args[0], 1)
        if name == "files" and args and (package := self.text(args[0])):
            return _Text(package.text.replace(".", "/"), True)
        if name == "get_data" and len(args) == 2 and (package := self.text(args[0])):
            resource = self.text(args[1])
            return (
                _Text(str(Path(package.text.replace(".", "/"), resource.text)), True)
                if resource
                else None
            )
        if name in ("realpath", "resolve"):
            return self._resolved(args[0] if name == "realpath" and args else receiver)
        if name in _SAME_PATH:
            inner = args[0] if args else receiver
            return None if inner is None else self.text(inner)
        if receiver is None:
            return None
        if name == "joinpath":
            return self._path([receiver, *args])
        if name == "with_name" and args:
            parent, last = self._parent(receiver, 1), self.text(args[0])
            return parent and _Text(str(Path(parent.text, last.text if last else "*")), True)
        if name == "with_suffix" and args:
            path, suffix = self.text(receiver), self.text(args[0])
            if path is None:
                return None
            stem = Path(path.text).parent / Path(path.text).stem
            return _Text(f"{stem}{suffix.text if suffix else '.*'}", True)
        return self._filled(receiver) if name == "format" else None

    def _path(self, parts: list[ast.expr]) -> _Text | None:
        texts = [self.text(part) for part in parts]
        if not any(texts):
            return None
        if texts[0] is None:  # an unknown folder: what follows may be next to the file
            texts = texts[1:]
        return _Text(str(Path(*(text.text if text else "*" for text in texts))), True)

    def _joined(self, parts: list[ast.expr]) -> _Text | None:
        texts = [self.text(part) for part in parts]
        if not any(texts):
            return None
        whole = "".join(text.text if text else "*" for text in texts)
        return _Text(whole, any(text.is_path for text in texts if text))

    def _filled(self, template: ast.expr) -> _Text | None:
        text = self.text(template)
        return text and _Text(_PLACEHOLDER.sub("*", text.text), text.is_path)

    def _parent(self, node: ast.expr, steps: int) -> _Text | None:
        text = self.text(node)
        if text is None:
            return None
        path = Path(text.text)
        for _ in range(steps):
            path = path.parent
        return _Text(str(path), True)

    def _resolved(self, node: ast.expr | None) -> _Text | None:
        """The path without links, as a path below the project if it is there."""
        text = None if node is None else self.text(node)
        if text is None or "*" in text.text:
            return text
        real = Path(self.file.parent, text.text).resolve()
        root = self._project.resolve()
        if real.is_relative_to(root):
            return _Text(str(self._project / real.relative_to(root)), True)
        return text


class _Reader(ast.NodeVisitor):
    """Collects the references of a tree."""

    def __init__(self, found: References, evaluator: _Evaluator) -> None:
        self._found, self.evaluator = found, evaluator
        self.imports_unknown = False  # the name of a module is known at run time only

    def visit_Import(self, node: ast.Import) -> None:
        self._found.modules += [ModuleReference(alias.name) for alias in node.names]

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        names = tuple(alias.name for alias in node.names)
        self._found.modules.append(ModuleReference(node.module or "", names, node.level))

    def visit_Assign(self, node: ast.Assign) -> None:
        names = {target.id for target in node.targets if isinstance(target, ast.Name)}
        if names & {"__all__", "pytest_plugins"}:
            is_all = "__all__" in names
            for name in _strings(node.value):
                reference = ("", (name,), 1) if is_all else (name, (), 0)
                self._found.modules.append(ModuleReference(*reference))
            return
        self.generic_visit(node)

    def visit_Expr(self, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):  # a docstring names nothing
            self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        self._note_call(node)
        if not self._note_path(node):
            self.visit(node.func)
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                self._visit_argument(argument, name_of(node.func))

    def generic_visit(self, node: ast.AST) -> None:
        if not self._note_path(node):
            super().generic_visit(node)

    def _visit_argument(self, argument: ast.expr, function: str) -> None:
        text = self.evaluator.text(argument)
        is_folder = text is not None and (text.is_path or function.endswith("Loader"))
        if text is not None and is_folder and function not in _NOT_READ:
            self._found.folders.append(text.text)
        self.visit(argument)

    def _note_path(self, node: ast.AST) -> bool:
        """Whether the whole expression has a text, which is noted."""
        text = self.evaluator.text(node) if isinstance(node, ast.expr) else None
        if text is None:
            return False
        is_pattern = any(sign in text.text for sign in "*?[")
        if "\n" not in text.text and (text.is_path or not is_pattern or _FILE.search(text.text)):
            self._found.paths.append(text.text)
        if _DOTTED.fullmatch(text.text):
            self._found.modules.append(ModuleReference(text.text.partition(":")[0]))
        return True

    def _note_call(self, node: ast.Call) -> None:
        name, evaluate = name_of(node.func), self.evaluator.text
        receiver = node.func.value if isinstance(node.func, ast.Attribute) else None
        first = evaluate(node.args[0]) if node.args else None
        of = None if receiver is None else evaluate(receiver)
        if name in _IMPORTERS and first:
            self._note_import(node, first.text)
        elif name in _IMPORTERS:
            self.imports_unknown = True
        elif name in ("iter_modules", "walk_packages"):
            pattern = "*.py" if name == "iter_modules" else "**/*.py"
            self._found.listed.append(str(self.evaluator.file.parent / pattern))
        elif name in _LISTERS and (folder := first or of):
            self._found.listed.append(str(Path(folder.text, _LISTERS[name])))
        elif name in ("glob", "iglob", "rglob") and first:
            within = ("**",) if name == "rglob" else ()
            parts = (of.text, *within, first.text) if of else (*within, first.text)
            self._found.listed.append(str(Path(*parts)))
        elif name in _WRITERS and (path := of or (first if name.startswith("to_") else None)):
            self._found.written.append(path.text)
        elif name in _LOG_FILES:
            keywords = [each.value for each in node.keywords if each.arg == "filename"]
            texts = [first, *(evaluate(keyword) for keyword in keywords)]
            self._found.written += [text.text for text in texts if text]
        elif name == "open":
            self._note_open(node, first, of)
        elif name in ("insert", "append", "extend", "addsitedir"):
            self._note_search_folders(node, receiver)

    def _note_import(self, node: ast.Call, name: str) -> None:
        package = [keyword.value for keyword in node.keywords if keyword.arg == "package"]
        anchor = [*node.args[1:2], *package]
        level = len(name) - len(name.lstrip("."))
        base = self.evaluator.text(anchor[0]) if level and anchor else None
        if base is not None:
            parents = base.text.split(".")
            kept = parents[: len(parents) - level + 1]
            self._found.modules.append(ModuleReference(".".join([*kept, name.lstrip(".")])))
        else:
            self._found.modules.append(ModuleReference(name.lstrip("."), (), level))

    def _note_open(self, node: ast.Call, first: _Text | None, of: _Text | None) -> None:
        modes = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
        place = 0 if of is not None else 1
        modes += node.args[place : place + 1]
        path = of or first
        mode = self.evaluator.text(modes[0]) if modes else None
        if path is not None and mode is not None and set(mode.text) & set("wax+"):
            self._found.written.append(path.text)

    def _note_search_folders(self, node: ast.Call, receiver: ast.expr | None) -> None:
        of_path = isinstance(receiver, ast.Attribute) and receiver.attr == "path"
        if not of_path and name_of(node.func) != "addsitedir":
            return
        for argument in node.args:
            items = argument.elts if isinstance(argument, ast.List | ast.Tuple) else [argument]
            texts = [self.evaluator.text(item) for item in items]
            self._found.search_folders += [text.text for text in texts if text]


def name_of(function: ast.expr | None) -> str:
    """The last name of what is called: `join` of `os.path.join`; empty if there is none."""
    match function:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case _:
            return ""


def _strings(node: ast.AST) -> Iterator[str]:
    for each in ast.walk(node):
        if isinstance(each, ast.Constant) and isinstance(each.value, str):
            yield each.value
