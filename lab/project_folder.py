"""Where the project is that the lab works on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lab.errors import UsageError


class ProjectError(UsageError):
    """There is no project here; the message says what would be right."""


@dataclass(frozen=True)
class Project:
    """The folders of one project."""

    root: Path

    @property
    def hypotheses(self) -> Path:
        """Where the claims are written."""
        return self.root / "hypotheses"

    @property
    def reports(self) -> Path:
        """Where runs are kept."""
        return self.root / "reports"

    @classmethod
    def find(cls, start: Path | None = None) -> Project:
        """The nearest folder upwards that holds `hypotheses/`."""
        try:
            here = (start or Path.cwd()).resolve()
        except OSError as error:  # removed, for one
            raise ProjectError(f"the current folder cannot be read ({error.strerror})") from error
        for folder in (here, *here.parents):
            if (folder / "hypotheses").is_dir():
                return cls(folder)
        raise ProjectError(
            f"{here}: no project here or above. Run the lab in a folder that holds hypotheses/"
        )
