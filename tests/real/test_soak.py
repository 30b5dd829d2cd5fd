"""A real soak that is killed: what is on disk, and how it goes on."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from lab.hypothesis import Step
from lab.notebook import Notebook
from tests.real.test_experiment import gone
from tests.runs import QUICK_SOAK, copy_project, lab, started

pytestmark = pytest.mark.real

ALONE = Step("alone")


def _intervals(run: Path, least: int, limit_s: float) -> Notebook:
    """The run's notebook, once so many intervals are on disk."""
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if (run / "plan.json").exists():
            course = Notebook.open(run.resolve()).course(1, ALONE)
            if course is not None and course.times.size >= least:
                return Notebook.open(run.resolve())
        time.sleep(0.1)
    raise AssertionError(f"not {least} intervals within {limit_s} s")


def test_kill_9_loses_at_most_an_interval_and_resume_goes_on(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    (project / "hypotheses" / "quick-soak.md").write_text(QUICK_SOAK.read_text())
    latest = project / "reports" / "quick-soak" / "latest"
    length = ("--for", "75s", "--anyway")
    with started("quick-soak", *length, project=project) as run:
        notebook = _intervals(latest, 1, 60)
        seen = time.monotonic()
        time.sleep(2)
        family = run.family()
        run.process.send_signal(signal.SIGKILL)
        lasted = time.monotonic() - seen
        assert gone(family, 10)
    course = notebook.course(1, ALONE)
    assert course is not None
    # an interval takes five seconds: what passed since the last one on disk is less
    assert course.times[-1] + 5 >= 5 + lasted - 1
    assert notebook.life(1, ALONE) is not None
    assert "stopped; lab run quick-soak --resume" in lab("status", project=project).stdout

    with started("quick-soak", "--resume", project=project) as run:
        _intervals(latest, course.times.size + 1, 60)
        assert "process" in lab("status", "quick-soak", project=project).stdout
        run.process.send_signal(signal.SIGTERM)
        assert run.process.wait(30) == 130
    resumed = notebook.course(1, ALONE)
    assert resumed is not None
    assert resumed.segments.tolist()[-1] == 1
    assert resumed.times[course.times.size] == course.times[-1] + 5
