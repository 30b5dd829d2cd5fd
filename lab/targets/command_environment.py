"""How the commands of `lab.toml` find their programs, and what environment they get."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import lab
from lab.files.source_files import digest
from lab.system import FILE, Command
from lab.targets.target_interface import TargetUsageError

_ENVIRONMENTS = (".venv", "venv")  # of Python, in the project's folder
_MARKER = "pyvenv.cfg"  # in every environment of Python
_RUNNERS = {"uv", "poetry", "pdm", "hatch", "pipenv"}  # of programs in the code's environment
_MODULES = Path("node_modules", ".bin")  # programs of Node packages


def search_path(code: Path) -> str:
    """Where programs are looked for: the environment of the code, the shell's PATH, the lab's.

    Args:
        code: The folder of the project, or of a revision of it.
    """
    own = [code / name / "bin" for name in _ENVIRONMENTS] + [code / _MODULES]
    folders = [str(folder) for folder in own if folder.is_dir()]
    inherited = os.environ.get("PATH", os.defpath)
    return os.pathsep.join([*folders, inherited, str(Path(sys.executable).parent)])


def import_path(code: Path, *, with_packages: bool = False) -> str:
    """PYTHONPATH for the code of a revision: it comes before what is installed of another one.

    Args:
        code: The folder of the revision.
        with_packages: Whether the packages of its own environment are found, too, by the Python
            that runs the lab.

    Raises:
        TargetUsageError: That environment is of another Python, or the lab itself is not found.
    """
    folders = [code, code / "src"]
    for environment in _own_environments(code) if with_packages else ():
        version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
        packages = environment / "lib" / version / "site-packages"
        if not packages.is_dir():
            raise TargetUsageError(
                f"{environment}: benchmarks run by the lab's {version}, and this environment "
                "is of another one. Build it with that, in the `commands` of [build]"
            )
        folders += [packages, *_installed_folders(packages)]
    if with_packages:
        refuse_hiding_the_lab(*folders)
    return os.pathsep.join(str(path) for path in folders if path.is_dir())


def refuse_hiding_the_lab(*folders: Path) -> None:
    """TargetUsageError if Python in one of these folders finds another `lab` than this one."""
    own = Path(lab.__file__).parent
    for folder in folders:
        for path in (folder / "lab" / "__init__.py", folder / "lab.py"):
            if path.is_file() and digest(folder, ("lab",)) != digest(own.parent, ("lab",)):
                raise TargetUsageError(
                    f"{path}: this `lab` hides that of the lab, which processes of the lab that "
                    "find it there need. Rename it, or do not install it there"
                )


def _installed_folders(packages: Path) -> list[Path]:
    """The folders that packages have in .pth files, as those that were installed with `-e`."""
    lines = [line for file in sorted(packages.glob("*.pth")) for line in _lines(file)]
    return [packages / line for line in lines if line and not line.startswith(("#", "import"))]


def _lines(file: Path) -> list[str]:
    return [line.strip() for line in file.read_text("utf-8", "replace").splitlines()]


def with_program(
    command: Command,
    words: Sequence[str],
    project: Path,
    code: Path | None = None,
    *,
    is_build: bool = False,
) -> list[str]:
    """The words with the path of their program. TargetUsageError if there is no such program.

    Args:
        command: As `lab.toml` writes it, for the message.
        words: Its words, with every placeholder filled.
        project: The folder of `lab.toml`, for the message.
        code: The folder that a relative path starts from, if it is another one.
        is_build: Whether it makes the environment of the code, and so may be a program of another.
    """
    program, *arguments = words
    code = code or project
    if "/" in program:
        path = code / program
        found = str(path) if os.access(path, os.X_OK) and path.is_file() else None
    else:
        found = shutil.which(program, path=search_path(code))
        if found is not None and code != project and not is_build and program not in _RUNNERS:
            _refuse_another_environment(command, Path(found), project, code)
    if found is None and code != project and "/" in program:
        raise TargetUsageError(
            f"{project / FILE}:{command.line}: the revision in {code} has no program `{program}`. "
            "Let a command of [build] make it, or compare revisions that have it"
        )
    if found is None:
        raise TargetUsageError(
            f"{project / FILE}:{command.line}: there is no program `{program}` on this machine. "
            "Install it, or write the path of its file, as in .venv/bin/python"
        )
    return [found, *arguments]


def _refuse_another_environment(command: Command, found: Path, project: Path, code: Path) -> None:
    """TargetUsageError if a program is of an environment, and a revision has another of its own."""
    own, environment = _own_environments(code), found.parent.parent
    if own and environment not in own and (environment / _MARKER).is_file():
        raise TargetUsageError(
            f"{project / FILE}:{command.line}: the revision has the environment {own[0]}, and "
            f"`{found.name}` is not in it, but in {environment}, which would be the same for all. "
            "Let a command of [build] install it for the revision"
        )


def _own_environments(code: Path) -> list[Path]:
    """The environments of Python that were made in a folder of code, not only linked there."""
    folders = [code / name for name in _ENVIRONMENTS]
    return [each for each in folders if (each / _MARKER).is_file() and not each.is_symlink()]
