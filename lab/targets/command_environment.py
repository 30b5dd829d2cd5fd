"""How the commands of `lab.toml` find their programs, and what environment they get."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.system import FILE, Command
from lab.targets.target_interface import TargetUsageError

_ENVIRONMENTS = (".venv", "venv")  # of Python, in the project's folder
_MODULES = Path("node_modules", ".bin")  # programs of Node packages


def search_path(project: Path) -> str:
    """Where programs are looked for: the project's own environment, the shell's PATH, the lab's."""
    own = [project / name / "bin" for name in _ENVIRONMENTS] + [project / _MODULES]
    folders = [str(folder) for folder in own if folder.is_dir()]
    inherited = os.environ.get("PATH", os.defpath)
    return os.pathsep.join([*folders, inherited, str(Path(sys.executable).parent)])


def with_program(command: Command, words: Sequence[str], project: Path) -> list[str]:
    """The words with the path of their program. TargetUsageError if there is no such program.

    Args:
        command: As `lab.toml` writes it, for the message.
        words: Its words, with every placeholder filled.
        project: The folder that a relative path starts from.
    """
    program, *arguments = words
    if "/" in program:
        path = project / program
        found = str(path) if os.access(path, os.X_OK) and path.is_file() else None
    else:
        found = shutil.which(program, path=search_path(project))
    if found is None:
        raise TargetUsageError(
            f"{project / FILE}:{command.line}: there is no program `{program}` on this machine. "
            "Install it, or write the path of its file, as in .venv/bin/python"
        )
    return [found, *arguments]
