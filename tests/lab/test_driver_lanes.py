"""Lanes of the load driver: trials side by side, each loaded a slice at a time."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import psutil
import pytest

from lab.driver_messages import (
    ClosedLoadSpec,
    LaneEnded,
    LaneReady,
    RequestKey,
    RunTrial,
    SliceEnded,
)
from lab.instruments.locust_driver_process import DriverError, LoadDriver
from lab.processes.child_processes import Children
from tests.runs import ROOT
from tests.servers import Serving, serving

pytestmark = pytest.mark.slow

USERS = 8
KEY = RequestKey("/look", "GET")

SCENARIO = """\
from locust import FastHttpUser, constant, constant_pacing, task

class User(FastHttpUser):
    wait_time = {wait}

    @task
    def look(self):
        self.client.get("/?n=1", name="/look")
"""

HELPER = """\
import subprocess
from locust import events

@events.test_start.add_listener
def begin(**_):
    global helper, log
    helper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    log = open({log!r}, "a")
    log.write("begun")

"""

NESTED = """\
from locust import FastHttpUser, TaskSet, constant, task

class Shop(TaskSet):
    wait_time = constant(0)

    @task
    def look(self):
        self.client.get("/?n=1", name="/look")

class User(FastHttpUser):
    wait_time = constant(0)
    tasks = [Shop]
"""

VISITS = """\
from locust import FastHttpUser, TaskSet, constant, constant_pacing, task

class Visit(TaskSet):
    wait_time = {wait}

    @task
    def look(self):
        self.client.get("/?n=1", name="/look")
{then}
class User(FastHttpUser):
    wait_time = constant(0)
    tasks = [Visit]
