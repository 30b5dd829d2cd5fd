"""Scenarios as they are found in public: every request that Locust counts is counted, once.

What cannot be measured is named.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.hypothesis import ClosedLoad
from lab.system import MetricNames
from tests.cases.arm import Arm
from tests.cases.driving import closed, drive, mean, opened
from tests.default_margins import measure
from tests.lab.builders import altered

CASES = Path(__file__).parent / "requests"
pytestmark = pytest.mark.slow


def test_the_events_of_the_module_and_of_the_environment_are_one(arm: Arm) -> None:
    counts = closed(CASES / "L1-global-events/global_events.py", arm).counts
    assert abs(counts["RPC", "rpc/total"] - counts["GET", "http"]) <= 2
    assert counts["GET", "http"] > 5


def test_two_methods_of_one_path_are_kept_apart(arm: Arm) -> None:
    outcome = closed(CASES / "L9-same-path-two-methods/two_methods.py", arm, window_s=2.0)
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
    outcome = closed(CASES / f"L14-odd-response-times/{file}", arm)
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
    "an object": ("object()", "<object object> (object)"),
    "a list": ("[12.0]", "[12.0] (list)"),
}


@pytest.mark.parametrize(("time", "fault"), TIMES.values(), ids=TIMES)
def test_a_response_time_is_a_number(
    time: str, fault: str | None, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "rpc.py"
    scenario.write_text(RPC.format(arguments=f"response_time={time}, name='rpc'"))
    outcome = closed(scenario, arm)
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
    (text,) = closed(scenario, arm).faults
    assert fault in text


@pytest.mark.parametrize("name", ["7", "b'rpc'", "['rpc']", "{'rpc': 1}"])
def test_a_name_may_be_any_object(name: str, arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "rpc.py"
    scenario.write_text(RPC.format(arguments=f"response_time=12.0, name={name}"))
    outcome = closed(scenario, arm)
    assert outcome.faults == []
    assert list(outcome.counts) == [("RPC", str(eval(name)))]


@pytest.mark.parametrize(("exception", "failed"), [("''", 0), ("None", 0), ("'refused'", 1)])
def test_a_failure_is_what_locust_takes_for_one(
    exception: str, failed: int, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "rpc.py"
    text = RPC.replace("exception=None", f"exception={exception}")
    scenario.write_text(text.format(arguments="response_time=12.0, name='rpc'"))
    outcome = closed(scenario, arm)
    assert measure(outcome.trial, "error_rate", {}) == failed
    assert list(outcome.trial.service.errors) == ["refused"] * failed


def test_what_takes_no_time_is_in_no_percentile(arm: Arm) -> None:
    outcome = closed(CASES / "L28-no-response-time/pushes.py", arm, window_s=2.0)
    assert outcome.faults == []
    assert outcome.counts["PUSH", "price changed"] > 3 * outcome.counts["GET", "/page"]
    assert mean(outcome, "latency_mean") == pytest.approx(0.055, abs=0.02)
    assert measure(outcome.trial, 'latency_mean{method="PUSH"}', {}) is None


def test_measures_of_an_answer_are_no_requests_to_the_arm(arm: Arm) -> None:
    outcome = opened(CASES / "L47-measures-as-requests/first_word.py", arm, rate=20, users=1)
    asked = outcome.counts["POST", "/ask"]
    assert asked == outcome.counts["METRIC", "first word"] == 20
    # only the request waited from its arrival on
    assert mean(outcome, 'latency_mean{method="POST"}') > 0.4
    assert mean(outcome, 'latency_mean{method="METRIC"}') < 0.15


def test_a_listener_that_gives_up_comes_after_the_recorder(arm: Arm) -> None:
    outcome = closed(CASES / "L50-give-up-on-failure/give_up.py", arm, window_s=2.0)
    rate = measure(outcome.trial, 'error_rate{name="first"}', {})
    assert rate == pytest.approx(1 / 3, abs=0.12)


def test_a_row_for_each_identifier(arm: Arm) -> None:
    outcome = closed(CASES / "L45-a-name-for-each-id/ids.py", arm)
    assert outcome.trial.service.requests.keys() and len(outcome.counts) > 50
    assert outcome.faults == []


def test_clients_of_other_protocols_are_counted(arm: Arm) -> None:
    outcome = opened(CASES / "L24-raw-socket/raw_socket.py", arm)
    assert outcome.counts == {("WIRE", "/reading"): 10}
    assert outcome.faults == []
    blocks = closed(CASES / "L59-measured-blocks/measured_blocks.py", arm)
    assert {method for method, _ in blocks.counts} == {"grpc"}
    assert blocks.faults == []


OVERRIDES = """\
from locust import {base}, constant, task
class Shopper({base}):
    wait_time = constant(0.05)
    @task
    def work(self):
        with self.client.get("/slow?ms=60", name="/work", catch_response=True) as answer:
            {change}
