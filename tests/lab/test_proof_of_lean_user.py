"""What the proof of the lean user computes."""

from __future__ import annotations

import ast
import math

import pytest

from lab.driver_messages import RequestKey
from lab.stats.latency_histogram import Histogram
from lab.trials.trial import LoadEvidence, Requests, Trial, Usage
from tests.proof import lean_user
from tests.runs import ROOT


def trial(arm: str, cores: float, requests: int) -> Trial:
    key = RequestKey("/orders", "POST")
    evidence = LoadEvidence(
        requests={key: Requests(requests, 0, Histogram())},
        usage={"driver": Usage(cores, cores, None, None, None)},
    )
    return Trial(1, 1, arm, 0.0, 2.0, evidence=evidence)


def test_the_scenario_differs_in_its_client_alone() -> None:
    shipped = (ROOT / "scenarios" / lean_user.SCENARIO).read_text()
    changed = lean_user.with_client(shipped, lean_user.LEAN)
    assert lean_user.with_client(shipped, lean_user.SHIPPED) == shipped
    assert "FastHttpUser" not in changed
    assert "class Shopper(LeanHttpUser):" in changed
    added = "from lab.driver.client import LeanHttpUser\n\n"
    assert (
        changed.replace(added, "")
        .replace("import constant", "import FastHttpUser, constant")
        .replace("(LeanHttpUser)", "(FastHttpUser)")
        == shipped
    )
    ast.parse(changed)


def test_processor_time_is_per_request_and_of_one_more() -> None:
    found = lean_user.cpu_of([trial("narrow", 0.1, 100), trial("wide", 0.25, 400)])
    assert found["cpu_ms"] == pytest.approx(1000 * 0.7 / 500)  # 2 s of each
    assert found["more_ms"] == pytest.approx(1000 * 0.3 / 300)
    assert found["requests"] == 500
    assert lean_user.cpu_of([trial("narrow", 0.1, 100)])["more_ms"] == 0


def test_runs_agree_if_each_estimate_lies_in_the_interval_of_the_other() -> None:
    shipped = {"verdict": "CONFIRMED", "estimates": {"a": [3.0, 2.5, 3.5, "supported"]}}
    lean = {"verdict": "CONFIRMED", "estimates": {"a": [3.2, 2.9, None, "supported"]}}
    assert lean_user.agree(shipped, lean)
    assert not lean_user.agree(shipped, lean | {"verdict": "REFUTED"})
    assert not lean_user.agree(shipped, lean | {"estimates": {"a": [3.2, 3.1, 3.3, ""]}})
    assert not lean_user.agree(shipped, lean | {"estimates": {"a": [3.6, 2.5, 3.9, ""]}})
    assert not lean_user.agree(shipped, lean | {"estimates": {"a": [None, None, None, ""]}})


def test_shares_are_a_geometric_mean() -> None:
    pairs = [({"cpu_ms": 4.0}, {"cpu_ms": 1.0}), ({"cpu_ms": 1.0}, {"cpu_ms": 1.0})]
    assert lean_user.share_of(pairs, "cpu_ms") == pytest.approx(0.5)
    assert math.isnan(lean_user.share_of([*pairs, ({"cpu_ms": 0.0}, {"cpu_ms": 1.0})], "cpu_ms"))
