"""The folder of the project that the lab works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import UsageError

MARKER = "lab.toml"
KEPT = ".lab"  # what the lab keeps from run to run


def kept_folder(project: Path, name: str) -> Path:
    """A folder below `.lab`, made if it is not there; git ignores it."""
    folder = project / KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder.parent / ".gitignore").write_text("*\n", encoding="utf-8")
    return folder


class ProjectError(UsageError):
    """There is no project in this folder or above it."""


@dataclass(frozen=True)
class Project:
    """The folders of one project."""

    root: Path

    @property
    def hypotheses(self) -> Path:
        """The folder of the hypothesis files."""
        return self.root / "hypotheses"

    @property
    def reports(self) -> Path:
        """The folder of the runs."""
        return self.root / "reports"

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The nearest folder upwards that holds `lab.toml` or `hypotheses/`.

        A folder `hypotheses/` alone is enough for benchmarks, which need no service. ProjectError
        if there is neither.
        """
        try:
            here = (start or Path.cwd()).resolve()
        except OSError as error:  # it was removed, for example
            raise ProjectError(f"the current folder cannot be read ({error.strerror})") from error
        for folder in (here, *here.parents):
            if (folder / MARKER).is_file() or (folder / "hypotheses").is_dir():
                return cls(folder)
        raise ProjectError(
            f"{here}: no project here or above. Run the lab in a folder that holds {MARKER}, or "
            "below one; lab init writes one"
        )