"""
CHANGES = {
    "the server's": "answer.request_meta['response_time'] = answer.json()['took_ms']",
    "another object": "answer.request_meta = {**answer.request_meta, 'response_time': 5.0}",
    "none": "answer.request_meta['response_time'] = None; answer.success()",
}


@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_response_time_that_the_scenario_replaces_is_named(
    base: str, change: str, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(OVERRIDES.format(base=base, change=change))
    (text,) = closed(scenario, arm).faults
    assert text.startswith("reported the request GET /work (own.py, line 6")
    assert "with a response time of its own, in place of the time that its client waited" in text
    scenario.write_text(OVERRIDES.format(base=base, change="answer.success()"))
    assert closed(scenario, arm).faults == []


def test_the_servers_own_times_are_no_response_times(arm: Arm) -> None:
    for outcome in (
        closed(CASES / "L46-time-overridden/overridden.py", arm),
        opened(CASES / "L46-time-overridden/overridden.py", arm),
    ):
        (text,) = outcome.faults
        assert "GET /work (overridden.py, line 10) with a response time of its own" in text


def test_a_scenario_that_reports_no_request_is_void(arm: Arm) -> None:
    case = CASES / "L25-nothing-reported/nothing_reported.py"
    fixed, arrivals = closed(case, arm), opened(case, arm)
    for outcome in (fixed, arrivals):
        message = outcome.voided["scenario"]
        assert "The scenario sent no request that Locust counts" in message
        assert f"({case.relative_to(Path.cwd())}:11, in read)" in message
        assert "No request to arm narrow ended" in outcome.voided["errors"]
    assert "without_request" in arrivals.voided


@pytest.mark.parametrize("counter", ["http_requests_total", "http_request_duration_seconds_count"])
def test_requests_that_are_not_reported_are_seen_by_the_arms_own_counter(
    counter: str, arm: Arm
) -> None:
    before = arm.served.total()
    outcome = closed(CASES / "L26-requests-beside-the-client/beside.py", arm, 4, 3.0)
    assert outcome.voided == {}  # an arm without a counter does not show it
    counters = {counter: float(arm.served.total() - before)}
    outcome.trial = altered(outcome.trial, counters=counters)
    outcome.names = MetricNames(requests=counter)
    assert "sends requests that it does not report" in outcome.voided["served"]


def test_a_scenario_that_watches_its_failures_ends_its_trial(arm: Arm) -> None:
    (outcome,) = drive(CASES / "L34-watch-and-quit/watch_and_quit.py", arm, ClosedLoad(2), 2.0)
    message = outcome.voided["scenario"]
    assert message.startswith("The scenario ended the test itself: environment.runner.quit() (")
    assert "watch_and_quit.py:13, in watch)" in message


ABANDONED = """\
import gevent
from locust import {base}, constant, task

class Shop({base}):
    wait_time = constant(0.02)

    @task
    def read(self):
        {how}
        self.client.get("/quick")
"""
HOW = {
    "a limit around it": """\
try:
            with gevent.Timeout(0.05):
                self.client.get("/late?ms=200", name="/late")
        except gevent.Timeout:
            pass""",
    "a limit that is silent": """\
with gevent.Timeout(0.05, False):
            self.client.get("/late?ms=200", name="/late")""",
    "a greenlet that is killed": """\
late = gevent.spawn(self.client.get, "/late?ms=200", name="/late")
        late.join(timeout=0.05)
        late.kill()""",
}


@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_requests_that_a_scenario_gives_up_are_named(how: str, arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(ABANDONED.format(base="HttpUser", how=how))
    for outcome in (closed(scenario, arm), opened(scenario, arm)):
        (text,) = outcome.faults
        assert text.startswith("gave up the request GET /late by ")
        assert "scenario" in outcome.voided
    scenario.write_text(
        ABANDONED.format(base="HttpUser", how=how.replace("0.05", "5").replace("ms=200", "ms=1"))
    )
    assert closed(scenario, arm).faults == []


def test_a_user_killed_as_it_waits_is_named_by_the_line_that_killed_it(
    arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "own.py"
    how = """\
def end(greenlet):
            greenlet.kill(block=False)
        gevent.spawn_later(0.05, end, self.greenlet)"""
    scenario.write_text(
        ABANDONED.format(base="HttpUser", how=how).replace('"/quick"', '"/late?ms=200"')
    )
    texts = closed(scenario, arm).faults
    (given_up,) = (text for text in texts if text.startswith("gave up the request GET /late"))
    assert "own.py:10, in end)" in given_up


def test_a_fast_client_counts_what_a_limit_ends_and_no_more(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "own.py"
    limit, killed = HOW["a limit around it"], HOW["a greenlet that is killed"]
    scenario.write_text(ABANDONED.format(base="FastHttpUser", how=limit))
    outcome = closed(scenario, arm)
    assert outcome.faults == []
    (late,) = (row for key, row in outcome.trial.service.requests.items() if key.name == "/late")
    assert late.errors == late.count > 0
    scenario.write_text(ABANDONED.format(base="FastHttpUser", how=killed))
    (text,) = closed(scenario, arm).faults
    assert text.startswith("gave up the request GET /late by GreenletExit")


def test_requests_that_are_cut_off_as_users_end_are_no_fault(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(
        """\
import gevent
from locust import HttpUser, constant, task

class Shop(HttpUser):
    wait_time = constant(0.02)

    def on_start(self):
        self.beat = gevent.spawn(self.client.get, "/late?ms=5000")

    @task
    def read(self):
        self.client.get("/quick")

    def on_stop(self):
        self.beat.kill()
"""
    )
    assert closed(scenario, arm).faults == []


ENDS_EARLY = """\
from locust import HttpUser, task

served = []

class Shop(HttpUser):
    def on_start(self):
        {on_start}

    @task
    def read(self):
        self.client.get("/quick")
        served.append(1)
        if len(served) > 13:
            self.environment.runner.quit()
"""


@pytest.mark.parametrize("on_start", ["int('x')", "pass"])
def test_a_trial_that_ends_early_has_lost_no_arrivals(
    on_start: str, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(ENDS_EARLY.format(on_start=on_start))
    voided = opened(scenario, arm, seconds=3).voided
    assert "scenario" in voided
    assert not {"lost", "unsent"} & set(voided)
