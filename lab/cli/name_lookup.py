"""Arguments that several verbs share: a hypothesis by name, a run by name or folder."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from lab.hypothesis import find_hypothesis
from lab.project_folder import Project
from lab.run_folder import RunFolder, RunFolderError

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="The folder of a run, NAME/RUN below reports/, or NAME for its latest run.",
    ),
]


def hypothesis_file(name: str, project: Project) -> Path:
    """The file of a hypothesis: a path that ends in .md, or hypotheses/NAME.md."""
    return Path(name).absolute() if name.endswith(".md") else find_hypothesis(name, project.root)


def open_run(run: str, project: Project) -> RunFolder:
    """The folder of a run. RunFolderError if there is none."""
    with suppress(OSError):  # a name too long for the file system, for example
        for folder in (Path(run), project.reports / run / "latest", project.reports / run):
            if (folder / "plan.json").is_file():
                return RunFolder.open(folder.resolve())
    raise RunFolderError(
        f"{run}: no such run. Name a hypothesis that was run, or a folder reports/NAME/RUN"
    )
