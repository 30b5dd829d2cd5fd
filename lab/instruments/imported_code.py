"""Whether a process that measures a revision has imported code of the working tree."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import lab
from lab.instruments.benchmark_outcome import Problem

_INSTALLED = {"site-packages", "dist-packages"}


def foreign_import(
    working_tree: Path, revision: Path, modules: Mapping[str, object]
) -> Problem | None:
    """The first module that comes from the working tree, and not from the revision.

    A package that is installed by reference (`pip install -e`) is found in the working tree by
    every revision. What is compared would be the same code.

    Args:
        working_tree: The folder of the repository.
        revision: The folder of the revision's files, which may be below it.
        modules: As in `sys.modules`.
    """
    own = Path(lab.__file__).parent
    elsewhere = [own, revision, *map(Path, (sys.prefix, sys.base_prefix))]
    for name, file in _files(modules):
        path = file.resolve()
        if not path.is_relative_to(working_tree) or _INSTALLED.intersection(path.parts):
            continue
        if not any(path.is_relative_to(folder.resolve()) for folder in elsewhere):
            return Problem(
                f"{name} is imported from {path}, which is not the code of the revision",
                remedy="Install the project in the `commands` of [build] in lab.toml, or have its "
                "packages in its folder or in src/",
            )
    return None


def _files(modules: Mapping[str, object]) -> Iterator[tuple[str, Path]]:
    """The names and files of the modules that have one."""
    for name, module in list(modules.items()):
        file = vars(module).get("__file__") if isinstance(module, ModuleType) else None
        if isinstance(file, str):
            yield name, Path(file)
