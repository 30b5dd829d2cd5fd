"""Scenarios with the lean client: counted, judged and refused as those with Locust's clients."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cases.arm import Arm
from tests.cases.driving import Outcome, closed, mean, opened
from tests.cases.test_requests import ABANDONED, HOW
from tests.default_margins import measure
from tests.runs import ROOT

pytestmark = pytest.mark.slow

HEAD = """\
import gevent
from locust import constant, events, task
from lab.driver.client import LeanHttpUser

"""
READER = """\
class Reader(LeanHttpUser):
    wait_time = constant(0.02)

    @task
    def read(self):
        {code}
"""
OWN_LIMIT = """\
class Late(Exception):
            pass
        try:
            with gevent.Timeout(0.05, Late):
                self.client.get("/late?ms=200", name="/late")
        except Late:
            pass"""


ARRIVALS = re.compile(r"arrivals: (\d+) scheduled, (\d+) sent, (\d+) unsent")


def scenario_of(code: str, folder: Path) -> Path:
    """A scenario whose only task is this code."""
    scenario = folder / "own.py"
    scenario.write_text(HEAD + READER.format(code=code))
    return scenario


def both(code: str, folder: Path, arm: Arm) -> list[Outcome]:
    """Its trials with a closed and an open load."""
    scenario = scenario_of(code, folder)
    return [closed(scenario, arm), opened(scenario, arm, rate=20)]


def test_every_request_is_counted_and_timed(arm: Arm, tmp_path: Path) -> None:
    code = 'self.client.get("/page?ms=50", name="/page")\n        self.client.post("/x", json={})'
    for outcome in both(code, tmp_path, arm):
        counts = outcome.counts
        assert outcome.faults == []
        assert set(counts) == {("GET", "/page"), ("POST", "/x")}
        assert counts["GET", "/page"] > 10
        assert mean(outcome, 'latency_mean{name="/page"}') == pytest.approx(0.055, abs=0.02)
        assert measure(outcome.trial, "error_rate", {}) == 0
        assert "hosts" not in outcome.voided
    assert sum(arm.served.values()) >= sum(counts.values())


def test_failures_are_counted_with_their_words(arm: Arm, tmp_path: Path) -> None:
    outcome = closed(scenario_of('self.client.get("/status?code=503", name="/s")', tmp_path), arm)
    assert measure(outcome.trial, "error_rate", {}) == 1
    (text,) = outcome.trial.service.errors
    assert text == "HTTPError: 503 Server Error: Service Unavailable for url: /s"


def test_requests_without_an_answer_are_counted_apart(arm: Arm, tmp_path: Path) -> None:
    outcome = closed(
        scenario_of('self.client.get("/page?ms=500", timeout=0.1, name="/p")', tmp_path), arm
    )
    (seen,) = outcome.trial.service.requests.values()
    assert seen.socket_errors == seen.errors == seen.count > 3
    (text,) = outcome.trial.service.errors
    assert text == "ReadTimeout: there was no answer before the timeout"


def test_answers_are_judged_by_the_scenario(arm: Arm, tmp_path: Path) -> None:
    code = """\
with self.client.get("/status?code=404", name="gone", catch_response=True) as answer:
            answer.success()
        with self.rest("GET", "/price") as answer:
            assert answer.js["price"] > 0, "no price"
        with self.rest("GET", "/stock") as answer:
            assert answer.js["path"] == "/stock\""""
    outcome = closed(scenario_of(code, tmp_path), arm)
    assert outcome.faults == []
    requests = outcome.trial.service.requests
    errors = {key.name: seen.errors / seen.count for key, seen in requests.items()}
    assert errors == {"gone": 0, "/price": 1, "/stock": 0}


def test_a_time_of_the_scenario_s_own_is_named(arm: Arm, tmp_path: Path) -> None:
    code = """\
with self.client.get("/page", catch_response=True) as answer:
            answer.request_meta["response_time"] = 1.0
            answer.success()"""
    (text,) = closed(scenario_of(code, tmp_path), arm).faults
    assert "reported the request GET /page" in text
    assert "with a response time of its own" in text


