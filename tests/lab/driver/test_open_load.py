"""Open loads: real Locust users and real servers whose every answer is known."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    Frame,
    RequestKey,
    RequestSummary,
    RunTrial,
    ScheduledRequests,
)
from lab.experiment.driver_message_conversion import load_spec
from lab.experiment.load_trial_builder import LoadRecordBuilder
from lab.hypothesis import OpenLoad, Stage
from lab.instruments.locust_driver_process import ScenarioError
from lab.stats.latency_histogram import Histogram
from lab.trials.measure_values import total
from lab.trials.trial import Trial
from tests import arrivals
from tests.arrivals import SCENARIO, Bench, arrivals_of, dispatch, evidence, steady
from tests.default_margins import measure
from tests.oracles.queueing import kiefer_wolfowitz
from tests.runs import ROOT
from tests.servers import STALLED, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with arrivals.bench(tmp_path) as made:
        yield made


@pytest.mark.real
@pytest.mark.parametrize("base", ["FastHttpUser", "HttpUser"])
def test_ordinary_users_carry_out_arrivals_which_never_wait_for_answers(
    base: str, bench: Bench
) -> None:
    bench.load(base, more='self.client.get("/", name="second")')
    with bench.serve("queue", servers=100, mean_s=0.2, exponential=False) as server:
        trial, frames = bench.drive(server, steady(40))
        served = server.end()
    scheduled = sum(each.scheduled for each in arrivals_of(frames))
    # each arrival waits .4 s for its two answers: a closed load of as many users would be slower
    assert len(served["services"]) == 2 * scheduled
    assert (dispatch(trial).unsent, dispatch(trial).lost) == (0, 0)
    for name in ("first", "second"):
        median = measure(trial, f'latency_p50{{name="{name}"}}', {})
        assert median == pytest.approx(0.2, abs=0.02)


@pytest.mark.real
def test_the_same_seed_sends_at_the_same_moments(bench: Bench) -> None:
    bench.load()
    runs = []
    with bench.serve("plain") as server:
        for _ in range(2):
            bench.drive(server, steady(50, 1.0), warmup_s=0.0)
            times = np.array(sorted(context["times"] for *_, context in bench.seen()))
            runs.append(times - bench.opens)
    (dues, sends), (dues_again, sends_again) = runs[0].T, runs[1].T
    assert dues == pytest.approx(dues_again, abs=1e-6)
    off = np.abs(sends - sends_again)
    assert np.median(off) < 0.002
    assert np.quantile(off, 0.9) < 0.02


@pytest.mark.real
def test_a_freeze_is_in_the_percentiles(bench: Bench) -> None:
    bench.load()
    with bench.serve("frozen", frozen_s=0.5, period_s=1.25) as server:
        trial, _ = bench.drive(server, steady(100, 2.5), warmup_s=0.2)
        freezes = server.end()["freezes"]
    truth = []
    for *_, context in bench.seen():
        due = context["times"][0]
        truth += [max((end - due for begin, end in freezes if begin <= due < end), default=0.0)]
    for q in (0.5, 0.9, 0.95):
        seen = measure(trial, f"latency_p{100 * q:g}", {})
        assert seen == pytest.approx(np.quantile(truth, q), rel=0.1, abs=0.05)


@pytest.mark.real
def test_waits_in_a_queue_equal_those_of_its_replay(bench: Bench) -> None:
    bench.load()
    with bench.serve("queue", servers=2, mean_s=0.02, exponential=True) as server:
        trial, _ = bench.drive(server, steady(60, 2.0))
        services = {number: end - begun for number, _, begun, end in server.end()["services"]}
    seen = sorted(bench.seen(), key=lambda one: one[2]["times"][0])
    dues = [context["times"][0] for *_, context in seen]
    numbers = [context["i"] for *_, context in seen]
    truth = kiefer_wolfowitz(dues, [services[number] for number in numbers], 2).response
    measured = [
        response + context["times"][1] - context["times"][0] for _, response, context in seen
    ]
    errors = np.abs(np.array(measured) - truth)
    assert np.quantile(errors, 0.9) < 0.005
    assert measure(trial, "latency_mean", {}) == pytest.approx(float(np.mean(truth)), rel=0.25)


@pytest.mark.real
def test_sent_and_unsent_are_all_that_was_scheduled_when_the_service_cannot_keep_up(
    bench: Bench,
) -> None:
    bench.load()
    with bench.serve("queue", servers=1, mean_s=0.05, exponential=False) as server:
        trial, frames = bench.drive(server, steady(100, 2.0, max_users=5), warmup_s=0.0)
        served = server.end()
    assert dispatch(trial).lost == 0
    assert dispatch(trial).waiting > 50
    assert dispatch(trial).undispatched == 0
    assert dispatch(trial).users == 5
    # the driver itself was on time; the latency contains the wait, the service's own does not
    assert dispatch(trial).lag_p99_s < 0.05 < 0.3 < dispatch(trial).wait_p99_s
    latency, service = (
        measure(trial, f"{kind}_p50", {}) for kind in ("latency", "service_latency")
    )
    assert latency is not None and service is not None
    assert service == pytest.approx(0.25, abs=0.05)  # five at a time behind one server of 50 ms
    assert latency > service + 0.1
    assert len(served["services"]) == sum(each.sent for each in arrivals_of(frames))


@pytest.mark.real
def test_arrivals_scheduled_in_the_window_are_awaited_after_it(bench: Bench) -> None:
    bench.load()
    with bench.serve("queue", servers=1, mean_s=0.02, exponential=False) as server:
        trial, frames = bench.drive(server, steady(100, 2.0, "constant"), warmup_s=0.0)
        assert (dispatch(trial).sent, dispatch(trial).unanswered) == (200, 0)
        server.end()
    seen = total(trial)
    assert seen.count == 200
    # of arrival k the wait is k times .02 - .01 seconds: of 200, half a window is still to come
    assert measure(trial, "latency_p90", {}) == pytest.approx(1.82, rel=0.15)
    assert measure(trial, "throughput", {}) == pytest.approx(50, rel=0.1)
    assert seen.ended.count == sum(
        frame.requests[RequestKey("first", "GET")].count for frame in frames
    )


@pytest.mark.real
def test_a_stage_has_the_latency_of_the_arrivals_scheduled_in_it(bench: Bench) -> None:
    bench.load()
    stages = (Stage("spike", 100, 100, 1.0), Stage("pause", 0, 0, 2.0), Stage("after", 20, 20, 1.0))
    with bench.serve("queue", servers=1, mean_s=0.02, exponential=False) as server:
        trial, _ = bench.drive(server, OpenLoad("constant", stages), warmup_s=0.0)
    counts = [
        sum(seen.count for seen in stage.requests.values()) for stage in evidence(trial).stages
    ]
    assert counts == [100, 0, 20]
    assert measure(trial, "latency_p90", {}, during="spike") == pytest.approx(0.92, rel=0.15)
    assert measure(trial, "latency_p50", {}, during="after") == pytest.approx(0.02, abs=0.02)
    # throughput is of what ended: half of the spike in the pause behind it
    assert measure(trial, "throughput", {}, during="spike") == pytest.approx(50, rel=0.1)
    assert measure(trial, "throughput", {}, during="pause") == pytest.approx(25, rel=0.1)
    assert [second.due for stage in evidence(trial).stages for second in stage.medians] == [
        100,
        0,
        0,
        20,
    ]


SHORT_DRAIN = """\
import locust

