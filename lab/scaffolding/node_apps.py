"""Applications of Node, found by `package.json` and by the sources, without running them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab.scaffolding.found import FoundProcess

SUFFIXES = (".js", ".mjs", ".cjs", ".ts", ".mts")
_PROGRAMS = ("server", "index", "app", "main")  # files that are usually started
_PLAIN = re.compile(r"node [\w./ =-]+")  # a command that needs no shell
_ROUTE = re.compile(r"""\b(?:app|router|server|fastify)\.get\(\s*["'`](/[^"'`*(?]*)["'`]""")
_VARIABLE = re.compile(r"""\bprocess\.env(?:\.([A-Z][A-Z0-9_]*)|\[["']([A-Z][A-Z0-9_]*)["']\])""")


def node_apps(root: Path, files: Iterable[Path]) -> Iterator[FoundProcess]:
    """The application of a project's `package.json`, if it can be started.

    Args:
        root: The folder of the project.
        files: Its JavaScript and TypeScript files.
    """
    try:
        package = json.loads((root / "package.json").read_text(encoding="utf-8"))
        scripts = dict(package.get("scripts") or {})
    except (OSError, ValueError, TypeError, AttributeError):
        return
    command, evidence = _command(root, scripts.get("start"), package.get("main"))
    if command is None:
        return
    routes = [_route(path) for file in files for path in _ROUTE.findall(_text(file))]
    yield FoundProcess("Node", evidence, command, {"PORT": "{port}"}, tuple(dict.fromkeys(routes)))


def variables(file: Path) -> set[str]:
    """Environment variables that a source reads."""
    return {dotted or quoted for dotted, quoted in _VARIABLE.findall(_text(file))}


def _command(root: Path, start: object, main: object) -> tuple[str | None, str]:
    if isinstance(start, str) and start.strip():
        plain = _PLAIN.fullmatch(start.strip())
        return (start.strip() if plain else "npm start"), "`start` in package.json"
    if isinstance(main, str) and (root / main).is_file():
        return f"node {main}", "`main` in package.json"
    for stem in _PROGRAMS:
        if (root / f"{stem}.js").is_file():
            return f"node {stem}.js", f"package.json and {stem}.js"
    return None, ""


def _route(path: str) -> str:
    return re.sub(r":(\w+)", r"{\1}", path)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
