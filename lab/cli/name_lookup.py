"""Naming hypotheses and runs on the command line."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from lab.errors import UsageError
from lab.hypothesis import find_hypothesis
from lab.project_folder import Project
from lab.run_folder import RunFolder, RunFolderError

Run = Annotated[
    str,
    typer.Argument(help="A run folder, NAME/RUN below reports/, or NAME for its latest run."),
]


def open_run(run: str, project: Project) -> RunFolder:
    """The notebook that RUN means."""
    with suppress(OSError):  # a name too long for the file system, for one
        for folder in (Path(run), project.reports / run / "latest", project.reports / run):
            if (folder / "plan.json").is_file():
                return RunFolder.open(folder.resolve())
    raise RunFolderError(
        f"{run}: no such run. Name a hypothesis that was run, or a folder reports/NAME/RUN"
    )


def seconds(text: str) -> float:
    """A length of time as it is typed: 8h, 30m, 0.1h."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|h)", text)
    if not match or not float(match[1]):
        raise UsageError(f"{text!r} is no length of time. Write it as in 8h, 30m or 0.1h")
    return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]


def hypothesis_file(name: str, project: Project) -> Path:
    """The file that NAME means: itself, or hypotheses/NAME.md."""
    return Path(name).absolute() if name.endswith(".md") else find_hypothesis(name, project.root)