def test_a_wrapped_request_is_used_by_every_method(arm: Arm, tmp_path: Path) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(
        HEAD
        + READER.format(code='self.client.get("/page")')
        + """
    def on_start(self):
        plain = self.client.request
        self.client.request = lambda method, url, **more: plain(method, url, name="own", **more)
"""
    )
    assert set(closed(scenario, arm).counts) == {("GET", "own")}


@pytest.mark.parametrize("how", [*HOW.values(), OWN_LIMIT], ids=[*HOW, "an error of its own"])
def test_requests_that_are_given_up_are_named(how: str, arm: Arm, tmp_path: Path) -> None:
    text = ABANDONED.format(base="HttpUser", how=how)
    scenario = tmp_path / "own.py"
    scenario.write_text(
        text.replace("HttpUser", "LeanHttpUser")
        .replace("import LeanHttpUser,", "import")
        .replace("import gevent\n", "import gevent\nfrom lab.driver.client import LeanHttpUser\n")
    )
    for outcome in (closed(scenario, arm), opened(scenario, arm)):
        (fault,) = outcome.faults
        assert fault.startswith("gave up the request GET /late by ")
        assert "own.py:" in fault or "GreenletExit" in fault  # that greenlet has no line of it
        assert "scenario" in outcome.voided


@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])
def test_so_are_those_of_locust_s_clients_with_an_error_of_the_scenario_s_own(
    base: str, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(ABANDONED.format(base=base, how=OWN_LIMIT))
    (fault,) = closed(scenario, arm).faults
    assert fault.startswith("gave up the request GET /late by Late")


@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser", "LeanHttpUser"])
def test_an_address_that_is_none_is_no_request_that_was_given_up(
    base: str, arm: Arm, tmp_path: Path
) -> None:
    scenario = tmp_path / "own.py"
    scenario.write_text(
        HEAD.replace("constant,", "FastHttpUser, HttpUser, constant,")
        + READER.format(code='self.client.get("http://[::1/")').replace("LeanHttpUser", base)
    )
    faults = closed(scenario, arm).faults
    assert faults
    assert not [text for text in faults if text.startswith("gave up")]


def test_requests_to_another_host_are_named(arm: Arm, tmp_path: Path) -> None:
    code = """\
self.client.get("/page")
        self.client.get("http://198.51.100.7/")"""
    faults = closed(scenario_of(code, tmp_path), arm).faults
    refused = "reaches for another host: a connection to 198.51.100.7:80 is refused"
    assert any(text.startswith(refused) for text in faults), faults


def test_open_arrivals_without_the_lab(arm: Arm, tmp_path: Path) -> None:
    before = arm.served["/look"]
    (tmp_path / "locustfile.py").write_text(
        """\
from locust import task
from lab.driver.user import OpenLeanHttpUser

class Shopper(OpenLeanHttpUser):
    rate = 50

    @task
    def look(self):
        self.client.get("/look")
"""
    )
    output = plain_locust(tmp_path, arm)
    scheduled, sent, unsent = map(int, ARRIVALS.findall(output)[0])
    assert scheduled == sent + unsent
    assert 20 < arm.served["/look"] - before <= sent


def test_plain_locust_runs_the_lean_user(arm: Arm, tmp_path: Path) -> None:
    before = arm.served["/plain"]
    scenario_of('self.client.get("/plain")', tmp_path).rename(tmp_path / "locustfile.py")
    output = plain_locust(tmp_path, arm)
    count = arm.served["/plain"] - before
    assert '"num_failures": 0' in output
    (reported,) = map(int, re.findall(r'"num_requests": (\d+)', output))
    assert 20 < reported <= count <= reported + 1  # the last may end after the report


def plain_locust(folder: Path, arm: Arm) -> str:
    """What two seconds of it print."""
    command = "locust -f locustfile.py --headless -u 1 -t 2s --json --stop-timeout 1"
    done = subprocess.run(
        [sys.executable, "-m", *command.split(), "--host", arm.url],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr
