"""`lab worker` by the real command: run after run, until Ctrl-C or once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from lab.driver_messages import ClosedLoadSpec
from lab.processes.child_processes import Children
from tests.lab.driver.fleets import TOKEN, Fleets, free_port, opened_of, shared
from tests.lab.driver.scenarios import PLAIN_USER, closed_of
from tests.runs import PATH, gone
from tests.servers import serving

pytestmark = pytest.mark.slow


@contextmanager
def lab_worker(
    project: Path, port: int, *options: str, token: str = TOKEN
) -> Iterator[subprocess.Popen[str]]:
    """The command under way, in a project folder."""
    (project / "hypotheses").mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "worker", f"127.0.0.1:{port}", *options],
        cwd=project,
        env={**os.environ, **PATH, "LAB_WORKER_TOKEN": token},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)


def one_run(project: Path, port: int, log: Path) -> None:
    """A run of one trial, by one worker that joins by itself."""
    with Children() as children, serving("plain", log) as server:
        fleets = Fleets(children, project)
        path = fleets.write(PLAIN_USER)
        driver = fleets.start(local=0, remote=1, port=port)
        driver.load(path, files=fleets.digests())
        messages = shared(driver, server.url, ClosedLoadSpec(2))
        assert not closed_of(messages).early
        assert opened_of(messages).workers[0].users == 2
        assert server.end()["served"] > 0


def test_it_takes_part_in_one_run_after_the_other_until_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    project = tmp_path / "project"
    project.mkdir()
    with lab_worker(project, port) as worker:
        for number in range(2):
            one_run(project, port, tmp_path / f"log-{number}")
            assert worker.poll() is None
        family = psutil.Process(worker.pid).children(recursive=True)
        worker.send_signal(signal.SIGINT)
        said, _ = worker.communicate(timeout=20)
    assert worker.returncode == 0, said
    assert said.count("joined as worker 1 of 1") == 2
    assert said.startswith(f"waiting for a run at 127.0.0.1:{port}; Ctrl-C ends it")
    assert gone(family, 10)


def test_once_ends_with_the_run_and_a_wrong_token_is_an_error_of_the_user(tmp_path: Path) -> None:
    port = free_port()
    project = tmp_path / "project"
    project.mkdir()
    with (
        lab_worker(project, port, "--once", token="guessed") as wrong,
        lab_worker(project, port, "--once") as right,
    ):
        one_run(project, port, tmp_path / "log")
        said, _ = wrong.communicate(timeout=20)
        assert wrong.returncode == 2, said
        assert f"lab: 127.0.0.1:{port}: this worker does not know the token of this run" in said
        assert "--token" in said and "guessed" not in said
        said, _ = right.communicate(timeout=20)
        assert right.returncode == 0, said


def test_variables_of_the_scenario_are_those_that_it_is_told_to_pass(tmp_path: Path) -> None:
    port = free_port()
    project = tmp_path / "project"
    project.mkdir()
    with lab_worker(project, port, "--pass", "LAB_WORKER_TEST") as worker:
        said, _ = worker.communicate(timeout=20)
    assert worker.returncode == 2
    assert "--pass LAB_WORKER_TEST: this variable is not set" in said
