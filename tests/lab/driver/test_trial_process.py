"""Each trial runs in a process of its own, from the scenario's state at its import."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from lab.driver_messages import ClosedLoadSpec, LoadSpec, Opened
from lab.instruments.locust_driver_process import DriverError
from tests.cases.arm import Arm
from tests.lab.driver.scenarios import (
    PLAIN_USER,
    Drivers,
    closed_of,
    eventually,
    family,
    faults_of,
    open_load,
    run,
    runs,
    trial_of,
)

pytestmark = pytest.mark.slow

STATE = """
import random
accounts = ["ann", "bob", "cy"]
flags = {"warm": False}
(HERE / "names").write_text("one\\ntwo\\nthree\\n")
names = (HERE / "names").open()
names.readline()
log = (HERE / "log").open("w")
log.write("head\\n")
dice = random.Random(7)
os.environ["STAGE"] = "import"
heard = []

def look(client):
    client.get("/plain")

@events.request.add_listener
def hear(**_):
    heard.append(1)

@events.test_start.add_listener
def see(environment, **_):
    note([
        list(accounts), dict(flags), names.readline(), dice.random(), os.environ["STAGE"],
        Reader.level, look.__name__, len(events.request._handlers), len(heard),
        sorted(each for each in vars(events) if each == "own"), len(sys.path), random.random(),
    ])
    accounts.pop(); flags["warm"] = True; os.environ["STAGE"] = "trial"; Reader.level += 1
    globals()["look"] = lambda client: client.get("/patched")
    environment.events.request.add_listener(lambda **_: None)
    events.own = 1
    sys.path.append("/nowhere")
    gevent.spawn(gevent.sleep, 60)
    log.write("trial\\n")

class Reader(FastHttpUser):
    level = 0
    wait_time = constant(0.05)

    @task
    def read(self):
        look(self.client)
"""


@pytest.mark.parametrize(
    "loads",
    [
        [ClosedLoadSpec(1), ClosedLoadSpec(3), ClosedLoadSpec(2)],
        [open_load(10), open_load(30), open_load(20)],
    ],
    ids=["users", "rates"],
)
def test_every_trial_starts_from_the_state_of_the_import(
    loads: list[LoadSpec], drivers: Drivers, arm: Arm, tmp_path: Path
) -> None:
    driver = drivers.load(STATE, open_load=loads[0] != ClosedLoadSpec(1))
    for load in loads:
        assert not faults_of(run(driver, arm.url, load))
        # it is on disk though the process ends without Python's own clean-up
        assert (tmp_path / "log").read_text() == "head\ntrial\n"
    first, *others = drivers.noted
    assert first[:3] == [["ann", "bob", "cy"], {"warm": False}, "two\n"]
    assert others == [first, first]


def test_random_numbers_are_those_of_the_seed(drivers: Drivers, arm: Arm) -> None:
    draw = "import random\n@events.test_start.add_listener\ndef d(**_): note(random.random())\n"
    driver = drivers.load(draw + PLAIN_USER)
    for seed in ("s-1", "s-1", "s-2"):
        run(driver, arm.url, seed=seed)
    first, same, other = drivers.noted
    assert first == same != other


def test_a_trial_whose_process_is_killed_is_an_error_and_the_next_one_runs(
    drivers: Drivers, arm: Arm
) -> None:
    driver = drivers.load(PLAIN_USER, limit_factor=1.0)
    trial = driver.drive(trial_of(arm.url, window_s=30.0))
    assert isinstance(next(trial), Opened)
    [child] = family(driver.pid)
    os.kill(child, signal.SIGKILL)
    with pytest.raises(DriverError, match="its process for this trial was ended by SIGKILL"):
        list(trial)
    assert not closed_of(run(driver, arm.url)).early


@pytest.mark.parametrize("how", ["kill", "end of input", "interrupt"])
def test_nothing_runs_on_after_the_driver(how: str, drivers: Drivers, arm: Arm) -> None:
    driver = drivers.load(PLAIN_USER, limit_factor=1.0)
    trial = driver.drive(trial_of(arm.url, window_s=30.0))
    assert isinstance(next(trial), Opened)
    [child] = family(driver.pid)
    if how == "kill":
        os.kill(driver.pid, signal.SIGKILL)
    elif how == "interrupt":
        os.kill(driver.pid, signal.SIGINT)
    else:
        assert driver.child.popen.stdin is not None
        driver.child.popen.stdin.close()
    assert eventually(lambda: not runs(child) and not runs(driver.pid))
    with pytest.raises(DriverError, match="the load driver ended"):
        list(trial)


LEAVES = """
def wait():
    time.sleep(60)

