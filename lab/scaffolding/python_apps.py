"""Applications of FastAPI, Flask and Django, found in Python files without running them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from lab.scaffolding.found import WORKERS, FoundProcess, HasProgram

_ASGI = ("FastAPI", "Starlette", "Quart", "Litestar")
_WSGI = ("Flask",)
_USUAL = ("main", "app", "server", "application", "wsgi", "asgi", "api")  # names of modules
_GET = ("get", "route", "api_route")  # methods of an application that make a route


class _App(NamedTuple):
    framework: str
    file: Path  # from the project's folder
    line: int
    name: str  # of the variable, or of the function that makes it
    is_factory: bool
    paths: tuple[str, ...]


def python_apps(
    root: Path, files: Iterable[Path], has_program: HasProgram
) -> Iterator[FoundProcess]:
    """The applications of a project, the likeliest first.

    Args:
        root: The folder of the project.
        files: Its Python files.
        has_program: Whether a program can be started there.
    """
    found = [app for file in files for app in _apps(root, file)]
    for app in sorted(found, key=_rank):
        yield _process(app, has_program)
    if (root / "manage.py").is_file():
        for wsgi in sorted(root.glob("*/wsgi.py")):
            yield _django(wsgi.parent.name, has_program)


def _rank(app: _App) -> tuple[bool, int, int, str]:
    stem = app.file.stem
    usual = _USUAL.index(stem) if stem in _USUAL else len(_USUAL)
    return (app.is_factory, len(app.file.parts), usual, str(app.file))


def _apps(root: Path, file: Path) -> Iterator[_App]:
    try:
        tree = ast.parse(file.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return
    at = file.relative_to(root)
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as call)
            ):
                if framework := _framework(call):
                    yield _App(framework, at, node.lineno, name, False, _paths(tree, name))
            case ast.FunctionDef(name=name) if not _required_arguments(node):
                calls = (each for each in ast.walk(node) if isinstance(each, ast.Call))
                if framework := next(filter(None, map(_framework, calls)), None):
                    yield _App(framework, at, node.lineno, name, True, _paths(tree, None))


def _framework(call: ast.Call) -> str | None:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name) if name in (*_ASGI, *_WSGI):
            return name
    return None


def _required_arguments(function: ast.FunctionDef) -> int:
    arguments = function.args
    return (
        len(arguments.posonlyargs)
        + len(arguments.args)
        - len(arguments.defaults)
        + sum(default is None for default in arguments.kw_defaults)
    )


def _paths(tree: ast.AST, app: str | None) -> tuple[str, ...]:
    """GET routes of an application, in the order of the file; of any object if it is not named."""
    found: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for decorator in node.decorator_list:
                if (path := _route(decorator, app)) is not None:
                    found.append(path)
    return tuple(dict.fromkeys(found))


def _route(decorator: ast.expr, app: str | None) -> str | None:
    """`@app.get("/path")` or `@app.route("/path")`; parameters as `{name}`."""
    match decorator:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=owner), attr=method),
            args=[ast.Constant(value=str(path)), *_],
            keywords=keywords,
        ) if method in _GET and owner == (app or owner) and path.startswith("/"):
            for keyword in keywords:
                if keyword.arg == "methods" and "GET" not in ast.unparse(keyword.value).upper():
                    return None
            return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)  # as Flask writes parameters
    return None


def _process(app: _App, has_program: HasProgram) -> FoundProcess:
    evidence = f"{app.framework} in {app.file.as_posix()}, line {app.line}"
    parts = app.file.with_suffix("").parts
    folder, parts = ("src", parts[1:]) if parts[0] == "src" and len(parts) > 1 else ("", parts)
    module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    if app.framework in _ASGI:
        options = (" --factory" if app.is_factory else "") + (f" --app-dir {folder}" * bool(folder))
        command = f"uvicorn {module}:{app.name}{options} --port {{port}} --workers {{{WORKERS}}}"
        return FoundProcess(app.framework, evidence, command, {}, app.paths)
    call = "()" if app.is_factory else ""
    if has_program("gunicorn"):
        option = f" --chdir {folder}" * bool(folder)
        target = f"{module}:{app.name}{call}"
        return FoundProcess(app.framework, evidence, _gunicorn(target, option), {}, app.paths)
    prefix = f"{folder}/" * bool(folder)
    command = f"flask --app {prefix}{module}:{app.name}{call} run --port {{port}}"
    return FoundProcess(app.framework, evidence, command, {}, app.paths)


def _gunicorn(target: str, options: str = "") -> str:
    quoted = f"'{target}'" if "(" in target else target
    return f"gunicorn {quoted}{options} --bind 127.0.0.1:{{port}} --workers {{{WORKERS}}}"


def _django(package: str, has_program: HasProgram) -> FoundProcess:
    evidence = f"manage.py and {package}/wsgi.py"
    if has_program("gunicorn"):
        return FoundProcess("Django", evidence, _gunicorn(f"{package}.wsgi"))
    command = "python manage.py runserver --noreload 127.0.0.1:{port}"
    return FoundProcess("Django", evidence, command)
