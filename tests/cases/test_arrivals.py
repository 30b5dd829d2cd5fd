"""Open loads of scenarios as they are found in public: whoever sends, the arrival is inherited.

Latency is taken from the scheduled send time; what belongs to no arrival is named.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.trials.trial import LoadEvidence
from tests.cases.arm import Arm
from tests.cases.driving import closed, mean, opened
from tests.default_margins import measure

CASES = Path(__file__).parent / "requests"
pytestmark = pytest.mark.slow


SERIAL = "self.client.get('/part?ms=400', name='part')"
JOBS = {
    "greenlets": "gevent.joinall([gevent.spawn(fetch, self) for _ in 'ab'])",
    "greenlets of greenlets": (
        "gevent.joinall([gevent.spawn(lambda: gevent.spawn(fetch, self).join()) for _ in 'ab'])"
    ),
    "raw greenlets": "[gevent.spawn_raw(fetch, self) for _ in 'ab']; gevent.sleep(0.45)",
    "a pool of the module": "POOL.map(fetch, [self, self])",
    "a later start": "gevent.joinall([gevent.spawn_later(0.001, fetch, self) for _ in 'ab'])",
    "native threads": "gevent.get_hub().threadpool.map(plain_fetch, [self, self])",
    "patched threads": (
        "ts = [threading.Thread(target=fetch, args=(self,)) for _ in 'ab'];"
        " [t.start() for t in ts]; [t.join() for t in ts]"
    ),
    "an executor of the module": "list(EXECUTOR.map(fetch, [self, self]))",
    "one request after another": "fetch(self)",
}
SCENARIO = """\
import asyncio, threading, time
from concurrent.futures import ThreadPoolExecutor
import gevent
from gevent.pool import Pool
from locust import FastHttpUser, task

POOL, EXECUTOR = Pool(50), ThreadPoolExecutor(50)

def fetch(user):
    user.client.get("/part?ms=400", name="part")

def plain_fetch(user):
    time.sleep(0.4)
    user.environment.events.request.fire(
        request_type="GET", name="part", response_time=400.0, response_length=0,
        exception=None, context={{}},
    )

async def both(user):
    run = asyncio.get_running_loop().run_in_executor
    await asyncio.gather(*(run(EXECUTOR, fetch, user) for _ in "ab"))

class Browser(FastHttpUser):
    @task
    def page(self):
        {job}
"""


@pytest.mark.parametrize("job", JOBS.values(), ids=JOBS)
def test_what_a_task_spawns_has_its_arrival(job: str, arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "browser.py"
    scenario.write_text(SCENARIO.format(job=job))
    # ten arrivals in a second at two users who need .4 s each: the last waits for more than 1 s
    outcome = opened(scenario, arm, users=2)
    assert outcome.faults == []
    assert mean(outcome, "service_latency_mean") == pytest.approx(0.41, abs=0.06)
    assert mean(outcome, "latency_mean") == pytest.approx(0.90, abs=0.15)


def test_asyncio_has_the_arrival_of_its_task(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "browser.py"
    scenario.write_text(SCENARIO.format(job="asyncio.run(both(self))"))
    outcome = opened(scenario, arm, rate=5, users=1)  # a thread runs one loop at a time
    assert outcome.faults == []
    assert mean(outcome, "latency_mean") == pytest.approx(0.82, abs=0.15)


@pytest.mark.parametrize("file", ["parallel.py", "serial.py"])
def test_the_parts_of_a_page_wait_from_their_arrival(file: str, arm: Arm) -> None:
    outcome = opened(CASES / f"L7-parallel-requests-in-a-task/{file}", arm, users=2)
    assert outcome.faults == []
    assert mean(outcome, "latency_mean") == pytest.approx(0.90, abs=0.15)


def test_a_pool_that_is_older_than_the_arrivals_knows_whom_it_works_for(arm: Arm) -> None:
    outcome = opened(CASES / "L30-thread-pool-of-the-module/thread_pool.py", arm)
    assert outcome.faults == []
    assert outcome.counts == {("GET", "part"): 20}


SEQUENCE = """\
from locust import FastHttpUser, task
class Browser(FastHttpUser):
    @task
    def page(self):
        self.client.get("/a?ms=100", name="first")
        gevent.joinall([gevent.spawn(self.client.get, "/b?ms=100", name="second") for _ in "ab"])