@events.test_start.add_listener
def leave(**_):
    note(subprocess.Popen(["sleep", "60"]).pid)
    import multiprocessing
    each = multiprocessing.get_context("fork").Process(target=wait)
    each.start()
    note(each.pid)
    code = "import os, time; os.fork() and os._exit(0); os.setsid(); "
    code += "print(os.getpid(), flush=True); time.sleep(60)"
    daemon = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    note(int(daemon.stdout.readline()))
"""


def test_processes_that_a_trial_leaves_end_with_it(drivers: Drivers, arm: Arm) -> None:
    driver = drivers.load(LEAVES + PLAIN_USER, limit_factor=1.0)
    assert not faults_of(run(driver, arm.url))
    assert not closed_of(run(driver, arm.url)).early
    assert len(drivers.noted) == 6
    assert eventually(lambda: not family(driver.pid))
    assert not any(map(runs, drivers.noted))


def test_a_process_that_holds_the_pipe_does_not_hide_that_the_driver_died(
    drivers: Drivers, arm: Arm
) -> None:
    driver = drivers.load(LEAVES + PLAIN_USER, limit_factor=1.0)
    trial = driver.drive(trial_of(arm.url, window_s=30.0))
    assert isinstance(next(trial), Opened)
    threading.Timer(0.1, os.kill, (driver.pid, signal.SIGKILL)).start()
    with pytest.raises(DriverError, match="SIGKILL"):
        list(trial)


def test_a_forked_process_may_end_without_ending_the_trial(drivers: Drivers, arm: Arm) -> None:
    fork = """
@events.test_start.add_listener
def work(**_):
    child = os.fork()
    if not child:
        os._exit(7)
    note(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    driver = drivers.load(fork + PLAIN_USER)
    messages = run(driver, arm.url)
    assert not faults_of(messages)
    assert drivers.noted == [7]
    assert not closed_of(messages).early


def test_the_driver_does_not_grow_from_trial_to_trial(drivers: Drivers, arm: Arm) -> None:
    driver = drivers.load(PLAIN_USER)

    def size() -> tuple[int, int]:
        status = Path(f"/proc/{driver.pid}/status").read_text()
        rss = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
        return len(list(Path(f"/proc/{driver.pid}/fd").iterdir())), int(rss)

    sizes = []
    for _ in range(12):
        run(driver, arm.url, window_s=0.02)
        sizes.append(size())
    assert {descriptors for descriptors, _ in sizes} == {sizes[0][0]}
    assert sizes[-1][1] - sizes[2][1] < 300  # kilobytes


@pytest.mark.parametrize("user", ["HttpUser", "FastHttpUser"])
def test_names_are_resolved_in_a_trial_though_the_import_has_resolved_one(
    user: str, drivers: Drivers, arm: Arm
) -> None:
    resolved = (
        'socket.getaddrinfo("localhost", 80)\ngevent.get_hub().threadpool.apply(len, ("x",))\n'
    )
    driver = drivers.load(resolved + PLAIN_USER.replace("FastHttpUser", user))
    for _ in range(2):
        before = arm.served["/"]
        messages = run(driver, arm.url.replace("127.0.0.1", "localhost"))
        assert not faults_of(messages)
        assert arm.served["/"] > before
        assert not any(getattr(message, "errors", {}) for message in messages)


def test_a_file_whose_reader_is_gone_does_not_hold_up_the_end(drivers: Drivers, arm: Arm) -> None:
    blocked = """
@events.test_start.add_listener
def fill(**_):
    global pipe
    reader, writer = os.pipe()
    pipe = os.fdopen(writer, "w", buffering=1 << 20)
    pipe.write("x" * 200_000)
"""
    driver = drivers.load(blocked + PLAIN_USER)
    for _ in range(2):
        assert not closed_of(run(driver, arm.url)).early
    assert eventually(lambda: not family(driver.pid))


def test_an_object_of_the_scenario_is_not_asked_for_its_class(drivers: Drivers, arm: Arm) -> None:
    proxy = """
class Lazy:
    @property
    def __class__(self):
        raise RuntimeError("working outside of a context")

    def __init__(self):
        self.itself = self

settings = [Lazy()]
"""
    messages = run(drivers.load(proxy + PLAIN_USER), arm.url)
    assert not faults_of(messages)
    assert not closed_of(messages).early
