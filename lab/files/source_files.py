"""The source files of a project, whatever their language: what a system under test is made of."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

MAX_BYTES = 2_000_000  # of a file that is searched
SUFFIXES = frozenset(
    {
        *(".py", ".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".tsx", ".vue", ".svelte", ".html"),
        *(".go", ".rs", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".fs", ".java", ".kt", ".scala"),
        *(".rb", ".php", ".ex", ".exs", ".erl", ".clj", ".lua", ".pl", ".sh", ".sql", ".toml"),
    }
)
_WRITTEN_BY_HAND = frozenset({".yml", ".yaml", ".ini", ".cfg", ".conf", ".properties"})
_TEMPLATES = frozenset({".j2", ".jinja", ".jinja2", ".tmpl", ".tpl", ".mustache", ".hbs", ".erb"})
_CONFIGURATION = _WRITTEN_BY_HAND | {".json"}
_SEALED = SUFFIXES | _WRITTEN_BY_HAND | _TEMPLATES
_WITHOUT_SUFFIX = frozenset({"Dockerfile", "Containerfile", "Makefile", "Procfile"})
_SKIPPED = frozenset({"node_modules", "__pycache__", "target", "dist", "build"})
_OF_THE_LAB = frozenset({"hypotheses", "reports", "scenarios"})  # in the project's folder

_digests: dict[Path, tuple[tuple[int, int], bytes]] = {}  # of each file, while it is the same


def source_files(project: Path, parts: Sequence[str] = ()) -> Iterator[Path]:
    """The source files of a project, sorted.

    Args:
        project: Its folder.
        parts: The files and folders that are meant, from there, of which configuration and
            templates count as well; none for all of the project but what belongs to the lab, is
            hidden, installed or built.
    """
    if not parts:
        yield from _below(project, _is_source, _OF_THE_LAB)
    for part in sorted(parts):
        path = project / part
        if path.is_file():
            yield path
        else:
            yield from _below(path, _is_sealed)


def digest(project: Path, parts: Sequence[str] = ()) -> str:
    """A digest of these files' names and contents; a file that has not changed is not read."""
    sealed = hashlib.sha256()
    for path in source_files(project, parts):
        sealed.update(path.relative_to(project).as_posix().encode() + b"\0")
        sealed.update(_file_digest(path) + b"\0")
    return f"sha256:{sealed.hexdigest()}"


def named(project: Path, names: Iterable[str], without: Iterable[str] = ()) -> set[str]:
    """Those of these names that occur as words in a source file, or in one that configures it.

    Args:
        project: Its folder.
        names: That are looked for.
        without: Files that do not count, as paths from there.
    """
    missing, found = set(names), set[str]()
    left_out = {project / each for each in without}
    for path in _below(project, _may_name_settings, _OF_THE_LAB):
        if not missing:
            break
        if path in left_out:
            continue
        if path.stat().st_size > MAX_BYTES:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for name in tuple(missing):
            if re.search(rf"\b{re.escape(name)}\b", text):
                missing.discard(name)
                found.add(name)
    return found


def _is_source(path: Path) -> bool:
    return path.suffix in SUFFIXES


def _is_sealed(path: Path) -> bool:
    """Whether a file of a named folder counts: data that a service writes, as JSON, does not."""
    return path.suffix in _SEALED


def _may_name_settings(path: Path) -> bool:
    return path.suffix in SUFFIXES | _CONFIGURATION or path.name in _WITHOUT_SUFFIX


def _below(
    folder: Path, is_wanted: Callable[[Path], bool], skipped: frozenset[str] = frozenset()
) -> Iterator[Path]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        name = path.name
        if name.startswith(".") or name in _SKIPPED or name in skipped or path.is_symlink():
            continue
        if path.is_dir():
            if not (path / "pyvenv.cfg").exists():
                yield from _below(path, is_wanted)
        elif is_wanted(path) and path.is_file():
            yield path


def _file_digest(path: Path) -> bytes:
    try:
        state = path.stat()
        key = (state.st_mtime_ns, state.st_size)
        known = _digests.get(path)
        if known is None or known[0] != key:
            known = _digests[path] = key, hashlib.sha256(path.read_bytes()).digest()
        return known[1]
    except OSError:  # it was removed just now
        return b"gone"
