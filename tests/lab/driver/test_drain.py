"""The end of a trial: answers are awaited, users that hang are ended and named."""

from __future__ import annotations

import time

import pytest

from tests.cases.arm import Arm
from tests.lab.driver.scenarios import Drivers, closed_of, faults_of, run

pytestmark = pytest.mark.slow

USER = """
class Reader({base}):
    wait_time = constant(0)

    @task
    def read(self):
        {body}

    def on_stop(self):
        note("on_stop")
"""


@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])
def test_users_that_wait_for_an_answer_have_longer_than_those_that_pause(
    base: str, drivers: Drivers, arm: Arm
) -> None:
    driver = drivers.load(USER.format(base=base, body='self.client.get("/?ms=2600")'))
    messages = run(driver, arm.url)  # the limit for those that pause is 1.5 s
    assert not faults_of(messages)
    assert closed_of(messages).drained
    assert drivers.noted == ["on_stop"]


def test_a_user_that_hangs_is_ended_and_named(drivers: Drivers, arm: Arm) -> None:
    body = 'self.client.get("/"); gevent.event.Event().wait()'
    driver = drivers.load("import gevent.event\n" + USER.format(base="HttpUser", body=body))
    began = time.monotonic()
    messages = run(driver, arm.url)
    assert time.monotonic() - began < 10
    line = drivers.line("Event().wait()")
    [fault] = faults_of(messages)
    assert fault.startswith("hangs: a user did not end within 1.5 s (")
    assert fault.endswith(f"scenario.py:{line}, in read)")
    assert drivers.noted == ["on_stop"]


def test_a_user_that_cannot_be_ended_is_named_and_the_next_trial_runs(
    drivers: Drivers, arm: Arm
) -> None:
    body = """
        while True:
            try:
                gevent.sleep(60)
            except BaseException:
                pass"""
    driver = drivers.load(USER.format(base="HttpUser", body=body.strip()))
    for _ in range(2):
        messages = run(driver, arm.url)
        assert closed_of(messages).early or not closed_of(messages).drained
        assert any(
            f"scenario.py:{drivers.line('sleep(60)')}, in read" in text
            for text in faults_of(messages)
        )
