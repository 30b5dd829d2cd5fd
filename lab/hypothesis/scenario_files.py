"""The files of the project that a scenario uses: modules that it imports, and data it names.

They belong to the claim: an edit of one of them changes what is measured. Installed packages, the
lab itself, and files that the scenario writes do not.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from lab.hypothesis.source_references import ModuleReference, References, references_of

_NOT_OF_THE_SCENARIO = {"__pycache__", "site-packages", "dist-packages", "node_modules"}
_OUTPUT = {"reports", "hypotheses"}  # of the project: they change from run to run
_SUFFIX = re.compile(r"\.[A-Za-z]\w*$")
_LAB = Path(__file__).resolve().parents[1]


def scenario_files(
    project: Path, scenario: str, *, is_benchmark: bool, only: str = ""
) -> Mapping[str, str]:
    """The digest of each file by its path from the project folder, without the scenario's own.

    Args:
        project: Its folder.
        scenario: The path of the scenario from there.
        is_benchmark: Whether pytest runs it, with every `conftest.py` on the way.
        only: The folder of the project that files must be in, as its path from there.

    Raises:
        OSError: If a file cannot be read.
    """
    project = Path(os.path.normpath(project.absolute()))
    used = _UsedFiles(project, project / scenario)
    start = [project / scenario]
    if is_benchmark:
        start += _conftests(project, scenario)
    files = used.collect(start)
    inside = [path for path in files if path.is_relative_to(project / only)]
    found = {path.relative_to(project).as_posix(): path for path in inside}
    found.pop(scenario, None)
    return {name: _digest(found[name]) for name in sorted(found)}


def scenario_digests(project: Path, scenario: str) -> Mapping[str, str]:
    """The digest of a locustfile and of each file that it uses, by path from the project folder.

    Raises:
        OSError: If a file cannot be read.
    """
    used = scenario_files(project, scenario, is_benchmark=False)
    return {scenario: _digest(project / scenario), **used}


def _conftests(project: Path, scenario: str) -> Iterator[Path]:
    """What pytest reads before the benchmark: of every folder from the project's down to it."""
    for folder in (project / scenario).parents:
        if folder.is_relative_to(project) and (folder / "conftest.py").is_file():
            yield folder / "conftest.py"


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