@locust.events.init.add_listener
def shorten(environment, **_):
    environment.stop_timeout = 1
"""


def test_arrivals_that_are_never_answered_are_counted(bench: Bench) -> None:
    bench.load(preamble=SHORT_DRAIN)
    with bench.serve("queue", servers=1, mean_s=0.1, exponential=False) as server:
        trial, _ = bench.drive(server, steady(40, 1.0, "constant"), warmup_s=0.0)
    assert dispatch(trial).lost == 0
    assert dispatch(trial).sent == 40
    assert dispatch(trial).unanswered + total(trial).count == 40
    assert dispatch(trial).unanswered == pytest.approx(20, abs=3)
    assert evidence(trial).users_missing > 0


def test_all_connections_are_open_before_the_first_request(bench: Bench) -> None:
    bench.load()
    with bench.serve("plain") as server:
        bench.drive(server, steady(30, 1.0, "constant"), warmup_s=0.0)
        served = server.end()
    assert served["accepted_first"] == 30
    assert served["served"] == 30


@pytest.mark.real
def test_a_rare_class_gets_a_user_while_others_are_idle(bench: Bench) -> None:
    bench.load(one=False, other=f"self.client.get('/?i={STALLED}', name='other')")
    with bench.serve("stalling", stalled_s=0.5) as server:
        trial, _ = bench.drive(server, steady(40, 2.0, max_users=10), warmup_s=0.0)
    assert trial.service.requests[RequestKey("other", "GET")].count > 15
    # ten users, half a second for one arrival in four: five are busy, and five idle at any time
    assert dispatch(trial).unsent == 0
    assert dispatch(trial).wait_p99_s < 0.3


@pytest.mark.real
def test_thousands_of_arrivals_a_second_and_none_is_lost(bench: Bench) -> None:
    bench.load()
    with bench.serve("plain") as server:
        trial, frames = bench.drive(server, steady(3000, 1.0, "constant"))
        served = server.end()["served"]
    assert dispatch(trial).lost == 0
    assert sum(each.scheduled for each in arrivals_of(frames)) == 4500
    assert served == sum(each.sent for each in arrivals_of(frames))


def test_no_frame_straddles_two_stages(bench: Bench) -> None:
    bench.load()
    stages = (Stage("calm", 20, 20, 1.5), Stage("spike", 200, 200, 1.2), Stage("down", 200, 20, 1))
    with bench.serve("plain") as server:
        trial, frames = bench.drive(server, OpenLoad("constant", stages))
    assert [frame.t for frame in frames] == pytest.approx([0.5, 1.5, 2.0, 3.0, 3.2, 4.2])
    assert [each.scheduled for each in arrivals_of(frames)] == [10, 20, 10, 200, 40, 110]
    assert [stage.seconds for stage in evidence(trial).stages] == pytest.approx([1.5, 1.2, 1.0])
    assert measure(trial, "throughput", {}, during="spike") == pytest.approx(200, rel=0.05)
    assert measure(trial, "throughput", {}, during="calm") == pytest.approx(20, rel=0.1)


def frame(t: float, scheduled: int, answers: dict[float, list[float]]) -> Frame:
    """A second of a driver: the arrivals scheduled in it, and latencies by scheduled second."""
    return Frame(
        t=t,
        in_window=True,
        users=9,
        requests=answered([one for latencies in answers.values() for one in latencies]),
        arrivals=ArrivalSummary(scheduled, scheduled),
        by_scheduled_time=tuple(
            ScheduledRequests(end, answered(latencies)) for end, latencies in answers.items()
        ),
    )


def answered(latencies: list[float]) -> dict[RequestKey, RequestSummary]:
    histogram = Histogram()
    histogram.add_many(latencies)
    return {RequestKey("/"): RequestSummary(histogram.count, 0, histogram)}


def test_a_single_stage_can_be_selected_by_its_name() -> None:
    record = LoadRecordBuilder(OpenLoad("constant", (Stage("whole", 30, 30, 2.0),)), 0.0)
    record.add(frame(1.0, 30, {1.0: [0.1] * 30}))
    record.add(frame(2.0, 30, {2.0: [0.1] * 30}))
    trial = Trial(1, 1, "arm", 0.0, 2.0, evidence=record.evidence())
    assert measure(trial, "latency_p50", {}, during="whole") == pytest.approx(0.1, rel=0.01)
    unnamed = LoadRecordBuilder(OpenLoad("constant", (Stage(None, 30, 30, 2.0),)), 0.0)
    assert unnamed.evidence().stages == ()


def test_the_median_of_a_second_counts_arrivals_without_an_answer() -> None:
    stages = (Stage("early", 30, 30, 2.0), Stage("late", 30, 30, 1.0))
    record = LoadRecordBuilder(OpenLoad("constant", stages), 0.0)
    record.add(frame(1.0, 10, {1.0: [0.1, 0.2, 0.3, 0.4]}))
    record.add(frame(2.0, 10, {1.0: [1.5, 1.6], 2.0: [0.1] * 4}))
    record.add(frame(3.0, 0, {2.0: []}))
    (first, second), (silent,) = (stage.medians for stage in record.evidence().stages)
    assert first.median == pytest.approx(1.5, rel=0.01)  # six of ten: the fifth is the median
    assert (second.median, second.due) == (None, 10)  # four of ten
    assert (silent.median, silent.due) == (None, 0)


def test_a_trial_that_ends_within_a_frame_has_the_frames_before() -> None:
    record = LoadRecordBuilder(OpenLoad("constant", (Stage(None, 30, 30, 2.0),)), 0.0)
    record.add(frame(1.0, 30, {1.0: [0.1] * 20}))
    late = tuple(ScheduledRequests(t, answered([0.9] * 10)) for t in (1.0, 2.0))
    record.close(Closed(drained=True, early=True, by_scheduled_time=late))
    assert sum(seen.count for seen in record.evidence().requests.values()) == 30


def test_user_classes_share_the_arrivals_by_their_weights(bench: Bench) -> None:
    bench.load(one=False)
    with bench.serve("plain") as server:
        trial, _ = bench.drive(server, steady(400, 1.0))
    counts = Counter({key.name: seen.count for key, seen in trial.service.requests.items()})
    share = counts["first"] / counts.total()
    assert abs(share - 0.75) < 4 * (0.75 * 0.25 / counts.total()) ** 0.5


def test_a_task_that_raises_is_a_task_error_and_its_user_continues(bench: Bench) -> None:
    bench.load(more="missing_name")
    with bench.serve("plain") as server:
        trial, frames = bench.drive(server, steady(50, 1.0))
    raised = Counter[str]()
    for frame in frames:
        raised.update(frame.task_errors)
    assert raised.total() == sum(each.sent for each in arrivals_of(frames))
    assert all("NameError" in text for text in raised)
    assert dispatch(trial).users <= 50


def test_a_refused_connection_is_no_answer_of_the_service(bench: Bench) -> None:
    bench.load()
    with bench.serve("plain") as server:
        server.end()
        trial, _ = bench.drive(server, steady(50, 1.0))
    seen = total(trial)
    assert seen.count > 0
    assert seen.socket_errors == seen.errors == seen.count


def test_an_open_load_refuses_a_fixed_count_of_users(bench: Bench) -> None:
    path = bench.folder / "scenario.py"
    text = SCENARIO.format(base="HttpUser", more="pass", other="pass", preamble="").replace(
        "weight = 3", "fixed_count = 3"
    )
    path.write_text(text)
    with pytest.raises(ScenarioError, match="fixed_count"):
        bench.driver.load(path, open_load=True)


NESTED = """\
from locust import HttpUser, TaskSet, task