"""


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[LoadDriver]:
    with Children() as children:
        yield LoadDriver(children, ROOT, cores=None, limit_factor=0.5)


def load(driver: LoadDriver, tmp_path: Path, text: str) -> None:
    path = tmp_path / "scenario.py"
    path.write_text(text)
    driver.load(path)


def start(driver: LoadDriver, lane: str, url: str, warmup_s: float = 0.3) -> LaneReady:
    trial = RunTrial(url, ClosedLoadSpec(USERS), warmup_s=warmup_s, window_s=4.0, seed="s")
    ready = driver.start_lane(lane, trial)
    assert isinstance(ready, LaneReady), ready
    assert ready.lane == lane
    return ready


def run_slice(driver: LoadDriver, lane: str, seconds: float) -> SliceEnded:
    ended = driver.run_slice(lane, seconds)
    assert isinstance(ended, SliceEnded), ended
    assert ended.lane == lane and ended.completed and ended.users == USERS
    assert ended.opened + seconds <= ended.closed <= ended.ended
    return ended


def count(ended: SliceEnded) -> int:
    return ended.requests[KEY].count


def rate(slices: list[SliceEnded]) -> float:
    return sum(map(count, slices)) / sum(each.user_s for each in slices)


def queue(tmp_path: Path, servers: int, mean_s: float) -> AbstractContextManager[Serving]:
    log = tmp_path / f"{servers}-{mean_s}.json"
    return serving("queue", log, servers=servers, mean_s=mean_s, exponential=False)


def services(serving: Serving) -> list[tuple[float, float, float]]:
    """When each request came, was begun and was answered."""
    return [(came, begun, ended) for _, came, begun, ended in serving.end()["services"]]


def within(moments: list[float], slices: list[SliceEnded]) -> list[int]:
    """How many of the moments lie within each slice, and how many outside of all."""
    counts = [sum(each.opened <= moment <= each.ended for moment in moments) for each in slices]
    return [*counts, len(moments) - sum(counts)]


@pytest.mark.parametrize("text", [SCENARIO.format(wait="constant(0)"), NESTED])
def test_what_is_sent_in_a_slice_counts_in_it_and_nothing_is_sent_between(
    text: str, driver: LoadDriver, tmp_path: Path
) -> None:
    load(driver, tmp_path, text)
    with queue(tmp_path, 1, 0.004) as a, queue(tmp_path, 1, 0.002) as b:
        urls = {"a": a.url, "b": b.url}
        for lane, url in urls.items():
            cycle_s = start(driver, lane, url, 0.4).cycle_s
            # at least: the machine may be busy
            assert cycle_s is not None
            assert cycle_s > 0.9 * USERS * (0.004 if lane == "a" else 0.002)
        slices: dict[str, list[SliceEnded]] = {"a": [], "b": []}
        for lane in "abbaabab":
            slices[lane].append(run_slice(driver, lane, 0.3))
        for lane in urls:
            assert driver.end_lane(lane) == LaneEnded(lane=lane, drained=True)
        everything = sorted([*slices["a"], *slices["b"]], key=lambda each: each.opened)
        for before, after in itertools.pairwise(everything):
            assert before.ended <= after.opened  # one after the other
        for server, lane in ((a, "a"), (b, "b")):
            served = services(server)
            *counted, elsewhere = within([came for came, _, _ in served], slices[lane])
            assert [count(each) for each in slices[lane]] == counted
            assert [each.arm_requests for each in slices[lane]] == counted
            assert elsewhere <= 1.5 * 0.5 / (0.004 if lane == "a" else 0.002)  # the warm-up
            own = [each for each in served if within([each[0]], slices[lane])[-1] == 0]
            mean_s = sum(ended - begun for _, begun, ended in own) / len(own)
            cycles = sum(counted) / len(counted) / USERS  # of a slice: see docs/load.md
            assert 0.95 / mean_s < rate(slices[lane]) < (1.05 + 0.5 / cycles) / mean_s
        assert 5 <= len(slices["a"][0].ticker_lateness) <= 40


@pytest.mark.parametrize("wait", ["constant(0.1)", "constant_pacing(0.14)"])
def test_think_times_go_on_where_they_stood(wait: str, driver: LoadDriver, tmp_path: Path) -> None:
    """A user takes 40 ms for its answer and 100 ms to think, whatever slices this is cut into."""
    load(driver, tmp_path, SCENARIO.format(wait=wait))
    with queue(tmp_path, USERS, 0.04) as server:
        cycle_s = start(driver, "a", server.url, 1.0).cycle_s
        assert cycle_s is not None
        assert cycle_s > 0.13
        slices = []
        for _ in range(5):
            slices.append(run_slice(driver, "a", 0.7))
            time.sleep(0.3)
        driver.end_lane("a")
        latencies = [each.requests[KEY].latency.mean or 0.0 for each in slices]
        expected = USERS / (0.1 + sum(latencies) / len(latencies))
        if wait != "constant(0.1)":
            expected = USERS / 0.14
        assert rate(slices) == pytest.approx(expected, rel=0.1)


def test_a_task_set_of_one_task_is_one_cycle(driver: LoadDriver, tmp_path: Path) -> None:
    load(driver, tmp_path, VISITS.format(wait="constant(0)", then="        self.interrupt()\n"))
    with queue(tmp_path, USERS, 0.04) as server:
        cycle_s = start(driver, "a", server.url, 1.0).cycle_s
        assert cycle_s is not None
        assert cycle_s > 0.035
        run_slice(driver, "a", 0.2)
        driver.end_lane("a")


def test_task_sets_that_begin_later_keep_the_pace_of_the_lane(
    driver: LoadDriver, tmp_path: Path
) -> None:
    """Each visit is of four tasks; a new one begins after the lane has stood still."""
    then = (
        "        self.done = getattr(self, 'done', 0) + 1\n"
        "        if self.done == 4:\n"
        "            self.interrupt()\n"
    )
    load(driver, tmp_path, VISITS.format(wait="constant_pacing(0.05)", then=then))
    with queue(tmp_path, USERS, 0.002) as server:
        start(driver, "a", server.url, 0.3)
        slices = []
        for _ in range(2):  # long ones: users go in step, and a slice ends within a visit
            time.sleep(1.0)
            slices.append(run_slice(driver, "a", 2.0))
        driver.end_lane("a")
        for each in slices:  # 50 ms, 50 ms, 50 ms, and none after the last task
            assert count(each) / each.user_s == pytest.approx(4 * USERS / 0.152, rel=0.15)


def test_the_slowest_class_of_users_has_the_cycle_that_counts(
    driver: LoadDriver, tmp_path: Path
) -> None:
    text = (
        SCENARIO.format(wait="constant(0.1)")
        + """
