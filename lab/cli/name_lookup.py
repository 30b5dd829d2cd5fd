"""Arguments that several verbs share: a hypothesis by name, a run by name, folder or report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NamedTuple

import typer

from lab.files.project_folder import Project
from lab.hypothesis import find_hypothesis
from lab.runs.run_folder import RunFolder, RunFolderError

RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="The folder of a run, NAME/RUN below reports/, or NAME for its latest run.",
    ),
]
RunOrReportArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A report.html, the folder of a run, NAME/RUN below reports/, or NAME for its latest.",
    ),
]


class StoredRun(NamedTuple):
    """A run to be read, and where it was found.

    Attributes:
        run_folder: Its folder; of a report, one that was made from its data and soon is removed.
        root: The folder in which its scenario may be; of a report there is none.
        place: What was named: the folder, or the file of the report.
    """

    run_folder: RunFolder
    root: Path
    place: Path

    @property
    def report(self) -> Path:
        """The page that shows it."""
        in_folder = self.run_folder.folder == self.place
        return self.run_folder.path("report.html") if in_folder else self.place


def hypothesis_file(name: str, project: Project) -> Path:
    """The file of a hypothesis: a path that ends in .md, or hypotheses/NAME.md."""
    return Path(name).absolute() if name.endswith(".md") else find_hypothesis(name, project.root)


@contextmanager
def stored_run(run: str) -> Iterator[StoredRun]:
    """A run by name, folder or report.

    Raises:
        UsageError: There is none; a report carries none, or its data were changed.
    """
    if not run.endswith(".html"):
        project = Project.find()
        run_folder = open_run(run, project)
        yield StoredRun(run_folder, project.root, run_folder.folder)
        return
    from lab.runs.report_evidence import unpack

    page = Path(run).absolute()
    with TemporaryDirectory(prefix="lab-") as folder:
        yield StoredRun(unpack(page, Path(folder)), Path(folder), page)


def open_run(run: str, project: Project) -> RunFolder:
    """The folder of a run. RunFolderError if there is none."""
    with suppress(OSError):  # a name too long for the file system, for example
        for folder in (Path(run), project.reports / run / "latest", project.reports / run):
            if (folder / "plan.json").is_file():
                return RunFolder.open(folder.resolve())
    raise RunFolderError(
        f"{run}: no such run. Name a hypothesis that was run, or a folder reports/NAME/RUN"
    )
