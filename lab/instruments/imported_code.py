"""Whether a process that measures a revision has imported code of the working tree."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import Distribution, distributions
from pathlib import Path
from types import ModuleType
from urllib.parse import unquote, urlsplit

import lab
from lab.instruments.benchmark_outcome import Problem

_INSTALLED = {"site-packages", "dist-packages"}


def foreign_import(
    working_tree: Path, revision: Path, modules: Mapping[str, object]
) -> Problem | None:
    """The first module that comes from the working tree, and not from the revision.

    A package that is installed by reference (`pip install -e`) is found in the working tree by
    every revision, and one that was installed from there is its copy. What is compared would be
    the same code.

    Args:
        working_tree: The folder of the repository.
        revision: The folder of the revision's files, which may be below it.
        modules: As in `sys.modules`.
    """
    own = [Path(lab.__file__).parent.resolve(), revision.resolve()]
    elsewhere = [*own, *(Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix))]
    copies: set[Path] | None = None
    for name, file in _files(modules):
        path = file.resolve()
        if not _INSTALLED.isdisjoint(path.parts):
            if copies is None:
                copies = set(_installed_from(working_tree.resolve(), revision.resolve()))
            is_foreign = path in copies and not _is_below(path, own)
        else:
            is_foreign = path.is_relative_to(working_tree) and not _is_below(path, elsewhere)
        if is_foreign:
            return Problem(
                f"{name} is imported from {path}, which is not the code of the revision",
                remedy="Install the project in the `commands` of [build] in lab.toml, or have its "
                "packages in its folder or in src/",
            )
    return None


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _installed_from(working_tree: Path, revision: Path) -> Iterator[Path]:
    """The files of all packages that were copied from a folder of the working tree."""
    for distribution in distributions():
        origin = _origin(distribution)
        if origin is None or origin.is_relative_to(revision):
            continue
        if origin.is_relative_to(working_tree):
            yield from (Path(str(each.locate())).resolve() for each in distribution.files or ())


def _origin(distribution: Distribution) -> Path | None:
    """The folder that a package was copied from (PEP 610); None if it was not."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        written = json.loads(distribution.read_text("direct_url.json") or "{}")
        url = urlsplit(written["url"])
        if url.scheme == "file" and not written["dir_info"].get("editable"):
            return Path(unquote(url.path)).resolve()
    return None


def _files(modules: Mapping[str, object]) -> Iterator[tuple[str, Path]]:
    """The names and files of the modules that have one."""
    for name, module in list(modules.items()):
        file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if isinstance(file, str):
            yield name, Path(file)
