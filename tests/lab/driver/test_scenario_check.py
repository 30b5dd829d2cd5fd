"""The rehearsal: what shows before anything starts is refused, what needs the service is not."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from lab.driver_messages import ClosedLoadSpec
from lab.instruments.locust_driver_process import ScenarioError
from tests.cases.arm import Arm
from tests.lab.driver.scenarios import (
    PLAIN_USER,
    Drivers,
    closed_of,
    eventually,
    family,
    faults_of,
    run,
)

pytestmark = pytest.mark.slow

EVENTS = """
calls = []

@events.init.add_listener
def init(environment, runner, **_):
    calls.append("init")
    note([*calls, environment.host, runner is environment.runner, os.getpid()])
    note(subprocess.Popen(["sleep", "60"]).pid)

class Buyer(FastHttpUser):
    def __init__(self, *arguments):
        super().__init__(*arguments)
        calls.append(type(self).__name__)
        note([*calls, self.host])

    def on_start(self):
        note("on_start")

    @task
    def buy(self):
        self.client.get("/")

class Reader(Buyer):
    pass
"""


def test_init_fires_once_and_one_user_of_each_class_is_made(drivers: Drivers, arm: Arm) -> None:
    driver = drivers.load(EVENTS)
    host = "http://127.0.0.1:9"
    (*at_init, process), sleeper, *users = drivers.noted
    assert at_init == ["init", host, True]
    assert users == [["init", "Buyer", host], ["init", "Buyer", "Reader", host]]
    assert process != driver.pid
    assert eventually(lambda: not family(driver.pid))  # neither that process nor what it started
    assert not Path(f"/proc/{sleeper}").exists()
    run(driver, arm.url, ClosedLoadSpec(2))
    assert drivers.noted[4][:2] == ["init", arm.url]  # as if there had been no rehearsal
    assert drivers.noted.count("on_start") == 2


NEEDS_SERVICE = {
    "raises": "urllib.request.urlopen(environment.host, timeout=1)",
    "exits": """
    try:
        urllib.request.urlopen(environment.host, timeout=1)
    except OSError:
        sys.exit("the shop is down")""",
    "exits at once": """
    try:
        urllib.request.urlopen(environment.host, timeout=1)
    except OSError:
        os._exit(1)""",
    "quits": """
    try:
        urllib.request.urlopen(environment.host, timeout=1)
    except OSError:
        runner.quit()""",
    "waits": """
    while True:
        try:
            urllib.request.urlopen(environment.host, timeout=1)
            return
        except OSError:
            time.sleep(0.05)""",
}


@pytest.mark.parametrize("how", NEEDS_SERVICE)
def test_an_init_that_needs_the_service_is_decided_by_the_first_trial(
    how: str, drivers: Drivers, arm: Arm
) -> None:
    listener = "import urllib.request\n@events.init.add_listener\n"
    listener += f"def ready(environment, runner, **_):\n    {NEEDS_SERVICE[how].strip()}\n"
    driver = drivers.load(listener + PLAIN_USER)
    messages = run(driver, arm.url, window_s=0.1)
    assert not faults_of(messages)
    assert not closed_of(messages).early


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("raise OSError('no such table')", "it raised OSError: no such table"),
        ("sys.exit(4)", r"it ended the test itself: sys.exit\(4\)"),
        ("os._exit(4)", r"it ended the process by os._exit\(4\)"),
        ("runner.quit()", r"it ended the test itself: environment.runner.quit\(\)"),
        ("gevent.sleep(60)", "listeners of the event init took more than 2 s"),
        ("gevent.spawn(int, 'x'); gevent.sleep(0.1)", "it raised ValueError"),
    ],
)
def test_an_init_that_fails_without_the_service_is_refused(
    how: str, message: str, drivers: Drivers
) -> None:
    source = f"@events.init.add_listener\ndef ready(environment, runner, **_):\n    {how}\n"
    with pytest.raises(ScenarioError, match=message) as caught:
        drivers.load(source + PLAIN_USER)
    if "spawn" not in how:
        assert caught.value.line == drivers.line(how)


def test_an_init_may_use_a_local_socket(drivers: Drivers, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
        server.listen()
        source = "@events.init.add_listener\ndef ready(**_):\n"
        source += "    socket.socket(socket.AF_UNIX).connect(str(HERE / 's'))\n"
        drivers.load(source + PLAIN_USER)


def test_a_user_that_its_base_class_has_not_made_is_refused(drivers: Drivers) -> None:
    source = PLAIN_USER + "\n    def __init__(self, *_):\n        self.account = 5\n"
    with pytest.raises(ScenarioError, match=r"call `super\(\).__init__\(environment\)`") as caught:
        drivers.load(source)
    assert caught.value.line == drivers.line("def __init__")
