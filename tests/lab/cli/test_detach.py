"""A run in the background: its first message, its log, and a run that ends before either."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab.cli.detach import DetachedRun

# the process that is started from a terminal; the background acts as the argument says
DETACHING = """
import os, sys
from pathlib import Path
from lab.cli.detach import detach
folder = Path(sys.argv[1])
background = detach(folder, None)
if background is None:
    print("the command ends", flush=True)
    raise SystemExit(0)
print("output of the run", flush=True)
if sys.argv[2] == "fails":
    print("lab: a file is wrong", file=sys.stderr)
    raise SystemExit(2)
run = folder / "20260101-000000"
run.mkdir()
background.settled(run)
print("more output", flush=True)
"""


def detached(folder: Path, background: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", DETACHING, str(folder), background],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_the_command_ends_when_the_run_has_its_folder(tmp_path: Path) -> None:
    reports = tmp_path / "reports" / "quick"
    done = detached(reports, "goes on")
    assert done.returncode == 0, done.stderr
    message, status, end = done.stdout.splitlines()
    run = reports / "20260101-000000"
    assert message.startswith("running in the background as process ") and str(run) in message
    assert status == f"`lab status quick` shows its progress; output goes to {run / 'run.log'}"
    assert end == "the command ends"
    assert (run / "run.log").read_text().startswith("output of the run\n")
    assert [path.name for path in reports.iterdir()] == [run.name]


def test_a_run_that_fails_at_once_fails_the_command(tmp_path: Path) -> None:
    done = detached(tmp_path, "fails")
    assert done.returncode == 2
    assert done.stderr == "output of the run\nlab: a file is wrong\n"
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("holder", [7, None])
def test_only_the_first_message_is_sent(tmp_path: Path, holder: int | None) -> None:
    reading, writing = os.pipe()
    background = DetachedRun(tmp_path / "log", os.fdopen(writing, "w"))
    (tmp_path / "log").touch()
    background.waiting(holder)
    (tmp_path / "run").mkdir()
    background.settled(tmp_path / "run")
    with os.fdopen(reading) as pipe:
        message = pipe.read()
    assert message.startswith("waiting in the background as process ")
    assert f"(process {holder or 'unknown'})" in message
    assert "running" not in message
    assert (tmp_path / "run" / "run.log").exists()


def test_a_command_that_was_closed_meanwhile_does_not_matter(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    DetachedRun(tmp_path / "log", os.fdopen(writing, "w")).waiting(7)