class _UsedFiles:
    """Follows references from file to file."""

    def __init__(self, project: Path, scenario: Path) -> None:
        self._project, self._scenario = project, scenario
        self._folders = [scenario.parent, project, project / "src"]  # of modules, first match first
        self._folders += [path for path in map(Path, sys.path) if self._may_belong(path)]

    def collect(self, start: Iterable[Path]) -> set[Path]:
        """All files that these and what they use refer to, these included."""
        start = list(start)
        while True:  # again if a file adds a folder in which modules are found
            known = len(self._folders)
            found = self._follow(start)
            if len(self._folders) == known:
                return found

    def _follow(self, start: list[Path]) -> set[Path]:
        waiting, found, written = list(start), set(start), set[Path]()
        while waiting:
            file = waiting.pop()
            if file.suffix != ".py":
                continue
            references = references_of(file.read_bytes(), file, self._project)
            self._add_folders(references, file)
            for path in references.written:
                written.update(self._candidates(path, file))
            for used in self._used_by(references, file):
                if used not in found and self._belongs(used):
                    found.add(used)
                    waiting.append(used)
        return {file for file in found if file in start or not _is_one_of(file, written)}

    def _add_folders(self, references: References, file: Path) -> None:
        for text in references.search_folders:
            for folder in self._candidates(text, file):
                if folder.is_dir() and folder not in self._folders and self._may_belong(folder):
                    self._folders.append(folder)

    def _used_by(self, references: References, file: Path) -> Iterator[Path]:
        for module in references.modules:
            yield from self._modules(module, file)
        for text in references.paths:
            yield from self._named(text, file)
        for text in references.listed:
            yield from self._listed(text, file)
        for text in references.folders:
            for folder in self._candidates(text, file):
                if not self._is_around(folder, file) and _is_dir(folder):
                    yield from _files_below(folder, "**/*")

    def _modules(self, module: ModuleReference, file: Path) -> Iterator[Path]:
        folders = self._folders
        if module.level:
            folders = [file.parents[min(module.level, len(file.parents)) - 1]]
        prefix, star, _ = module.name.partition("*")
        if star:  # import_module(f"flows.{name}")
            folder = prefix.rpartition(".")[0].replace(".", "/")
            for base in folders if folder else []:
                yield from _files_below(base / folder, "**/*.py")
            return
        parts = tuple(filter(None, module.name.split(".")))
        yield from _module_files(folders, parts)
        for name in module.names:
            yield from _module_files(folders, (*parts, name))

    def _named(self, text: str, file: Path) -> Iterator[Path]:
        for path in self._candidates(text, file):
            folder = _fixed_part(path)
            if folder is None:
                if _is_file(path):
                    yield path
            elif _SUFFIX.search(path.name) or not self._is_around(folder, file):
                yield from self._matching(path, folder)  # but not all that lies around the code

    def _is_around(self, folder: Path, file: Path) -> bool:
        return any(each.is_relative_to(folder) for each in (file, self._scenario))

    def _listed(self, text: str, file: Path) -> Iterator[Path]:
        """What a file lists: of `*` in a folder, everything but code."""
        for path in self._candidates(text, file):
            if (folder := _fixed_part(path)) is not None:
                found = self._matching(path, folder)
                yield from (each for each in found if path.name != "*" or each.suffix != ".py")

    def _matching(self, path: Path, folder: Path) -> Iterator[Path]:
        if folder.is_relative_to(self._project) and _is_dir(folder):
            yield from _files_below(folder, os.path.relpath(path, folder))

    def _candidates(self, text: str, file: Path) -> Iterator[Path]:
        """What a path may mean: from the file, from the scenario, from the working directory."""
        if not text or "\0" in text or "://" in text:
            return
        for base in dict.fromkeys((file.parent, self._scenario.parent, self._project)):
            path = Path(os.path.normpath(base / text))
            if path.is_relative_to(self._project) and path != self._project:
                yield path

    def _may_belong(self, folder: Path) -> bool:
        if not folder.is_absolute() or not folder.is_relative_to(self._project):
            return False
        inner = folder.relative_to(self._project).parts
        hidden = any(part.startswith(".") or part in _NOT_OF_THE_SCENARIO for part in inner)
        return not hidden and inner[:1] not in {(name,) for name in _OUTPUT}

    def _belongs(self, file: Path) -> bool:
        if not self._may_belong(file.parent) or file.resolve().is_relative_to(_LAB):
            return False
        inside = [folder for folder in file.parents if folder.is_relative_to(self._project)]
        return not any((folder / "pyvenv.cfg").is_file() for folder in inside)


def _is_one_of(file: Path, written: Iterable[Path]) -> bool:
    return any(file == path or fnmatch.fnmatchcase(str(file), str(path)) for path in written)


def _fixed_part(pattern: Path) -> Path | None:
    """The folder in which all matches of a pattern are; None if it is no pattern."""
    match = re.search(r"[*?\[]", str(pattern))
    return Path(f"{str(pattern)[: match.start()]}x").parent if match else None


def _module_files(folders: Iterable[Path], parts: tuple[str, ...]) -> Iterator[Path]:
    """The files that an import of this module runs: its packages and itself."""
    for folder in folders:
        found = list(_module_below(folder, parts))
        yield from found
        if found:
            return  # a namespace package without code may go on in the next folder


def _module_below(folder: Path, parts: tuple[str, ...]) -> Iterator[Path]:
    for part in parts:
        package = folder / part / "__init__.py"
        if _is_file(package):
            yield package
        elif _is_file(module := folder / f"{part}.py"):
            yield module
            return
        elif not _is_dir(folder / part):
            yield from (path for path in folder.glob(f"{part}.*") if path.suffix in (".so", ".pyd"))
            return
        folder /= part


def _files_below(folder: Path, pattern: str) -> Iterator[Path]:
    try:
        yield from sorted(path for path in folder.glob(pattern) if path.is_file())
    except (OSError, ValueError, NotImplementedError, IndexError):
        return  # no pattern after all


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False
