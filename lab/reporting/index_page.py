"""`reports/index.html`: every run of a project on one page, with filters that need no network."""

from __future__ import annotations

import base64
import fcntl
import hashlib
from pathlib import Path

from markupsafe import Markup

from lab.files.json_files import write_whole
from lab.reporting.page_template import FOLDER, fill_template
from lab.reporting.run_overview import RunOverview, run_overviews

FILE = "index.html"


def write_index(reports: Path) -> None:
    """Write the page anew. OSError if it cannot be written.

    A second process waits until the first has read and written, so that the page which is written
    last has read last, too.
    """
    reports.mkdir(parents=True, exist_ok=True)
    with (reports / ".index.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        write_whole(reports / FILE, index_page(run_overviews(reports)))


def index_page(runs: tuple[RunOverview, ...]) -> str:
    """The page of these runs."""
    script = (FOLDER / "index.js").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return fill_template(
        "index.html",
        runs=runs,
        verdicts=tuple(dict.fromkeys(run.verdict for run in runs)),
        kinds=tuple(sorted({run.kind for run in runs if run.kind})),
        script=Markup(script),
        script_digest=digest,
    )
