"""Scenarios as they are found in public: every request that Locust counts is counted, once.

Of an open load, latency is taken from the scheduled send time whoever sends; what cannot be
attributed or measured is named.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.hypothesis import ClosedLoad
from lab.measure_values import measure
from tests.cases.arm import Arm, serving
from tests.cases.driving import Outcome, drive, open_load

CASES = Path(__file__).parent / "requests"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def arm() -> Iterator[Arm]:
    with serving() as made:
        yield made


def closed(case: str, arm: Arm, users: int = 2, window_s: float = 1.0) -> Outcome:
    (outcome,) = drive(CASES / case, arm, ClosedLoad(users), window_s)
    return outcome


def opened(
    case: Path | str, arm: Arm, rate: float = 10, seconds: float = 1.0, users: int = 100
) -> Outcome:
    (outcome,) = drive(CASES / case, arm, open_load(rate, seconds, users))
    return outcome


def mean(outcome: Outcome, name: str) -> float:
    value = measure(outcome.trial, name, {})
    assert value is not None
    return value


def test_the_events_of_the_module_and_of_the_environment_are_one(arm: Arm) -> None:
    counts = closed("L1-global-events/global_events.py", arm).counts
    assert abs(counts["RPC", "rpc/total"] - counts["GET", "http"]) <= 2
    assert counts["GET", "http"] > 5


# -- open loads: the arrival is inherited ------------------------------------------------

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
    outcome = opened(f"L7-parallel-requests-in-a-task/{file}", arm, users=2)
    assert outcome.faults == []
    assert mean(outcome, "latency_mean") == pytest.approx(0.90, abs=0.15)


def test_a_pool_that_is_older_than_the_arrivals_knows_whom_it_works_for(arm: Arm) -> None:
    outcome = opened("L30-thread-pool-of-the-module/thread_pool.py", arm)
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
    outcome = opened("L27-callbacks-from-a-thread/callbacks.py", arm)
    (fault,) = outcome.faults
    assert fault.startswith("reported the request PUB temperature (callbacks.py, line ")
    assert closed("L27-callbacks-from-a-thread/callbacks.py", arm).counts["PUB", "temperature"] > 5


def test_heartbeats_are_no_arrivals(arm: Arm) -> None:
    outcome = opened("L29-heartbeats-that-live-on/heartbeats.py", arm)
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


# -- methods, names and times --------------------------------------------------------------


def test_two_methods_of_one_path_are_kept_apart(arm: Arm) -> None:
    outcome = closed("L9-same-path-two-methods/two_methods.py", arm, window_s=2.0)
    counts = outcome.counts
    assert set(counts) == {("GET", "/orders"), ("POST", "/orders")}
    post = mean(outcome, 'latency_mean{name="/orders", method="POST"}')
    assert post == pytest.approx(0.2, abs=0.05)
    assert mean(outcome, 'latency_mean{method="GET", name="/orders"}') < 0.1
    both = mean(outcome, 'latency_mean{name="/orders"}')
    assert both == mean(outcome, "latency_mean")
    assert measure(outcome.trial, 'throughput{method="PUT"}', {}) is None


@pytest.mark.parametrize("file", ["odd_times.py", "odd_times_finite.py"])
def test_odd_response_times_are_named(file: str, arm: Arm) -> None:
    outcome = closed(f"L14-odd-response-times/{file}", arm)
    named = {
        "timedelta": "datetime.timedelta(microseconds=12000) (timedelta)",
        "str": "'12' (str)",
        "float odd": "-3.0 (float)" if "finite" in file else "",
        "int": "1000000000 (int), longer than the",
    }
    assert {text.split()[4] for text in outcome.faults} >= {name.split()[0] for name in named}
    for name, time in named.items():
        text = next(text for text in outcome.faults if f"RPC {name} (" in text)
        assert f"({file}, line " in text
        assert time in text
        assert text.endswith("Report milliseconds as a number, or None for what takes no time")
    assert not any("RPC NoneType" in text for text in outcome.faults)
    assert ("RPC", "NoneType") in outcome.counts


TIMES = {
    "a NumPy number": ("numpy.float32(12)", None),
    "a decimal": ("decimal.Decimal(12)", None),
    "a fraction": ("fractions.Fraction(25, 2)", None),
    "a whole number": ("12", None),
    "none": ("None", None),
    "infinity": ("float('inf')", "inf (float), longer"),
    "a truth value": ("True", "True (bool)"),
    "a number without end": ("10 ** 400", "longer than the"),
    "an object": ("object()", "(object)"),
    "a list": ("[12.0]", "[12.0] (list)"),
}


@pytest.mark.parametrize(("time", "fault"), TIMES.values(), ids=TIMES)
def test_a_response_time_is_a_number(
    time: str, fault: str | None, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "rpc.py"
    scenario.write_text(RPC.format(arguments=f"response_time={time}, name='rpc'"))
    outcome = closed(str(scenario), arm)
    assert outcome.counts["RPC", "rpc"] > 5
    if fault is None:
        assert outcome.faults == []
    else:
        (text,) = outcome.faults
        assert "request RPC rpc (rpc.py, line 8) with the response time" in text
        assert fault in text


RPC = """\
import decimal, fractions, gevent, numpy
from locust import User, constant, task
class Rpc(User):
    wait_time = constant(0.1)
    @task
    def call(self):
        gevent.sleep(0.02)
        self.environment.events.request.fire(
            request_type="RPC", response_length=0, exception=None, context={{}}, {arguments}
        )
"""


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("name='rpc'", "RPC rpc (rpc.py, line 8) without a `response_time`"),
        ("response_time=12.0", "RPC (rpc.py, line 8) without a `name`"),
    ],
)
def test_a_report_needs_a_name_and_a_time(
    arguments: str, fault: str, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "rpc.py"
    scenario.write_text(RPC.format(arguments=arguments))
    (text,) = closed(str(scenario), arm).faults
    assert fault in text


@pytest.mark.parametrize("name", ["7", "b'rpc'", "['rpc']", "{'rpc': 1}"])
def test_a_name_may_be_any_object(name: str, arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "rpc.py"
    scenario.write_text(RPC.format(arguments=f"response_time=12.0, name={name}"))
    outcome = closed(str(scenario), arm)
    assert outcome.faults == []
    assert list(outcome.counts) == [("RPC", str(eval(name)))]


@pytest.mark.parametrize(("exception", "failed"), [("''", 0), ("None", 0), ("'refused'", 1)])
def test_a_failure_is_what_locust_takes_for_one(
    exception: str, failed: int, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "rpc.py"
    text = RPC.replace("exception=None", f"exception={exception}")
    scenario.write_text(text.format(arguments="response_time=12.0, name='rpc'"))
    outcome = closed(str(scenario), arm)
    assert measure(outcome.trial, "error_rate", {}) == failed
    assert list(outcome.trial.service.errors) == ["refused"] * failed


def test_what_takes_no_time_is_in_no_percentile(arm: Arm) -> None:
    outcome = closed("L28-no-response-time/pushes.py", arm, window_s=2.0)
    assert outcome.faults == []
    assert outcome.counts["PUSH", "price changed"] > 3 * outcome.counts["GET", "/page"]
    assert mean(outcome, "latency_mean") == pytest.approx(0.055, abs=0.02)
    assert measure(outcome.trial, 'latency_mean{method="PUSH"}', {}) is None


def test_measures_of_an_answer_are_no_requests_to_the_arm(arm: Arm) -> None:
    outcome = opened("L47-measures-as-requests/first_word.py", arm, rate=20, users=1)
    asked = outcome.counts["POST", "/ask"]
    assert asked == outcome.counts["METRIC", "first word"] == 20
    # only the request waited from its arrival on
    assert mean(outcome, 'latency_mean{method="POST"}') > 0.4
    assert mean(outcome, 'latency_mean{method="METRIC"}') < 0.15


def test_a_listener_that_gives_up_comes_after_the_recorder(arm: Arm) -> None:
    outcome = closed("L50-give-up-on-failure/give_up.py", arm, window_s=2.0)
    rate = measure(outcome.trial, 'error_rate{name="first"}', {})
    assert rate == pytest.approx(1 / 3, abs=0.12)


def test_a_row_for_each_identifier(arm: Arm) -> None:
    outcome = closed("L45-a-name-for-each-id/ids.py", arm)
    assert outcome.trial.service.requests.keys() and len(outcome.counts) > 50
    assert outcome.faults == []


def test_clients_of_other_protocols_are_counted(arm: Arm) -> None:
    outcome = opened("L24-raw-socket/raw_socket.py", arm)
    assert outcome.counts == {("WIRE", "/reading"): 10}
    assert outcome.faults == []
    blocks = closed("L59-measured-blocks/measured_blocks.py", arm)
    assert {method for method, _ in blocks.counts} == {"grpc"}
    assert blocks.faults == []


# -- Locust's own statistics ------------------------------------------------------------------


STATISTICS = """\
import json, time
from pathlib import Path
import gevent
from locust import FastHttpUser, constant, events, task
from locust.stats import RequestStats