class Visitor(HttpUser):
    @task
    class Browsing(TaskSet):
        @task
        def look(self):
            self.client.get("/")
"""


def test_an_open_load_refuses_task_sets(bench: Bench) -> None:
    path = bench.folder / "nested.py"
    path.write_text(NESTED)
    with pytest.raises(ScenarioError, match=r"task set Browsing.*one task"):
        bench.driver.load(path, open_load=True)


@pytest.mark.parametrize("base", ["OpenHttpUser", "OpenLeanHttpUser"])
def test_a_closed_load_refuses_open_users(base: str, bench: Bench) -> None:
    path = bench.folder / "open.py"
    path.write_text(OPEN_USER.replace("OpenHttpUser", base))
    with pytest.raises(ScenarioError, match=rf"Shopper is an {base}.*`rate`"):
        bench.driver.load(path, open_load=False)


OPEN_USER = """\
from locust import task
from lab.driver.user import OpenHttpUser

class Shopper(OpenHttpUser):
    rate = 50

    @task
    def look(self):
        self.client.get("/", name="/")
"""


@pytest.mark.parametrize(("rate", "seconds", "count"), [(0.01, 1000, 10), (0.25, 100, 25)])
def test_constant_arrivals_without_the_lab_keep_their_rate(
    rate: float, seconds: float, count: int
) -> None:
    code = (
        "import itertools, time\n"
        "from lab.driver.user import OpenHttpUser, _endless_schedule\n"
        "class Slow(OpenHttpUser):\n"
        f"    rate, arrivals = {rate}, 'constant'\n"
        f"until = time.monotonic() + {seconds} - 1\n"
        "dues = itertools.takewhile(lambda due: due < until, _endless_schedule(Slow))\n"
        "print(len(list(dues)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == count


def test_a_locustfile_may_have_open_arrivals_without_the_lab(tmp_path: Path) -> None:
    (tmp_path / "locustfile.py").write_text(OPEN_USER)
    with serving("queue", tmp_path / "log", servers=4, mean_s=0.1, exponential=False) as server:
        command = "locust -f locustfile.py --headless -u 2 -r 2 -t 3s --json --stop-timeout 1"
        done = subprocess.run(
            [sys.executable, "-m", *command.split(), "--host", server.url],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    (seen,) = json.loads(done.stdout)
    # 100 arrivals a second at a server of 40: closed users would never wait for seconds
    assert seen["max_response_time"] > 1000
    assert 80 < seen["num_requests"] < 200
    summary = re.search(r"arrivals: (\d+) scheduled, (\d+) sent, (\d+) unsent", done.stderr)
    assert summary is not None
    scheduled, sent, unsent = map(int, summary.groups())
    assert scheduled == sent + unsent
    assert sent >= seen["num_requests"]


@pytest.mark.parametrize(("rate", "some"), [(0.0001, False), (4, True)])
def test_only_users_that_carry_out_arrivals_start_and_stop_without_the_lab(
    rate: float, some: bool, tmp_path: Path
) -> None:
    log = """
    def on_start(self):
        print("started", flush=True)

    def on_stop(self):
        print("stopped", flush=True)
