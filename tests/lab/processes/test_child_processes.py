"""Processes that the lab starts: their environment, cores and logs, and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lab.machine.cpu_pinning import divide_cores, pin
from lab.processes.child_processes import Children

SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('up', flush=True); time.sleep(300)",
]


def wait_until(holds: Callable[[], bool], limit_s: float = 10.0) -> bool:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_children_and_their_folder_go_with_the_context() -> None:
    with Children() as children:
        pids = [children.start(SLEEPER, role="service", arm=str(i)).pid for i in range(3)]
        folder = children.folder
        assert all(map(psutil.pid_exists, pids))
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not any(map(psutil.pid_exists, pids))
    assert not folder.exists()


def test_logs_that_are_not_empty_are_kept(tmp_path: Path) -> None:
    with Children() as children:
        children.start([sys.executable, "-c", "print('up')"], role="service", arm="a").popen.wait()
        children.start([sys.executable, "-c", "pass"], role="service", arm="b").popen.wait()
        children.keep_logs(tmp_path / "logs")
    assert {log.name: log.read_text() for log in (tmp_path / "logs").iterdir()} == {
        "service-a.log": "up\n"
    }


def test_logs_that_cannot_be_written_hide_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Children() as children:
        children.start(STUBBORN, role="service")
        children.keep_logs(tmp_path / "file" / "logs")
    assert (tmp_path / "file").read_bytes() == b""


def test_a_process_that_ignores_its_signal_is_killed() -> None:
    with Children() as children:
        child = children.start(STUBBORN, role="service", patience_s=0.3)
        assert wait_until(lambda: "up" in child.log_tail())
        assert child.died() is None
        children.stop(child)
        assert child.died() == "ended by SIGKILL"


def test_an_exit_code_is_reported() -> None:
    with Children() as children:
        child = children.start([sys.executable, "-c", "raise SystemExit(3)"], role="service")
        child.popen.wait()
        assert child.died() == "ended with exit code 3"


def test_a_process_that_the_watchdog_does_not_know_is_ended_too() -> None:
    with Children() as children:
        environment = os.environ | children.environment()
        unknown = subprocess.Popen(SLEEPER, env=environment, start_new_session=True)
    assert wait_until(lambda: unknown.poll() is not None)


def test_a_setting_of_the_shell_does_not_reach_an_arm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_POOL_SIZE", "99")
    code = "import os; print(sorted(k for k in os.environ if k.startswith('DB_')), flush=True)"
    with Children() as children:
        child = children.start([sys.executable, "-c", code], role="x", env={"DB_OWN": "1"})
        child.popen.wait()
        assert child.log_tail() == "['DB_OWN']"


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core only")
def test_pinning_covers_threads_and_driver_and_target_are_apart() -> None:
    cores = divide_cores()
    assert not set(cores.driver) & set(cores.target)
    threads = (
        "import threading, time; [threading.Thread(target=time.sleep, args=(300,), daemon=True)"
    )
    code = f"{threads}.start() for _ in range(3)]; print('up', flush=True); time.sleep(300)"
    with Children() as children:
        child = children.start([sys.executable, "-c", code], role="x")
        assert wait_until(lambda: "up" in child.log_tail())
        pin(child.pid, cores.target)
        tasks = [int(task.name) for task in Path(f"/proc/{child.pid}/task").iterdir()]
        assert len(tasks) == 4
        assert all(os.sched_getaffinity(task) == set(cores.target) for task in tasks)


def test_a_single_core_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3})
    assert divide_cores().driver == divide_cores().target == (3,)


def test_a_child_is_not_slowed_down_with_the_lab() -> None:
    """The lab lowers its priority while it measures, and starts arms and benchmarks then."""
    code = (
        "import os, sys; from lab.processes.child_processes import Children\n"
        "with Children() as children:\n"
        "    os.nice(5)\n"
        "    command = [sys.executable, '-c', 'import os; print(os.nice(0), flush=True)']\n"
        "    child = children.start(command, role='x')\n"
        "    child.popen.wait()\n"
        "    print(os.nice(0), child.log_tail())\n"
    )
    at_first = os.nice(0)
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.split() == [str(min(19, at_first + 5)), str(at_first)]