plain = RequestStats()  # what Locust would have, from every request
held = {{}}

@events.request.add_listener
def log(request_type, name, response_time, response_length, exception=None, **_):
    plain.log_request(request_type, name, response_time, response_length)
    if exception:
        plain.log_error(request_type, name, exception)

def figures(stats):
    rows = [stats.total, *(stats.entries[key] for key in sorted(stats.entries))]
    return dict(
        rows=[
            (
                row.name, row.method, row.num_requests, row.num_failures, row.num_none_requests,
                round(row.avg_response_time, 6), row.median_response_time,
                row.min_response_time, row.max_response_time, row.total_content_length,
                dict(row.response_times), row.get_response_time_percentile(0.95),
            )
            for row in rows
        ],
        errors=sorted(
            (e.method, e.name, repr(e.error), e.occurrences) for e in stats.errors.values()
        ),
        seconds=sum(stats.total.num_reqs_per_sec.values()),
    )

@events.init.add_listener
def begin(environment, **_):
    plain.clear_all()
    held["stats"] = environment.{early}stats if {hold} else None

def look(environment, name):
    seen = [figures(environment.stats), figures(environment.runner.stats), figures(plain)]
    Path(__file__).with_name(name).write_text(json.dumps(seen))

@events.test_start.add_listener
def watch(environment, **_):
    if {hold}:
        return
    def later():
        gevent.sleep({after})
        look(environment, "during.json")
    gevent.spawn(later)

@events.test_stop.add_listener
def end(environment, **_):
    if {hold}:
        assert held["stats"].total.num_requests == plain.total.num_requests
    look(environment, "after.json")

class Shopper(FastHttpUser):
    wait_time = constant(0.02)

    @task(3)
    def look(self):
        self.client.get("/odd?n=3&ms=3", name="/item")

    @task
    def buy(self):
        self.client.post("/item?ms=140", json={{}}, name="/item")
        self.environment.events.request.fire(
            request_type="PUSH", name="news", response_time=None, response_length=7,
            exception=None, context={{}},
        )
"""


@pytest.mark.parametrize("kind", ["closed", "open"])
@pytest.mark.parametrize(("after", "hold"), [(0.5, False), (1.6, False), (9, False), (0, True)])
def test_locusts_statistics_are_those_of_the_trial_when_they_are_read(
    kind: str, after: float, hold: bool, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "watching.py"
    scenario.write_text(STATISTICS.format(after=after, hold=hold, early="runner." * hold))
    load = ClosedLoad(4) if kind == "closed" else open_load(20, 1.0)
    for outcome in drive(scenario, arm, load, window_s=2.0, trials=2):
        assert outcome.faults == []
    files = ["after.json"] + ["during.json"] * (after < 2 and not hold)
    for file in files:
        own, of_runner, plain = json.loads((tmp_path / file).read_text())
        assert plain["rows"][0][2] > 5
        assert own == of_runner
        for mine, theirs in zip(own["rows"], plain["rows"], strict=True):
            assert mine[:5] == theirs[:5]
            assert mine[5:9] == pytest.approx(theirs[5:9])
            assert mine[9:] == theirs[9:]
        assert own["errors"] == plain["errors"]
        assert own["seconds"] == plain["seconds"]


def test_a_summary_at_the_end_has_the_numbers_of_the_trial(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "summary.py"
    scenario.write_text((CASES / "L36-summary-at-test-stop/summary.py").read_text())
    (outcome,) = drive(scenario, arm, ClosedLoad(2), 1.0)
    rows = json.loads((tmp_path / "summary.json").read_text())
    assert rows["share failed"] == 0
    for (method, name), count in outcome.counts.items():
        assert 0 <= rows[f"{method} {name}"]["n"] - count <= 2  # those after the window
