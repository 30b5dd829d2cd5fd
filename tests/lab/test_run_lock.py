"""Two runs never measure at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from lab.run_lock import MachineBusy, machine_lock

HOLDER = """
import sys, time
from lab.run_lock import machine_lock
with machine_lock(lambda holder: None):
    print("mine", flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def own_address(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of this test's own: a real run on this machine must not matter."""
    address = f"\0bottleneck-lab-test-{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setattr("lab.run_lock._ADDRESS", address)
    return address


def hold(address: str, seconds: float) -> subprocess.Popen[bytes]:
    code = f"import lab.run_lock; lab.run_lock._ADDRESS = {address!r}\n{HOLDER}"
    holder = subprocess.Popen([sys.executable, "-c", code, str(seconds)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"mine\n"
    return holder


def test_the_second_waits_and_is_told_for_whom(own_address: str) -> None:
    holder = hold(own_address, 0.5)
    told: list[int | None] = []
    with machine_lock(told.append):
        assert holder.wait(5) == 0
    assert told == [holder.pid]
    holder.communicate()


def test_without_waiting_it_is_refused(own_address: str) -> None:
    holder = hold(own_address, 5)
    with pytest.raises(MachineBusy, match=str(holder.pid)), machine_lock(None):
        pass
    holder.kill()
    holder.communicate()


def test_a_killed_holder_leaves_no_lock(own_address: str) -> None:
    holder = hold(own_address, 60)
    holder.kill()
    holder.communicate()
    with machine_lock(None):
        pass


def test_turns_follow_each_other(own_address: str) -> None:
    for _ in range(2):
        with machine_lock(None):
            pass