class Quick(User):
    wait_time = constant(0)
    weight = 3
"""
    )
    load(driver, tmp_path, text)
    with queue(tmp_path, USERS, 0.002) as server:
        cycle_s = start(driver, "a", server.url, 1.0).cycle_s
        assert cycle_s is not None
        assert cycle_s > 0.09  # of two of eight users
        driver.end_lane("a")


def test_a_lane_that_waits_uses_no_processor(driver: LoadDriver, tmp_path: Path) -> None:
    load(driver, tmp_path, SCENARIO.format(wait="constant(0.01)"))
    with queue(tmp_path, USERS, 0.002) as server:
        for lane in ("a", "b", "c"):
            start(driver, lane, server.url)
        run_slice(driver, "a", 0.2)
        lanes = psutil.Process(driver.pid).children()
        assert len(lanes) == 3
        before = [sum(each.cpu_times()[:2]) for each in lanes]
        time.sleep(1.0)
        used = [sum(each.cpu_times()[:2]) - b for each, b in zip(lanes, before, strict=True)]
        assert max(used) <= 0.01  # one tick of the clock
        for lane in ("a", "b", "c"):
            assert driver.end_lane(lane).drained
        assert not psutil.wait_procs(lanes, timeout=2.0)[1]


def test_users_keep_their_connections(driver: LoadDriver, tmp_path: Path) -> None:
    load(driver, tmp_path, SCENARIO.format(wait="constant(0)"))
    with queue(tmp_path, 2, 0.002) as server:
        start(driver, "a", server.url)
        lane = psutil.Process(driver.pid).children()[0]
        seen = []
        for _ in range(3):
            run_slice(driver, "a", 0.2)
            ports = {each.laddr.port for each in lane.net_connections("tcp") if each.raddr}
            seen.append(ports)
        assert len(seen[0]) == USERS
        assert seen[0] == seen[1] == seen[2]
        driver.end_lane("a")


def test_a_scenario_that_ends_the_test_ends_its_lane(driver: LoadDriver, tmp_path: Path) -> None:
    text = SCENARIO.format(wait="constant(0)") + (
        f"        if __import__('pathlib').Path({str(tmp_path)!r}, 'quit').exists():\n"
        "            self.environment.runner.quit()\n"
    )
    load(driver, tmp_path, text)
    with queue(tmp_path, USERS, 0.01) as server:
        start(driver, "a", server.url, 0.1)
        start(driver, "b", server.url, 0.1)
        (tmp_path / "quit").touch()
        ended = driver.run_slice("a", 1.0)
        assert isinstance(ended, LaneEnded)
        assert ended.early
        assert "environment.runner.quit()" in next(iter(ended.task_errors))
        (tmp_path / "quit").unlink()
        run_slice(driver, "b", 0.1)
        assert driver.end_lane("b").drained


def test_a_task_that_raises_is_reported_with_its_slice(driver: LoadDriver, tmp_path: Path) -> None:
    text = SCENARIO.format(wait="constant(0.01)") + "        missing_name\n"
    load(driver, tmp_path, text)
    with queue(tmp_path, USERS, 0.01) as server:
        start(driver, "a", server.url)
        ended = run_slice(driver, "a", 0.3)
        assert "NameError" in next(iter(ended.task_errors))
        driver.end_lane("a")


def test_a_lane_that_is_killed_is_an_error(driver: LoadDriver, tmp_path: Path) -> None:
    load(driver, tmp_path, SCENARIO.format(wait="constant(0)"))
    with queue(tmp_path, USERS, 0.01) as server:
        start(driver, "a", server.url)
        start(driver, "b", server.url)
        victim, other = psutil.Process(driver.pid).children()
        os.kill(victim.pid, signal.SIGKILL)
        with pytest.raises(DriverError, match="SIGKILL"):
            driver.run_slice("a", 0.5)
        os.kill(driver.pid, signal.SIGKILL)
        other.wait(2.0)  # no lane outlives the driver


def test_the_end_of_a_lane_ends_what_it_has_started_and_nothing_of_others(
    driver: LoadDriver, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    text = HELPER.format(log=str(log)) + SCENARIO.format(wait="constant(0.01)")
    load(driver, tmp_path, text)
    with queue(tmp_path, USERS, 0.002) as server:
        helpers = []
        for lane in ("a", "b"):
            known = psutil.Process(driver.pid).children()
            start(driver, lane, server.url)
            (process,) = (
                each for each in psutil.Process(driver.pid).children() if each not in known
            )
            helpers += process.children()
        assert [each.name() for each in helpers] == ["sleep", "sleep"]
        assert not log.read_text()
        driver.end_lane("a")
        assert log.read_text() == "begun"  # at once
        helpers[0].wait(2.0)
        assert count(run_slice(driver, "b", 0.2)) > 0
        assert helpers[1].is_running()
        driver.end_lane("b")
        helpers[1].wait(2.0)


GIVES_UP = """
        with gevent.Timeout(0.005, False):
            self.client.get("/?n=1", name="/slow")
