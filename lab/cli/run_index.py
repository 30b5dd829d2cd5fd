"""The page of all runs, kept up to date."""

from __future__ import annotations

import sys
from pathlib import Path

from lab.runs.run_folder import RunFolder


def rebuild_index(run_folder: RunFolder, reports: Path) -> None:
    """Write `index.html` anew if the run is in this folder.

    A failure is reported on standard error: the run and its report are complete without it.
    """
    from lab.reporting.index_page import FILE, write_index

    if not run_folder.folder.is_relative_to(reports):
        return
    try:
        write_index(reports)
    except Exception as error:
        print(f"lab: {reports / FILE} was not written ({error})", file=sys.stderr)
