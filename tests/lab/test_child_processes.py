"""Nothing that the lab starts outlives it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from lab.child_processes import Children
from lab.cpu_pinning import divide_cores, pin

SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]
STUBBORN = [
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('up', flush=True); time.sleep(300)",
]
# a lab that starts a child and then waits to be killed
LAB = """
import sys, time
from lab.child_processes import Children
children = Children()
child = children.start([sys.executable, "-c", "import time; time.sleep(300)"], role="service")
print(child.pid, children.folder, flush=True)
time.sleep(300)
"""


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


def test_logs_that_find_no_room_hide_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with Children() as children:
        children.start(STUBBORN, role="service")
        children.keep_logs(tmp_path / "file" / "logs")
    assert (tmp_path / "file").read_bytes() == b""


def test_who_ignores_the_signal_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.child_processes._STOP_S", 0.3)
    with Children() as children:
        child = children.start(STUBBORN, role="service")
        assert wait_until(lambda: "up" in child.log_tail())
        children.stop(child)
        assert child.died() == "ended by SIGKILL"


def test_kill_9_of_the_lab_leaves_nothing() -> None:
    lab = subprocess.Popen([sys.executable, "-c", LAB], stdout=subprocess.PIPE)
    assert lab.stdout is not None
    pid, folder = lab.stdout.readline().decode().split()
    assert psutil.pid_exists(int(pid))
    os.kill(lab.pid, signal.SIGKILL)
    lab.communicate()
    assert wait_until(lambda: not psutil.pid_exists(int(pid)))
    assert wait_until(lambda: not Path(folder).exists())


def test_a_process_that_the_guard_was_not_told_of_goes_too() -> None:
    with Children() as children:
        environment = os.environ | children.environment()
        untold = subprocess.Popen(SLEEPER, env=environment, start_new_session=True)
    assert wait_until(lambda: untold.poll() is not None)


def test_a_stray_setting_of_the_shell_does_not_reach_an_arm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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


LAST_WORD = """
import sys, time
from lab.child_processes import Children
children = Children()
children.on_parent_death("tests.lab.last_word", sys.argv[1])
if sys.argv[2] == "taken back":
    children.on_parent_death()
print("up", flush=True)
time.sleep(300)
"""


@pytest.mark.parametrize("kept", ["kept", "taken back"])
def test_the_guard_runs_what_a_killed_lab_would_have_run(kept: str, tmp_path: Path) -> None:
    file = tmp_path / "said"
    command = [sys.executable, "-c", LAST_WORD, str(file), kept]
    lab = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert lab.stdout is not None and lab.stdout.readline()
    (guard,) = psutil.Process(lab.pid).children()
    os.kill(lab.pid, signal.SIGKILL)
    lab.communicate()
    psutil.wait_procs([guard], timeout=20)
    assert file.exists() == (kept == "kept")
