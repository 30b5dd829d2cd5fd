"""A run whose load workers share, by the real command: verdict, record, report, a killed worker."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import psutil
import pytest

from lab.exit_codes import ExitCode
from lab.runs.run_folder import RunFolder
from lab.trials.trial import LoadEvidence
from tests.runs import QUICK_SOAK, copy_project, gone, lab, started
from tests.undisturbed import undisturbed

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def finished(project: Path) -> Path:
    """A whole run of two workers; its folder."""
    options = ("--seed", "1", "--workers", "2", "--no-profile")
    done = undisturbed(lab("run", "quick", *options, project=project))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CONFIRMED" in done.stdout
    return (project / "reports" / "quick" / "latest").resolve()


def test_every_trial_has_both_workers_with_their_users(finished: Path) -> None:
    for trial in RunFolder.open(finished).trials():
        assert isinstance(trial.evidence, LoadEvidence)
        fleet = trial.evidence.fleet
        assert fleet is not None
        assert [worker.users for worker in fleet.workers] == [10, 10]
        assert all(worker.requests > 0 for worker in fleet.workers)
        ended = sum(requests.count for requests in trial.evidence.requests.values())
        assert sum(worker.requests for worker in fleet.workers) == ended
        assert fleet.clock_error_s == 0, "of one machine"


def test_plan_and_conditions_have_them(finished: Path) -> None:
    assert json.loads((finished / "plan.json").read_text())["workers"] == {"local": 2, "remote": 0}
    driver = json.loads((finished / "conditions.json").read_text())["driver"]
    assert driver["workers"] == 2
    assert len(driver["joined"]) == 2


def test_the_report_says_who_made_the_load_and_how_to_repeat_it(finished: Path) -> None:
    text = (finished / "report.md").read_text()
    assert "### Workers" in text
    assert "lab run quick --seed 1 --workers 2" in text
    assert "2 workers share the load" in text, "why windows are whole"
    assert "<h3>Workers</h3>" in (finished / "report.html").read_text()


def test_judging_again_gives_the_same_bytes(finished: Path, project: Path) -> None:
    before = (finished / "verdict.json").read_bytes()
    (finished / "verdict.json").unlink()
    assert lab("judge", "quick", project=project).returncode == 0
    assert (finished / "verdict.json").read_bytes() == before


def workers_of(lab_pid: int) -> list[psutil.Process]:
    """The processes of workers below a lab."""
    found = []
    for process in psutil.Process(lab_pid).children(recursive=True):
        try:
            if "lab.driver.worker" in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def trials_begun(folder: Path) -> int:
    """How many trials have reported a frame: the first of a trial is that of its warm-up."""
    return sum(bool(file.stat().st_size) for file in (folder / "series").glob("*.jsonl"))


def test_a_killed_worker_voids_its_block_and_the_run_goes_on(project: Path) -> None:
    with started("quick", "--seed", "3", "--workers", "2", project=project) as running:
        running.wait_for(lambda: trials_begun(running.folder) == 2)
        victim = workers_of(running.process.pid)[0]
        os.kill(victim.pid, signal.SIGKILL)
        assert undisturbed(running.finish(240)).returncode == 0
        folder = running.folder
    trials = RunFolder.open(folder).trials()
    lost = [fault for trial in trials for fault in trial.faults if fault.gate == "workers"]
    assert len(lost) == 1
    assert f"process {victim.pid}" in lost[0].message


def test_a_worker_joins_by_its_address_and_token(project: Path) -> None:
    """As from another machine; one without the token is refused and does not end the run."""
    address = f"127.0.0.1:{free_port()}"
    token = {"LAB_WORKER_TOKEN": "a-s3cret-of-the-test"}
    options = ("--seed", "5", "--workers", "1", "--expect-workers", "2", "--bind", address)
    with started("quick", *options, project=project, env=token) as running:
        refused = once(lambda: lab("worker", address, "--once", project=project))
        assert refused.returncode == 2
        assert "does not know the token of this run" in refused.stderr
        joined = lab("worker", address, "--once", project=project, env=token)
        done = undisturbed(running.finish(240))
        assert done.returncode == 0, done.stderr
        folder = running.folder
    assert joined.returncode == 0, joined.stderr
    assert "s3cret" not in joined.stdout
    for trial in RunFolder.open(folder).trials():
        assert trial.service.fleet is not None
        assert [worker.users for worker in trial.service.fleet.workers] == [10, 10]
    assert json.loads((folder / "plan.json").read_text())["workers"] == {"local": 1, "remote": 1}
    assert "lab worker HOST:PORT" in (folder / "report.md").read_text()
    for path in folder.rglob("*"):
        if path.is_file():
            assert b"s3cret" not in path.read_bytes(), path


def free_port() -> int:
    """A port of loopback that nothing uses."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        return int(made.getsockname()[1])


def once(worker: Callable[[], CompletedProcess[str]]) -> CompletedProcess[str]:
    """What a worker says when the run listens, which takes a moment."""
    deadline = time.monotonic() + 60
    while (done := worker()).returncode == ExitCode.INVALID and time.monotonic() < deadline:
        time.sleep(0.5)
    return done


def test_nothing_stays_behind_a_killed_lab(project: Path) -> None:
    with started("quick", "--seed", "4", "--workers", "2", project=project) as running:
        running.wait_for(lambda: (running.folder / "trials.jsonl").exists())
        family = psutil.Process(running.process.pid).children(recursive=True)
        running.process.kill()
        running.process.wait()
        assert gone(family, 20)


def test_a_soak_is_shared_by_workers(project: Path) -> None:
    shutil.copy(QUICK_SOAK, project / "hypotheses")
    options = ("--for", "75s", "--anyway", "--seed", "1", "--workers", "2")
    done = undisturbed(lab("run", "quick-soak", *options, project=project))
    assert done.returncode in (0, 3), done.stdout + done.stderr
    [trial] = RunFolder.open((project / "reports/quick-soak/latest").resolve()).trials()
    assert trial.trusted, trial.faults
    fleet = trial.service.fleet
    assert fleet is not None
    assert [worker.name for worker in fleet.workers] == ["worker 1", "worker 2"]
    stats = trial.evidence.load_stats  # type: ignore[union-attr]
    assert sum(worker.sent for worker in fleet.workers) == stats.sent == stats.scheduled > 0
