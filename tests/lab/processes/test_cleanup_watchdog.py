"""After the death of the lab nothing is left that it had started."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from lab.processes.cleanup_watchdog import start_ticks
from tests.lab.processes.test_child_processes import SLEEPER, STUBBORN, wait_until

# a lab that starts a child and then waits to be killed
LAB = """
import sys, time
from lab.processes.child_processes import Children
children = Children()
child = children.start([sys.executable, "-c", "import time; time.sleep(300)"], role="service")
print(child.pid, children.folder, flush=True)
time.sleep(300)
"""
# a lab with something to run at its death
LAST = """
import sys, time
from lab.processes.child_processes import Children
children = Children()
children.on_parent_death("tests.lab.touch", sys.argv[1])
if sys.argv[2] == "taken back":
    children.on_parent_death()
print("up", flush=True)
time.sleep(300)
"""


def watch(*messages: str) -> None:
    """Run the watchdog on these messages to its end."""
    command = [sys.executable, "-m", "lab.processes.cleanup_watchdog"]
    text = "".join(f"{message}\n" for message in messages)
    subprocess.run(command, input=text, text=True, check=True, timeout=30)


def test_kill_9_of_the_lab_leaves_nothing() -> None:
    lab = subprocess.Popen([sys.executable, "-c", LAB], stdout=subprocess.PIPE)
    assert lab.stdout is not None
    pid, folder = lab.stdout.readline().decode().split()
    assert psutil.pid_exists(int(pid))
    os.kill(lab.pid, signal.SIGKILL)
    lab.communicate()
    assert wait_until(lambda: not psutil.pid_exists(int(pid)))
    assert wait_until(lambda: not Path(folder).exists())


@pytest.mark.parametrize("kept", ["kept", "taken back"])
def test_a_module_is_run_last_unless_it_was_taken_back(kept: str, tmp_path: Path) -> None:
    file = tmp_path / "created"
    command = [sys.executable, "-c", LAST, str(file), kept]
    lab = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert lab.stdout is not None and lab.stdout.readline()
    (watchdog,) = psutil.Process(lab.pid).children()
    os.kill(lab.pid, signal.SIGKILL)
    lab.communicate()
    psutil.wait_procs([watchdog], timeout=20)
    assert file.exists() == (kept == "kept")


def test_a_process_that_ignores_its_signal_is_killed() -> None:
    process = subprocess.Popen(STUBBORN, stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None and process.stdout.readline()
    watch(f"+ {process.pid} {start_ticks(process.pid)} {int(signal.SIGTERM)}")
    assert process.wait(5) == -signal.SIGKILL
    process.stdout.close()


def test_a_process_that_only_has_the_same_id_is_left_alone() -> None:
    """Ids are used again: only the start time shows that it is another process."""
    process = subprocess.Popen(SLEEPER, start_new_session=True)
    ticks = start_ticks(process.pid)
    assert ticks is not None
    watch(f"+ {process.pid} {ticks + 1} {int(signal.SIGTERM)}")
    assert process.poll() is None
    watch(f"+ {process.pid} {ticks} {int(signal.SIGTERM)}", f"- {process.pid}")
    assert process.poll() is None
    process.kill()
    process.wait()


def test_processes_with_the_variable_of_the_run_are_killed() -> None:
    """One that was started just before the death of the lab is known by nothing else."""
    variable = f"LAB_TEST={os.getpid()}"
    name, _, value = variable.partition("=")
    process = subprocess.Popen(SLEEPER, env=os.environ | {name: value}, start_new_session=True)
    watch(f"variable {variable}")
    assert process.wait(5) == -signal.SIGKILL


HIDES = """
import subprocess, sys
hidden = subprocess.Popen(
    [sys.executable, "-c", "import time; time.sleep(300)"], env={}, start_new_session=True
)
print(hidden.pid, flush=True)
hidden.wait()
"""


def test_what_a_process_started_in_another_session_without_its_environment_is_killed() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HIDES], stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    hidden = int(process.stdout.readline())
    watch(f"+ {process.pid} {start_ticks(process.pid)} {int(signal.SIGTERM)}")
    process.communicate()
    assert wait_until(lambda: start_ticks(hidden) is None)


def test_folders_are_removed_last(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "log").touch()
    created = folder / "created"
    watch(f"folder {folder}", f"last {json.dumps(['tests.lab.touch', str(created)])}")
    assert not folder.exists()


def test_a_process_that_has_ended_has_no_start() -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie now
    assert start_ticks(process.pid) is None
    process.wait()
    assert start_ticks(process.pid) is None


def test_a_folder_that_is_to_be_kept_after_all_is_not_removed(tmp_path: Path) -> None:
    for name in ("kept", "removed"):
        (tmp_path / name).mkdir()
    folders = [f"folder {tmp_path / name}" for name in ("kept", "removed")]
    watch(*folders, f"keep {tmp_path / 'kept'}", f"keep {tmp_path / 'unknown'}")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
