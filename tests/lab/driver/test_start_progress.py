"""Users that need long for their `on_start`, one after another, do not hang."""

from __future__ import annotations

import pytest

from lab.driver_messages import ClosedLoadSpec, LoadSpec
from tests.cases.arm import Arm
from tests.lab.driver.scenarios import Drivers, closed_of, faults_of, open_load, run

pytestmark = pytest.mark.slow

LOG_IN = """
from gevent.lock import Semaphore
one = Semaphore()

class Member(FastHttpUser):
    wait_time = constant(0.05)
    pause_s = {pause_s}

    def on_start(self):
        with one:
            gevent.sleep(self.pause_s)

    @task
    def read(self):
        self.client.get("/")
"""


@pytest.mark.parametrize("load", [ClosedLoadSpec(7), open_load(30, max_users=7)])
def test_users_that_log_in_one_after_another_have_time(
    load: LoadSpec, drivers: Drivers, arm: Arm
) -> None:
    is_open = not isinstance(load, ClosedLoadSpec)
    driver = drivers.load(LOG_IN.format(pause_s=0.4), open_load=is_open)  # 2.8 s, the limit is 2 s
    messages = run(driver, arm.url, load)
    assert not faults_of(messages)
    assert not closed_of(messages).early


def test_users_of_whom_none_gets_ready_hang(drivers: Drivers, arm: Arm) -> None:
    driver = drivers.load(LOG_IN.format(pause_s=30))
    messages = run(driver, arm.url, ClosedLoadSpec(2))
    [fault] = faults_of(messages)
    assert "hangs: its users and their on_start took more than 2 s" in fault
    assert "in on_start" in fault
    assert closed_of(messages).early