import gevent
"""


def test_requests_that_follow_wait_for_those_before(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "sequence.py"
    scenario.write_text(SEQUENCE)
    outcome = opened(scenario, arm, rate=20, users=1)
    assert mean(outcome, 'latency_mean{name="first"}') > 0.5
    assert mean(outcome, 'latency_mean{name="second"}') == pytest.approx(0.1, abs=0.03)


OUTLIVING = {
    "a greenlet that nobody waits for": (
        "gevent.spawn(self.client.get, '/late?ms=100', name='late')",
        "reported the request GET late by a greenlet that has outlived the task of its arrival",
    ),
    "a worker with a queue": (
        "QUEUE.put(self)",
        "reported the request GET late (browser.py, line 11) by a greenlet that no task",
    ),
    "a worker that the first arrival starts": (
        "lazy(self)",
        "reported the request GET late (browser.py, line 11) by a greenlet that has outlived",
    ),
}
WORKERS = """\
import gevent
from gevent.queue import Queue
from locust import FastHttpUser, task

QUEUE = Queue()
workers = []

def work():
    while True:
        user = QUEUE.get()
        user.client.get("/late?ms=50", name="late")

def lazy(user):
    if not workers:
        workers.append(gevent.spawn(work))
    QUEUE.put(user)

if {spawned}:
    gevent.spawn(work)

class Browser(FastHttpUser):
    @task
    def page(self):
        self.client.get("/", name="page")
        {job}
"""


@pytest.mark.parametrize(("job", "fault"), OUTLIVING.values(), ids=OUTLIVING)
def test_what_belongs_to_no_arrival_is_named(
    job: str, fault: str, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "browser.py"
    scenario.write_text(WORKERS.format(job=job, spawned="QUEUE.put" in job))
    outcome = opened(scenario, arm)
    assert any(text.startswith(fault) for text in outcome.faults), outcome.faults


def test_callbacks_of_a_thread_belong_to_no_arrival(arm: Arm) -> None:
    outcome = opened(CASES / "L27-callbacks-from-a-thread/callbacks.py", arm)
    (fault,) = outcome.faults
    assert fault.startswith("reported the request PUB temperature (callbacks.py, line ")
    assert (
        closed(CASES / "L27-callbacks-from-a-thread/callbacks.py", arm).counts["PUB", "temperature"]
        > 5
    )


def test_heartbeats_are_no_arrivals(arm: Arm) -> None:
    outcome = opened(CASES / "L29-heartbeats-that-live-on/heartbeats.py", arm)
    assert any("POST heartbeat" in text for text in outcome.faults)


LOGIN = """\
from locust import FastHttpUser, task
import gevent
class Shopper(FastHttpUser):
    def on_start(self):
        gevent.spawn(self.client.post, "/login", name="login").join()
    def on_stop(self):
        self.client.post("/logout", name="logout")
    @task
    def look(self):
        self.client.get("/item", name="look")
"""


def test_requests_of_on_start_and_on_stop_need_no_arrival(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "login.py"
    scenario.write_text(LOGIN)
    outcome = opened(scenario, arm)
    assert outcome.faults == []
    assert outcome.counts["GET", "look"] == 10


LEFT_OVER = """\
import gevent
from locust import FastHttpUser, task

class SlowError(Exception): pass

class Shopper(FastHttpUser):
    timeout = None
    @task
    def look(self):
        if self.timeout is None:
            self.timeout = gevent.Timeout.start_new(0.05, SlowError("left over"))
            self.client.get("/item", name="look")
        else:
            self.client.get("/item?ms=120", name="look")
"""


def test_a_timeout_that_strikes_an_idle_user_repeats_no_arrival(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "left_over.py"
    scenario.write_text(LEFT_OVER)
    outcome = opened(scenario, arm, users=1)
    assert any("left over" in text for text in outcome.faults), outcome.faults
    service = outcome.trial.service
    assert isinstance(service, LoadEvidence)
    seen = service.dispatch
    assert seen is not None
    assert 8 <= outcome.counts["GET", "look"] <= seen.sent <= seen.scheduled == 10


LATE_LOGIN = """\
from pathlib import Path
from locust import FastHttpUser, events, task

@events.test_stop.add_listener
def keep(environment, **_):
    count = environment.stats.get("login", "GET").num_requests
    Path(__file__).with_name("logins").write_text(str(count))

class Shopper(FastHttpUser):
    def on_start(self):
        self.client.get("/odd?n=1", name="login")  # fails
    @task
    def look(self):
        self.client.get("/item?ms=1500", name="look")
"""


def test_log_ins_of_users_that_are_added_within_the_window_are_no_arrivals(
    arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "login.py"
    scenario.write_text(LATE_LOGIN)
    before = arm.served["/odd"]
    first = 5  # users are there when the window opens; seven or eight are busy later
    outcome = opened(scenario, arm, rate=first, seconds=2.0)
    logins = arm.served["/odd"] - before
    assert outcome.faults == []
    assert outcome.counts == {("GET", "look"): 10}
    assert measure(outcome.trial, "error_rate", {}) == 0
    assert sum(outcome.trial.service.errors.values()) == logins - first > 0
    assert int((tmp_path / "logins").read_text()) == logins, "Locust's own statistics have them"
