"""The path of a scenario: a Python file of the project."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from lab.input_files import Node, shown, suggestion

SCENARIOS = "scenarios"


def read_scenario(node: Node, project: Path | None) -> str:
    """The path of a locustfile or a soak script."""
    return checked_path(node, node.exact(), project)


def checked_path(node: Node, text: str, project: Path | None) -> str:
    """The path, if it is one below `scenarios/` and (given a project) if the file is there."""
    path = PurePosixPath(text)
    inside = path.parts[:1] == (SCENARIOS,) and ".." not in path.parts and "\\" not in text
    if not inside or path.suffix != ".py" or str(path) != text:
        raise node.flaw(
            f"the scenario {shown(text)} is not a Python file under {SCENARIOS}/",
            f"Write its path from the project folder, as in {SCENARIOS}/checkout.py.",
        )
    if project is not None:
        _require_file(node, text, project)
    return text


def _require_file(node: Node, path: str, project: Path) -> None:
    file = project / path
    if not _is_file(file):
        known = [f"{SCENARIOS}/{other.name}" for other in (project / SCENARIOS).glob("*.py")]
        remedy = suggestion(path, known) if known else f"Add a file to {SCENARIOS}/."
        raise node.flaw(f"there is no scenario {shown(path)}", remedy)
    if not file.resolve().is_relative_to(project.resolve()):
        raise node.flaw(
            f"the scenario {shown(path)} is a link to a file outside the project",
            f"Put the file itself into {SCENARIOS}/.",
        )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name too long for the file system
        return False
