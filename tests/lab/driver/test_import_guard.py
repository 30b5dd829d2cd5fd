"""What the import of a scenario leaves behind and no fork can have to itself."""

from __future__ import annotations

import pytest

from lab.instruments.locust_driver_process import ScenarioError
from tests.cases.arm import Arm
from tests.lab.driver.scenarios import PLAIN_USER, Drivers, faults_of, run

pytestmark = pytest.mark.slow

FORK = "import multiprocessing\nfork = multiprocessing.get_context('fork')\n"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("left = subprocess.Popen(['sleep', '60'])", "leaves a process running (sleep)"),
        ("taken = fork.Value('i', 0)", "makes a BufferWrapper of multiprocessing"),
        ("accounts = fork.SimpleQueue()\naccounts.put('ann')", "makes a Connection of"),
        ("warm = fork.Event()", "of multiprocessing, whose content trials would share"),
        ("slots = fork.Semaphore(3)", "makes a Semaphore of multiprocessing"),
    ],
)
def test_what_trials_would_share_is_refused(source: str, message: str, drivers: Drivers) -> None:
    with pytest.raises(ScenarioError) as caught:
        drivers.load(f"{FORK}{source}\n{PLAIN_USER}")
    assert message in str(caught.value)
    assert str(caught.value).endswith("in a listener of test_start")


def test_the_same_in_a_listener_of_test_start_is_measured(drivers: Drivers, arm: Arm) -> None:
    source = FORK + "lock = fork.Lock()\nsubprocess.run(['true'], check=True)\n"
    source += "@events.test_start.add_listener\ndef begin(**_):\n    global taken, left\n"
    source += "    taken = fork.Value('i', 0)\n    taken.value += 1\n    note(taken.value)\n"
    source += "    left = subprocess.Popen(['sleep', '60'])\n"
    driver = drivers.load(source + PLAIN_USER)
    for _ in range(2):
        assert not faults_of(run(driver, arm.url))
    assert drivers.noted == [1, 1]
