"""Writes files that are not there yet; none is ever overwritten."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from lab.scaffolding import Detected, detect
from lab.scaffolding.found import WORKERS
from lab.system import FILE, load_system
from lab.targets.command_environment import search_path

_IGNORED = "/reports/"  # of what git sees


def detected_in(root: Path) -> Detected:
    """What the files of a project show, with the programs that it would find."""
    path = search_path(root)
    return detect(root, lambda program: shutil.which(program, path=path) is not None)


def has_workers(root: Path, detected: Detected) -> bool:
    """Whether the number of worker processes is a setting, by `lab.toml` if there is one."""
    if (root / FILE).exists():
        return WORKERS in load_system(root).setting_placeholders
    return detected.process is not None and detected.process.has_workers


def write_new(root: Path, files: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Write those of these files that do not exist.

    Args:
        root: The folder that their paths start from.
        files: Texts by path.

    Returns:
        The paths that were written, and those that were left as they are.

    Raises:
        OSError: One cannot be written.
    """
    written, left = [], []
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with file.open("x", encoding="utf-8") as sink:
                sink.write(text)
        except FileExistsError:
            left.append(path)
        else:
            written.append(path)
    return written, left


def ignore_reports(root: Path) -> bool:
    """Add the folder of runs to `.gitignore`, if there is such a file or a repository.

    Returns:
        Whether the file was changed.
    """
    file = root / ".gitignore"
    if not file.exists() and not (root / ".git").exists():
        return False
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    lines = {line.strip().strip("/") for line in text.splitlines()}
    if "reports" in lines:
        return False
    end = "\n" * bool(text and not text.endswith("\n"))
    file.write_text(f"{text}{end}{_IGNORED}\n", encoding="utf-8")
    return True
