"""Locustfiles whose requests go elsewhere: driven by the real driver at two real servers."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from lab.driver_messages import (
    Closed,
    ClosedLoadSpec,
    Frame,
    LoadSpec,
    OpenLoadSpec,
    RateStage,
    RunTrial,
)
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import ClosedLoad, Limits
from lab.instruments.locust_driver_process import LoadDriver, ScenarioError
from lab.processes.child_processes import Children
from lab.trials.measure_values import total
from lab.trials.trial import LoadEvidence, Trial
from tests.default_margins import inspect
from tests.lab.builders import altered, claim, ratio
from tests.runs import ROOT

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "hosts"
PORT = "39827"  # of the other server, as the files have it

REDIRECTS = """\
from locust import {base}, constant, task


class Shopper({base}):
    wait_time = constant(0.05)

    @task
    def look(self):
        self.client.get("/to/{to}", name="/look")
"""
TRICKS = {
    "userinfo": "http://127.0.0.1:ARM@127.0.0.1:39827/item",
    "another name, another port": "http://localhost:39827/item",
    "the arm by another name": "http://localhost:ARM/item",
}


class Server:
    """Counts what it serves; `/to/other` and `/to/here` redirect."""

    def __init__(self) -> None:
        self.served = 0
        self.other = ""

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(handler) -> None:
                self.served += 1
                to = {"/to/other": f"{self.other}/item", "/to/here": "/item"}.get(handler.path)
                handler.send_response(302 if to else 200)
                if to:
                    handler.send_header("Location", to)
                handler.send_header("Content-Length", "2")
                handler.end_headers()
                handler.wfile.write(b"ok")

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = str(self._server.server_address[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    arm, other = Server(), Server()
    arm.other = other.url
    yield arm, other
    arm.close()
    other.close()


def drive(text: str, servers: tuple[Server, Server], tmp_path: Path, load: LoadSpec) -> Trial:
    """A trial of the scenario with its gates, against a service that exports no metrics."""
    arm, other = servers
    path = tmp_path / "scenario.py"
    path.write_text(text.replace(PORT, other.port).replace("ARM", arm.port))
    record = LoadRecordBuilder(ClosedLoad(2), warmup_s=0.1)
    with Children() as children:
        driver = LoadDriver(children, ROOT, cores=None)
        driver.load(path, open_load=isinstance(load, OpenLoadSpec))
        for message in driver.drive(RunTrial(arm.url, load, 0.1, 1.0, seed="s")):
            if isinstance(message, Frame):
                record.add(message)
            elif isinstance(message, Closed):
                record.close(message)
    trial = Trial(1, 1, "narrow", 0.0, 1.0, evidence=record.evidence())
    unlimited = replace(claim(ratio(2.5)), limits=Limits())  # nobody observes the arm
    return inspect(altered(trial, ticker_late_p99_s=0.0), unlimited)


def judged(trial: Trial) -> list[str]:
    return [fault.gate for fault in trial.faults if fault.gate in ("hosts", "served", "errors")]


@pytest.mark.parametrize(
    ("name", "foreign"),
    [
        ("L17-absolute-url", True),
        ("L41-tags-and-prefix", False),
        ("L42-base-url-moved", True),
        ("L43-second-client", True),
        ("L55-run-single-user", False),
    ],
)
def test_requests_that_never_reach_the_arm_void_its_block(
    name: str, foreign: bool, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    [file] = (CASES / name).glob("*.py")
    arm, other = servers
    trial = drive(file.read_text(), servers, tmp_path, ClosedLoadSpec(2))
    assert judged(trial) == (["hosts"] if foreign else [])
    assert (other.served > 0) == foreign
    if foreign:
        place = rf"127\.0\.0\.1:{other.port} from \S+/scenario\.py:\d+, in \w+ \(\d+\)"
        assert re.search(place, trial.faults[-1].message)
    else:
        assert 0 < trial.service.arm_requests <= arm.served  # type: ignore[operator]


@pytest.mark.parametrize("line", ["", "run_single_user(Shopper)"])
def test_load_that_a_file_sends_when_it_is_imported_is_refused(
    line: str, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    """Under a guard the same file works."""
    [file] = (CASES / "L54-runs-itself").glob("*.py")
    text, number = file.read_text(), 22
    if line:
        [file] = (CASES / "L55-run-single-user").glob("*.py")
        begin = file.read_text().partition("if __name__")[0]
        text, number = f"{begin}{line}\n", begin.count("\n") + 1
    with pytest.raises(ScenarioError, match="starts users of its own") as refusal:
        drive(text, servers, tmp_path, ClosedLoadSpec(2))
    assert refusal.value.line == number
    assert not sum(server.served for server in servers)


@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])
@pytest.mark.parametrize("to", ["other", "here"])
def test_redirects_are_followed_by_the_gate_too(
    base: str, to: str, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    scenario = REDIRECTS.format(base=base, to=to)
    trial = drive(scenario, servers, tmp_path, ClosedLoadSpec(2))
    assert judged(trial) == (["hosts"] if to == "other" else [])
    evidence = trial.evidence
    assert isinstance(evidence, LoadEvidence)
    if to == "here":
        count, users, seen = total(trial).count, 2, trial.service.arm_requests
        # a redirect at an edge of the window counts, though its request ends on the other side
        assert seen is not None
        assert 2 * count - users <= seen <= 2 * count + users
    else:
        assert sum(trial.service.foreign_hosts.values()) == trial.service.arm_requests


@pytest.mark.parametrize("name", TRICKS)
@pytest.mark.parametrize("base", ["HttpUser", "FastHttpUser"])
def test_hosts_are_compared_and_not_their_spelling(
    name: str, base: str, servers: tuple[Server, Server], tmp_path: Path
) -> None:
    scenario = REDIRECTS.format(base=base, to="").replace("/to/", TRICKS[name])
    trial = drive(scenario, servers, tmp_path, ClosedLoadSpec(2))
    assert judged(trial) == ([] if name.startswith("the arm") else ["hosts"])


def test_arrivals_of_an_open_load_are_seen_as_well(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    [file] = (CASES / "L17-absolute-url").glob("*.py")
    load = OpenLoadSpec("constant", (RateStage(30, 30, 1.0),), max_users=10)
    trial = drive(file.read_text(), servers, tmp_path, load)
    assert "hosts" in judged(trial)