"""
BESIDE = """
import gevent
from locust import FastHttpUser, constant, events, task

@events.test_start.add_listener
def begin(environment, **_):
    def beside():
        gevent.sleep({after_s})
        {what}
    gevent.spawn(beside)

"""


def test_a_request_that_is_given_up_is_reported_with_its_slice(
    driver: LoadDriver, tmp_path: Path
) -> None:
    text = "import gevent\n" + SCENARIO.format(wait="constant(0.01)") + GIVES_UP
    text = text.replace("FastHttpUser", "HttpUser")  # the other client counts it as an error
    load(driver, tmp_path, text)
    with queue(tmp_path, 1, 0.01) as server:
        start(driver, "a", server.url)
        ended = run_slice(driver, "a", 0.3)
        assert "gave up the request GET /slow by Timeout" in next(iter(ended.task_errors))
        assert driver.end_lane("a").drained


def test_a_scenario_that_hangs_between_slices_ends_its_lane(
    driver: LoadDriver, tmp_path: Path
) -> None:
    text = BESIDE.format(after_s=1.0, what="while True: pass")
    load(driver, tmp_path, text + SCENARIO.format(wait="constant(0.01)"))
    with queue(tmp_path, USERS, 0.002) as server:
        start(driver, "a", server.url)
        time.sleep(1.5)
        ended = driver.run_slice("a", 0.2)
        assert isinstance(ended, LaneEnded)
        assert ended.early
        (fault,) = ended.task_errors
        assert "a greenlet that never yields took more than 5 s" in fault
        assert "scenario.py" in fault


def test_requests_between_slices_are_counted(driver: LoadDriver, tmp_path: Path) -> None:
    fire = (
        "events.request.fire(request_type='GET', name='x', response_time=1.0, response_length=0, "
        "exception=None, context={})"
    )
    text = BESIDE.format(after_s=1.0, what=fire)
    load(driver, tmp_path, text + SCENARIO.format(wait="constant(0.01)"))
    with queue(tmp_path, USERS, 0.002) as server:
        start(driver, "a", server.url)
        assert run_slice(driver, "a", 0.1).between == 0
        time.sleep(1.2)
        ended = run_slice(driver, "a", 0.1)
        assert ended.between == 1
        assert set(ended.requests) == {KEY}
        driver.end_lane("a")
