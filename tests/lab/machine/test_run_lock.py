"""Two runs never measure at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from lab.machine.run_lock import MachineBusy, machine_lock

HOLDER = """
import sys, time
from lab.machine.run_lock import machine_lock
with machine_lock(lambda holder: None):
    print("held", flush=True)
    time.sleep(float(sys.argv[1]))
"""


@pytest.fixture
def own_address(monkeypatch: pytest.MonkeyPatch) -> str:
    """An address of this test's own, so that a real run on this machine does not matter."""
    address = f"\0bottleneck-lab-test-{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setattr("lab.machine.run_lock._ADDRESS", address)
    return address


def hold(address: str, seconds: float) -> subprocess.Popen[bytes]:
    code = f"import lab.machine.run_lock; lab.machine.run_lock._ADDRESS = {address!r}\n{HOLDER}"
    holder = subprocess.Popen([sys.executable, "-c", code, str(seconds)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_the_second_waits_and_reports_the_holder_once(own_address: str) -> None:
    holder = hold(own_address, 0.5)
    reported: list[int | None] = []
    with machine_lock(reported.append):
        assert holder.wait(5) == 0
    assert reported == [holder.pid]
    holder.communicate()


def test_without_waiting_the_second_is_refused_with_a_remedy(own_address: str) -> None:
    holder = hold(own_address, 5)
    with (
        pytest.raises(MachineBusy, match=rf"process {holder.pid}\)\. Come back later"),
        machine_lock(None, remedy="Come back later"),
    ):
        pass
    holder.kill()
    holder.communicate()


def test_a_killed_holder_leaves_no_lock(own_address: str) -> None:
    holder = hold(own_address, 60)
    holder.kill()
    holder.communicate()
    with machine_lock(None):
        pass


@pytest.mark.usefixtures("own_address")
def test_the_lock_can_be_held_again_and_again() -> None:
    for _ in range(2):
        with machine_lock(None):
            pass
