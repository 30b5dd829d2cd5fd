"""Locust's own statistics, as scenarios read them: they are those of the trial."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lab.hypothesis import ClosedLoad
from tests.cases.arm import Arm
from tests.cases.driving import drive, open_load

CASES = Path(__file__).parent / "requests"
pytestmark = pytest.mark.slow


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
