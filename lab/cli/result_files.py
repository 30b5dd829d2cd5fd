"""What a verdict leaves for others: a JUnit file, a Markdown summary, the page of a CI job."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from lab.errors import StorageError, UsageError, storage_error

if TYPE_CHECKING:
    from lab.hypothesis import Hypothesis
    from lab.runs.run_folder import RunFolder
    from lab.verdict.record import Verdict

JunitOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write the verdict as JUnit XML.")
]
SummaryOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Write a summary as Markdown.")
]


class ResultFiles(NamedTuple):
    """The files that a command was asked to write about a verdict, as absolute paths.

    Attributes:
        junit: Of `--junit`.
        summary: Of `--summary`.
        job_page: To which GitHub Actions adds what a step reports; set there by itself.
    """

    junit: Path | None
    summary: Path | None
    job_page: Path | None

    @classmethod
    def prepare(cls, junit: Path | None, summary: Path | None) -> ResultFiles:
        """Make their folders, so that a mistake costs no run.

        Raises:
            UsageError: A file cannot be written there.
        """
        for option, file in (("--junit", junit), ("--summary", summary)):
            if file is not None:
                _require_writable(option, file)
        page = os.environ.get("GITHUB_STEP_SUMMARY")
        return cls(
            junit and junit.absolute(), summary and summary.absolute(), Path(page) if page else None
        )

    @property
    def asked_for(self) -> tuple[Path, ...]:
        """Those that an option names."""
        return tuple(file for file in (self.junit, self.summary) if file is not None)

    def remove_earlier(self) -> None:
        """Remove those of an earlier run: they would be taken for those of one without a verdict.

        A link, a mounted file and one in a folder of somebody else stay, but are empty.
        """
        for file in self.asked_for:
            if file.is_file():
                file.write_bytes(b"")
                if not file.is_symlink():
                    with contextlib.suppress(OSError):
                        file.unlink()

    def write(self, run_folder: RunFolder, hypothesis: Hypothesis, verdict: Verdict) -> None:
        """Write them all.

        The page of a job that cannot be written is reported on standard error: nobody asked for it.

        Raises:
            StorageError: A file that was asked for cannot be written.
        """
        from lab.exchange.junit import junit_xml
        from lab.reporting.markdown_summary import markdown_summary

        if self.junit is not None:
            _write(self.junit, "w", junit_xml(verdict, _facts(run_folder)))
        if self.summary is None and self.job_page is None:
            return
        text = markdown_summary(run_folder, hypothesis, run_folder.plan(), verdict)
        if self.summary is not None:
            _write(self.summary, "w", text)
        if self.job_page is not None:
            try:
                _write(self.job_page, "a", f"\n{text}")
            except StorageError as error:
                print(f"lab: {error}", file=sys.stderr)


def _require_writable(option: str, file: Path) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.is_dir():
            raise IsADirectoryError
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise PermissionError
    except OSError as error:
        raise UsageError(
            f"{option} {file}: no file can be written there. Name one in a folder of yours"
        ) from error


def _facts(run_folder: RunFolder) -> dict[str, str]:
    from lab.machine.conditions import machine_name, marked_commit

    plan, conditions = run_folder.plan(), run_folder.conditions()
    return {
        "run": run_folder.run,
        "seed": str(plan.seed),
        "target": plan.target,
        "commit": marked_commit(conditions),
        "machine": machine_name(conditions),
        **({} if plan.workers is None else {"workers": str(plan.workers)}),
    }


def _write(file: Path, mode: str, text: str) -> None:
    try:
        with file.open(mode, encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    except OSError as error:
        raise storage_error(file, error) from error
