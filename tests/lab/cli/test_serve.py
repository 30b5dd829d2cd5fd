"""`lab serve`: the system of lab.toml until Ctrl-C, and not beside a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import psutil
import pytest

from lab.cli.commands import serve
from lab.errors import UsageError
from lab.machine.run_lock import MachineBusy, machine_lock
from lab.targets.target_interface import TargetFailure
from tests.fakes.target import FakeTarget
from tests.runs import copy_project


@pytest.mark.usefixtures("own_lock", "signal_handlers")
def test_beside_a_run_it_is_refused_with_advice_that_it_can_follow() -> None:
    with (
        machine_lock(None),
        pytest.raises(
            MachineBusy, match=rf"process {os.getpid()}\)\. Start the service when"
        ) as busy,
    ):
        serve.command([])
    assert "--no-wait" not in str(busy.value)


def test_a_setting_has_one_value() -> None:
    with pytest.raises(UsageError, match=r"A: given twice\. Keep one of the two"):
        serve.command(["A=1", "B=1", "A=2"])


@pytest.mark.usefixtures("own_lock", "signal_handlers")
@pytest.mark.parametrize(
    ("settings", "how"), [(["DB_POOL_SIZE=5"], "there is no switch to alone"), ([], "it ended")]
)
def test_settings_are_made_to_hold_where_a_command_switches_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: list[str], how: str
) -> None:
    target = FakeTarget({}, deaths={"alone": "it ended"}, unswitchable={"alone"})
    monkeypatch.setattr("lab.cli.run_assembly.make_target", lambda *_: target)
    monkeypatch.chdir(copy_project(tmp_path))
    with pytest.raises(TargetFailure, match=how):
        serve.command(settings)


@pytest.mark.real
def test_it_answers_until_ctrl_c_and_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "lab", "serve", "DB_POOL_SIZE=3"],
        cwd=copy_project(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "starting ...\n"
        url = process.stdout.readline().split()[4].rstrip(";")
        with urllib.request.urlopen(f"{url}/ready", timeout=10) as answer:
            assert json.load(answer)["settings"]["DB_POOL_SIZE"] == "3"
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 4  # service, pricing, the database and the watchdog
    finally:
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert stderr == ""
    _, alive = psutil.wait_procs(family, timeout=10)
    assert not [each for each in alive if each.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.real
def test_a_setting_that_the_service_refuses_is_one_message(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lab", "serve", "DB_POOL_SIZE=none"],
        cwd=copy_project(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "DB_POOL_SIZE" in done.stderr and len(done.stderr.strip().splitlines()) == 1