"""
    (tmp_path / "locustfile.py").write_text(OPEN_USER.replace("rate = 50", f"rate = {rate}") + log)
    with serving("plain", tmp_path / "log") as server:
        command = "locust -f locustfile.py --headless -u 2 -r 2 -t 2s --stop-timeout 1"
        done = subprocess.run(
            [sys.executable, "-m", *command.split(), "--host", server.url],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    # the two sources do neither
    assert done.stdout.count("started") == done.stdout.count("stopped")
    assert ("started" in done.stdout) == some


def test_a_user_without_a_task_is_an_error_of_the_scenario(bench: Bench) -> None:
    path = bench.folder / "idle.py"
    path.write_text("from locust import HttpUser\n\nclass Idle(HttpUser):\n    pass\n")
    bench.driver.load(path, open_load=True)
    trial = RunTrial("http://127.0.0.1:9", load_spec(steady(5, 1.0, "constant")), 0.5, 1.0, "s")
    (closed,) = bench.driver.drive(trial)
    assert isinstance(closed, Closed) and closed.early
    assert closed.task_errors == {"raised ValueError: Idle has no task": 5}


def test_a_pause_within_a_task_is_cut_short_at_the_end_and_counts_as_answered(
    bench: Bench,
) -> None:
    bench.load(more="self.wait()")  # for a minute
    with bench.serve("plain") as server:
        trial, _ = bench.drive(server, steady(10, 1.0, "constant"), warmup_s=0.0)
    assert dispatch(trial).sent == total(trial).count == 10
    assert dispatch(trial).unanswered == 0
    assert evidence(trial).users_missing == 0
