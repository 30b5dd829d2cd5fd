"""A real soak in the background that is killed: what is on disk, and how it is resumed."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import psutil
import pytest

from lab.hypothesis import Step
from lab.machine.run_lock import machine_lock
from lab.runs.run_folder import RunFolder
from tests.runs import QUICK_SOAK, copy_project, gone, lab, started

pytestmark = pytest.mark.real

ALONE = Step("alone")
SOAK = ("run", "quick-soak", "--for", "75s", "--anyway", "--detach")


def _intervals(run: Path, least: int, limit_s: float = 60) -> RunFolder:
    """The run's notebook, once so many intervals are on disk."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if (run / "plan.json").exists():
            run_folder = RunFolder.open(run.resolve())
            course = run_folder.time_series(1, ALONE)
            if course is not None and course.times.size >= least:
                return run_folder
        time.sleep(0.1)
    raise AssertionError(f"not {least} intervals within {limit_s} s")


def test_detached_killed_and_resumed(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project / "hypotheses" / "quick-soak.md").write_text(QUICK_SOAK.read_text())
    latest = project / "reports" / "quick-soak" / "latest"

    begun = lab(*SOAK, project=project)
    assert begun.returncode == 0, begun.stderr
    found = re.search(r"in the background as process (\d+): (\S+)", begun.stdout)
    assert found is not None, begun.stdout
    process = psutil.Process(int(found[1]))
    assert os.getsid(process.pid) == process.pid  # of no terminal
    assert Path(found[2]) == latest.resolve()
    run_folder = _intervals(latest, 1)
    seen = time.monotonic()
    assert f"process {process.pid}" in lab("status", project=project).stdout
    time.sleep(1)
    family = [process, *process.children(recursive=True)]
    process.send_signal(signal.SIGKILL)
    lasted_s = time.monotonic() - seen
    assert gone(family, 10)

    course = run_folder.time_series(1, ALONE)
    assert course is not None
    assert course.times[-1] > lasted_s  # whatever came after it is less than an interval of 5 s
    assert run_folder.unfinished_soak_trial(1, ALONE) is not None
    assert "quick-soak" in (latest / "run.log").read_text()
    stopped = lab("status", project=project).stdout
    assert "stopped; lab run quick-soak --resume continues" in stopped

    with started("quick-soak", "--resume", project=project) as run:
        _intervals(latest, course.times.size + 1)
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(30) == 130
    resumed = run_folder.time_series(1, ALONE)
    assert resumed is not None
    assert resumed.segments[-1] == 1
    assert resumed.times[course.times.size] == course.times[-1] + 5


def test_a_detached_soak_waits_for_its_turn_in_the_background(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project / "hypotheses" / "quick-soak.md").write_text(QUICK_SOAK.read_text())
    with machine_lock(lambda holder: None):
        waiting = lab(*SOAK, project=project)
    assert waiting.returncode == 0, waiting.stderr
    assert "rss_bytes of alone: likely detected from" in waiting.stdout
    message = rf"as process (\d+) .*\(process {os.getpid()}\); output goes to (.+)"
    found = re.search(f"waiting in the background {message}", waiting.stdout)
    assert found is not None, waiting.stdout
    process = psutil.Process(int(found[1]))
    process.terminate()
    assert gone([process], 60)
    assert "interrupted; nothing was measured yet" in Path(found[2]).read_text()


def test_a_misspelt_name_leaves_no_folder(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    assert lab("run", "quack", "--detach", project=project).returncode == 2
    assert not (project / "reports").exists()


def test_a_detached_soak_that_cannot_begin_says_so_where_it_was_typed(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    text = QUICK_SOAK.read_text().replace("IDEMPOTENCY_STORE", "IDEMPOTENCY_STOR")
    (project / "hypotheses" / "quick-soak.md").write_text(text)
    refused = lab(*SOAK, project=project)
    assert refused.returncode == 2
    assert "did you mean IDEMPOTENCY_STORE?" in refused.stderr
