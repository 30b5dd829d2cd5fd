"""`lab.toml`, found in the project's folder, read and checked."""

from __future__ import annotations

from pathlib import Path

from lab.errors import UsageError
from lab.input_files import Flaw
from lab.input_files.text_file import read_text, refuse_unprintable
from lab.system.model import FILE, System
from lab.system.parser import parse_system
from lab.system.toml_nodes import read_toml


class SystemFileError(UsageError):
    """`lab.toml` cannot be used: what is wrong, where, and what would be right."""

    def __init__(self, path: Path, line: int | None, problem: str, remedy: str) -> None:
        self.path, self.line, self.problem, self.remedy = path, line, problem, remedy
        place = f"{path}:{line}" if line else str(path)
        super().__init__(f"{place}: {problem}. {remedy}")


def load_system(project: Path) -> System:
    """The system that the `lab.toml` of a project describes.

    Raises:
        SystemFileError: There is none, or something in it is wrong: its first flaw by line.
    """
    path = project / FILE
    try:
        if not path.exists():
            raise Flaw(
                None,
                "there is no such file, which says how the system under test is started",
                'Write one: [[process]] with name = "web", command = "... --port {port}" and '
                'ready = "/". docs/lab-toml.md has every key.',
            )
        text = read_text(path, "a TOML file")
        refuse_unprintable(text)
        return parse_system(read_toml(text, FILE), project)
    except Flaw as flaw:
        raise SystemFileError(path, flaw.line, flaw.problem, flaw.remedy) from None
