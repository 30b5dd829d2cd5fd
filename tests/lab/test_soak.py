"""The loop of a soak on stand-ins: blocks, segments, what is on disk, and what an end costs."""

from __future__ import annotations

import json
import os
import random
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    RequestSummary,
    UnfinishedArrivals,
)
from lab.errors import DiskFull
from lab.experiment import Event, IntervalElapsed, SoakLoop, slopes_so_far, verdict_of
from lab.experiment.soak_loop import block_s
from lab.hypothesis import (
    Allow,
    Bound,
    Comparison,
    Exhaustion,
    Hypothesis,
    Limits,
    Metric,
    MetricQuantile,
    MetricRate,
    MetricRatio,
    Prediction,
    SoakTest,
    Step,
    load,
)
from lab.machine.conditions import observe, this_machine
from lab.reporting import render
from lab.runs.run_folder import RunFolder
from lab.stats.latency_histogram import Histogram
from lab.targets.target_interface import Identity
from lab.trials.plan import PlannedWorkers, draw
from lab.trials.time_series import TimeSeries
from lab.trials.trial import SoakEvidence, Trial
from tests.fakes.instruments import FakeIntervalSampler, FakeSoakDriver, requests_at
from tests.fakes.target import FakeTarget
from tests.lab.builders import ORDERS, PROJECT
from tests.lab.workers import end, opened, part

pytestmark = pytest.mark.slow  # whole soaks on fakes, with every interval flushed to disk

SHIPPED = load(PROJECT / "hypotheses" / "memory-leak.md", PROJECT)
LENGTH_S = 1800.0
HERE = this_machine()
FAILED = {ORDERS: RequestSummary(20, 20, Histogram())}


class Bench:
    """A soak on fakes: one arm gathers `leak` bytes in each interval."""

    def __init__(self, folder: Path, leak: float = 1e6, seed: int = 1) -> None:
        self.hypothesis: Hypothesis = SHIPPED
        self.plan = replace(draw(SHIPPED, seed, "local"), length_s=LENGTH_S)
        self.run_folder = RunFolder.create(folder, SHIPPED.name)
        self.run_folder.write_plan(self.plan, SHIPPED.text)
        self.target = FakeTarget({arm: dict(s) for arm, s in SHIPPED.arms.items()})
        self.drivers = {arm: FakeSoakDriver() for arm in SHIPPED.arms}
        self.noise = random.Random(seed)
        self.leak = leak
        self.events: list[Event] = []
        self.driver_cores: dict[int, float] = {}
        self.ended: Callable[[str, int], tuple[int, ...]] = lambda arm, number: ()
        self.is_seen = True

    def rss_bytes(self, arm: str, look: int) -> float:
        grown = look * self.leak if arm == "with" else 0.0
        return 1e8 + grown + self.noise.gauss(0, 2e5)

    def gauges(self, arm: str, look: int) -> dict[str, float]:
        return {"idempotency_records": 100.0 * look if arm == "with" else 100.0}

    def session(self) -> SoakLoop:
        return SoakLoop(
            self.hypothesis,
            self.plan,
            self.run_folder,
            self.target,
            self.drivers,
            time.monotonic(),
            new_sampler=lambda: FakeIntervalSampler(
                self.gauges,
                self.rss_bytes,
                self.driver_cores,
                ended=self.ended,
                is_seen=self.is_seen,
            ),
        )

    def run(self, disturb: Callable[[IntervalElapsed], None] = lambda event: None) -> None:
        for event in self.session().run():
            self.events.append(event)
            if isinstance(event, IntervalElapsed):
                disturb(event)

    @property
    def verdict(self) -> tuple[str | None, str]:
        found = verdict_of(self.run_folder, self.hypothesis, self.plan)
        return found.verdict, (found.reasons or ("",))[0]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


class LabEnded(Exception):
    """The lab ends here, as if killed."""


def ended_at(moments: set[tuple[int, float]]) -> Callable[[IntervalElapsed], None]:
    def disturb(event: IntervalElapsed) -> None:
        if (event.block, event.passed_s) in moments:
            moments.discard((event.block, event.passed_s))
            raise LabEnded

    return disturb


def recorded(trial: Trial) -> TimeSeries:
    assert isinstance(trial.evidence, SoakEvidence)
    assert trial.evidence.time_series is not None
    return trial.evidence.time_series


def test_a_leak_is_confirmed_and_none_is_not_blamed(tmp_path: Path) -> None:
    leaking, still = Bench(tmp_path / "a"), Bench(tmp_path / "b", leak=0.0)
    leaking.run()
    still.run()
    assert leaking.verdict[0] == "CONFIRMED"
    assert still.verdict[0] == "REFUTED"
    assert "slope of rss_bytes of with - without" in still.verdict[1]
    assert "MB/h" in still.verdict[1]


def test_every_block_begins_with_fresh_processes_on_the_seeded_state(bench: Bench) -> None:
    bench.run()
    arms = list(SHIPPED.arms)
    assert sorted(bench.target.restarts) == sorted(arms * 3)  # they are fresh in the first
    assert sorted(bench.target.resets) == sorted(arms * 4)
    assert bench.drivers["with"].driven == bench.drivers["without"].driven
    assert len(set(bench.drivers["with"].driven)) == 4
    trials = bench.run_folder.trials()
    assert [trial.window_s for trial in trials] == [block_s(LENGTH_S, 4)] * 8
    assert all(trial.service.requests[ORDERS].count == trial.window_s * 20 for trial in trials)


def test_what_a_block_leaves_to_answer_is_awaited_and_counted(bench: Bench) -> None:
    late = requests_at(9.0, 15)
    bench.drivers["with"].closed = Closed(
        drained=True, requests=late, unfinished=UnfinishedArrivals(unanswered=5)
    )
    bench.run()
    trial = next(trial for trial in bench.run_folder.trials() if trial.arm == "with")
    assert trial.service.requests[ORDERS].count == trial.window_s * 20 + 15
    assert trial.service.requests[ORDERS].ended.count == trial.window_s * 20
    assert trial.service.requests[ORDERS].latency.max == 9.0
    assert trial.gates["unanswered"] == pytest.approx(5 / (trial.window_s * 20), abs=1e-6)


def test_a_soak_with_too_few_answers_is_not_to_be_trusted(bench: Bench) -> None:
    bench.drivers["with"].closed = Closed(
        drained=True, unfinished=UnfinishedArrivals(unanswered=500)
    )
    bench.run()
    verdict, reason = bench.verdict
    assert verdict == "INVALID"
    assert "had no answer" in reason


def test_a_lost_worker_ends_the_soak_by_its_own_gate_with_its_place_and_arm(bench: Bench) -> None:
    lost = end(2, drained=False, place="process 5", fault="was lost")
    bench.drivers["with"].closed = Closed(drained=False, early=True, worker_ends=(lost,))
    bench.run()
    assert bench.verdict == (
        "INVALID",
        "Of the workers that load arm with: worker 2 (process 5) was lost.",
    )
    faults = [trial.faults[0] for trial in bench.run_folder.trials()]
    assert {(fault.gate, fault.retryable) for fault in faults} == {("workers", False)}


def test_drivers_of_all_arms_share_a_core(bench: Bench) -> None:
    bench.drivers["with"].pid, bench.drivers["without"].pid = 1, 2
    bench.driver_cores = {1: 0.5, 2: 0.45}
    bench.run()
    assert bench.verdict == (
        "INVALID",
        "The load driver was saturated: 95% of its core, for the arms together (limit 90%).",
    )


def test_workers_of_all_arms_share_their_cores(bench: Bench) -> None:
    for driver in bench.drivers.values():
        driver.starts = opened().workers
        driver.unusual = lambda trial, second: {
            "driver_cpu": 0.5,
            "by_worker": (part(1), part(2)),
        }
    bench.plan = replace(bench.plan, workers=PlannedWorkers(local=2))
    bench.run()
    assert {trial.gates["driver_cpu"] for trial in bench.run_folder.trials()} == {1.0}
    assert bench.verdict == (
        "INVALID",
        "The load driver was saturated: 100% of the cores of worker 1 (process 4711) and the 1 "
        "beside it, with those of the other arms (limit 90%).",
    )


def test_an_interval_is_on_disk_before_it_is_announced(bench: Bench) -> None:
    def look(event: IntervalElapsed) -> None:
        for arm in SHIPPED.arms:
            course = bench.run_folder.time_series(event.block, Step(arm))
            assert course is not None
            assert course.times[-1] == event.passed_s
            trial = bench.run_folder.unfinished_soak_trial(event.block, Step(arm))
            assert trial is not None
            assert trial.service.requests[ORDERS].count == event.passed_s * 20

    bench.run(look)
    assert bench.run_folder.unfinished_soak_trial(4, Step("with")) is None  # it has become a trial


@pytest.mark.parametrize("seed", [1])
def test_interrupted_and_resumed_at_ten_random_places_it_comes_to_the_same_verdict(
    seed: int, tmp_path: Path
) -> None:
    for leak, wanted in ((1e6, "CONFIRMED"), (0.0, "REFUTED")):
        whole = Bench(tmp_path / f"whole-{leak}", leak, seed)
        whole.run()
        assert whole.verdict[0] == wanted
        interrupted = Bench(tmp_path / f"interrupted-{leak}", leak, seed)
        length = int(block_s(LENGTH_S, 4) / 5)
        places = random.Random(seed).sample(range(4 * length), 10)
        moments = {(1 + place // length, 5.0 * (1 + place % length)) for place in places}
        sessions = 1
        while moments:
            try:
                interrupted.run(ended_at(moments))
            except LabEnded:
                sessions += 1
        interrupted.run()
        assert sessions == 11
        assert interrupted.verdict[0] == wanted
        trials = interrupted.run_folder.trials()
        assert all(trial.window_s == block_s(LENGTH_S, 4) for trial in trials)
        assert sum(int(recorded(trial).segments[-1]) for trial in trials) >= 10


def test_killed_between_the_last_trials_of_a_block_it_keeps_both(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish_soak_trial = RunFolder.finish_soak_trial

    def killed(run_folder: RunFolder, trial: Trial) -> None:
        if (trial.block, trial.position) == (2, 2):
            raise LabEnded
        finish_soak_trial(run_folder, trial)

    monkeypatch.setattr(RunFolder, "finish_soak_trial", killed)
    with pytest.raises(LabEnded):
        bench.run()
    monkeypatch.undo()
    bench.run()
    trials = [(trial.block, trial.arm) for trial in bench.run_folder.trials()]
    assert sorted(trials) == [
        (block, arm) for block in (1, 2, 3, 4) for arm in sorted(SHIPPED.arms)
    ]
    assert len(bench.drivers["with"].driven) == 4
    assert bench.verdict[0] == "CONFIRMED"


def test_a_session_that_goes_on_seeds_its_own_databases(bench: Bench) -> None:
    with pytest.raises(LabEnded):
        bench.run(ended_at({(2, 200.0)}))
    resets = len(bench.target.resets)
    bench.run()
    assert len(bench.target.resets) == resets + 3 * len(SHIPPED.arms), "of blocks 2, 3 and 4"


def test_a_sample_that_comes_an_interval_late_is_left_out(bench: Bench) -> None:
    for driver in bench.drivers.values():
        driver.began_before_s = 12.0
    bench.run()
    for trial in bench.run_folder.trials():
        assert np.flatnonzero(np.isnan(recorded(trial).columns["rss_bytes"])).tolist() == [0]
    assert bench.verdict[0] == "CONFIRMED"


def test_a_process_below_the_loaded_one_that_ends_is_a_fault(bench: Bench) -> None:
    bench.ended = lambda arm, number: (4711,) if (arm, number) == ("with", 30) else ()
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert "process 4711 of the service of arm with ended" in bench.verdict[1]


def test_where_a_crash_is_allowed_it_begins_a_segment(bench: Bench) -> None:
    bench.hypothesis = replace(SHIPPED, allow=Allow(error_rate=0.001, crash=True))
    bench.ended = lambda arm, number: (4711, 4712) if (arm, number) == ("with", 30) else ()
    bench.run()
    assert bench.verdict[0] == "CONFIRMED"
    trial = next(t for t in bench.run_folder.trials() if t.arm == "with")
    assert set(recorded(trial).segments.tolist()) == {0, 1}
    assert isinstance(trial.evidence, SoakEvidence)
    assert trial.evidence.crashes == ("processes 4711, 4712 of the service of arm with ended",)


def test_what_a_long_start_costs_is_excused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.hypothesis = replace(SHIPPED, allow=Allow(error_rate=0.001, crash=True))
    restart, now = bench.target.restart, time.monotonic
    spent_s = 0.0

    def slow(*arms: str) -> None:
        nonlocal spent_s
        if "with" in bench.target.deaths:
            spent_s += 12.0
        restart(*arms)

    monkeypatch.setattr(bench.target, "restart", slow)
    monkeypatch.setattr(
        "lab.experiment.soak_crash_restart.time",
        SimpleNamespace(monotonic=lambda: now() + spent_s),
    )

    def kill(event: IntervalElapsed) -> None:
        if (event.block, event.passed_s) == (2, 200.0):
            bench.target.deaths["with"] = "the service of arm with ended by SIGKILL"

    # it is noticed at 200 s, and is back at 212 s
    bench.drivers["with"].unusual = lambda trial, second: (
        {"requests": FAILED} if trial == 2 and 197 < second <= 212 else {}
    )
    bench.run(kill)
    assert bench.verdict[0] == "CONFIRMED"


def test_a_crash_that_is_allowed_begins_a_segment_and_is_reported(bench: Bench) -> None:
    bench.hypothesis = replace(SHIPPED, allow=Allow(error_rate=0.001, crash=True))

    def kill(event: IntervalElapsed) -> None:
        if (event.block, event.passed_s) == (2, 200.0):
            bench.target.deaths["with"] = "the service of arm with ended by SIGKILL"

    def failing(trial: int, second: int) -> dict[str, Any]:
        if trial != 2 or not 197 < second < 203:
            return {}
        return {"requests": FAILED, "errors": {"refused": 20}}

    bench.drivers["with"].unusual = failing
    bench.run(kill)
    assert bench.verdict[0] == "CONFIRMED"
    trial = next(t for t in bench.run_folder.trials() if (t.block, t.arm) == (2, "with"))
    assert isinstance(trial.evidence, SoakEvidence)
    assert trial.evidence.crashes == ("the service of arm with ended by SIGKILL",)
    assert trial.service.requests[ORDERS].errors == 100
    assert set(recorded(trial).segments.tolist()) == {0, 1}


def test_errors_apart_from_a_crash_are_not_excused(bench: Bench) -> None:
    bench.hypothesis = replace(SHIPPED, allow=Allow(error_rate=0.001, crash=True))
    failed = {"requests": FAILED}
    bench.drivers["with"].unusual = lambda trial, second: failed if 100 < second < 110 else {}
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert "of the requests to arm with failed" in bench.verdict[1]


@pytest.mark.parametrize(
    ("unusual", "said"),
    [
        ({"task_errors": {"raised NameError: x": 1}}, "The scenario raised NameError: x."),
        (
            {"arrivals": ArrivalSummary(scheduled=20, sent=10)},
            "of the arrivals at arm with were never",
        ),
    ],
)
def test_what_the_driver_reported_before_an_interruption_is_kept(
    unusual: dict[str, Any], said: str, bench: Bench
) -> None:
    bench.drivers["with"].unusual = lambda trial, second: (
        unusual if (trial, second) < (1, 90) else {}
    )
    with pytest.raises(LabEnded):
        bench.run(ended_at({(1, 100.0)}))
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert said in bench.verdict[1]


def test_what_nobody_counted_of_an_interrupted_segment_is_not_held_to_be_nothing(
    bench: Bench,
) -> None:
    bench.drivers["with"].closed = Closed(
        drained=True, unfinished=UnfinishedArrivals(without_request=30)
    )
    with pytest.raises(LabEnded):
        bench.run(ended_at({(1, 400.0)}))
    bench.run()
    trial = next(t for t in bench.run_folder.trials() if (t.block, t.arm) == (1, "with"))
    awaited = (block_s(LENGTH_S, 4) - 400.0) * 20
    assert trial.gates["without_request"] == pytest.approx(30 / awaited, abs=1e-6)
    assert bench.verdict[0] == "INVALID"


def test_the_processor_may_be_bounded(bench: Bench) -> None:
    bench.hypothesis = replace(SHIPPED, limits=Limits(target_cpu=0.1))
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert "used 20% of their core (limit 10%)" in bench.verdict[1]


def test_a_service_that_hangs_is_not_asked_who_it_is(bench: Bench) -> None:
    asked: list[str] = []
    identities = bench.target.identities

    def ask(arm: str) -> dict[str, Identity]:
        asked.append(arm)
        return identities(arm)

    bench.target.identities = ask  # type: ignore[method-assign]
    gauges = bench.gauges
    bench.gauges = lambda arm, look: (  # type: ignore[method-assign]
        {} if arm == "with" and 20 < look < 30 else gauges(arm, look)
    )
    bench.run()
    assert bench.verdict[0] == "CONFIRMED"
    assert asked.count("without") - asked.count("with") == 4 * 9


def test_killed_before_the_first_record_it_goes_on_behind_the_first_interval(
    bench: Bench,
) -> None:
    with pytest.raises(LabEnded):
        bench.run(ended_at({(1, 5.0)}))
    bench.run_folder.path("series", "01-with.unfinished.json").unlink()
    bench.run()
    course = bench.run_folder.time_series(1, Step("with"))
    assert course is not None
    assert course.times.tolist() == [5.0 * (i + 1) for i in range(course.times.size)]
    assert bench.verdict[0] == "CONFIRMED"


def test_a_crash_that_is_not_allowed_ends_it(bench: Bench) -> None:
    def kill(event: IntervalElapsed) -> None:
        bench.target.deaths["with"] = "the service of arm with ended by SIGKILL"

    bench.run(kill)
    assert bench.verdict == (
        "INVALID",
        "A process ended: the service of arm with ended by SIGKILL.",
    )


def test_a_service_that_started_again_by_itself_is_noticed(bench: Bench) -> None:
    def restart(event: IntervalElapsed) -> None:
        if event.passed_s == 50.0:
            bench.target.instances["with"] = "another"

    bench.run(restart)
    assert bench.verdict == ("INVALID", "The service of arm with was restarted.")


@pytest.mark.parametrize("of", ["idempotency_records", "rss"])
def test_a_series_that_is_never_seen_ends_it_within_a_minute(bench: Bench, of: str) -> None:
    soak = SHIPPED.kind
    assert isinstance(soak, SoakTest)
    if of == "rss":
        bench.hypothesis = replace(SHIPPED, kind=replace(soak, exhaustion=Exhaustion("rss", 1e9)))
    else:
        bench.gauges = lambda arm, look: {"other": 1.0}  # type: ignore[method-assign]
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert f"No evidence for {of} of arm with" in bench.verdict[1]
    assert [e.passed_s for e in bench.events if isinstance(e, IntervalElapsed)][-1] == 60.0


def test_a_limit_of_processes_that_nobody_sees_ends_it_within_a_minute(bench: Bench) -> None:
    soak = SHIPPED.kind
    assert isinstance(soak, SoakTest)
    level = Prediction("so", "throughput", Bound(at_least=1.0), arm="with")
    bench.hypothesis = replace(
        SHIPPED,
        kind=replace(soak, exhaustion=None),
        limits=Limits(target_cpu=0.5),
        predictions=(level,),
        rivals=(),
    )
    bench.is_seen = False
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert "No evidence for the limit `target_cpu` of arm with" in bench.verdict[1]
    assert [e.passed_s for e in bench.events if isinstance(e, IntervalElapsed)][-1] == 60.0


def predicting(metric: Metric) -> Hypothesis:
    """The shipped claim whose first prediction is of a measure of the file's own."""
    both = Comparison("with", "without")
    first = Prediction("so", "waits", Bound(at_least=0.5), compare=both)
    return replace(SHIPPED, measures={"waits": metric}, predictions=(first, SHIPPED.predictions[1]))


@pytest.mark.parametrize(
    "metric",
    [
        MetricRatio("waits_total", "requests_total"),
        MetricRatio("requests_total", "waits_total"),
        MetricRate('requests_total{code="200"}'),
        MetricQuantile("waits_seconds", 0.5),
    ],
)
def test_a_measure_whose_series_is_never_seen_ends_it_within_a_minute(
    bench: Bench, metric: Metric
) -> None:
    bench.hypothesis = predicting(metric)
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert "No evidence for waits of arm with" in bench.verdict[1]
    assert [e.passed_s for e in bench.events if isinstance(e, IntervalElapsed)][-1] == 60.0


def test_a_measure_whose_series_is_there_does_not_end_it(bench: Bench) -> None:
    bench.hypothesis = predicting(MetricRate("requests_total"))
    bench.run()
    assert [trial.window_s for trial in bench.run_folder.trials()] == [block_s(LENGTH_S, 4)] * 8
    assert all(trial.trusted for trial in bench.run_folder.trials())


def test_a_full_disk_stops_it_with_one_message_and_nothing_lost(bench: Bench) -> None:
    step = Step("with")

    def fill(event: IntervalElapsed) -> None:
        if event.passed_s == 50.0:
            file = bench.run_folder.path("series", "01-with.intervals.jsonl")
            file.rename(file.with_suffix(".kept"))
            file.symlink_to("/dev/full")

    with pytest.raises(DiskFull, match="disk is full") as caught:
        bench.run(fill)
    assert "\n" not in str(caught.value)
    file = bench.run_folder.path("series", "01-with.intervals.jsonl")
    file.unlink()
    file.with_suffix(".kept").rename(file)
    assert bench.run_folder.unfinished_soak_trial(1, step) is not None
    bench.run()
    assert bench.verdict[0] == "CONFIRMED"


def test_a_torn_interval_is_left_out_and_the_next_begins_a_line(bench: Bench) -> None:
    with pytest.raises(LabEnded):
        bench.run(ended_at({(1, 100.0)}))
    file = bench.run_folder.path("series", "01-with.intervals.jsonl")
    file.write_bytes(file.read_bytes() + b'{"t":105,"segm')
    bench.run()
    assert bench.verdict[0] == "CONFIRMED"
    assert all(json.loads(line) for line in file.read_text().splitlines())


def test_slopes_so_far_are_reported_of_a_block_under_way(bench: Bench) -> None:
    reported: list[dict[str, str]] = []

    def look(event: IntervalElapsed) -> None:
        series = {arm: trial.time_series() for arm, trial in event.trials.items()}
        reported.append(slopes_so_far(SHIPPED, bench.plan, series))
        if event.passed_s == 300.0:
            raise LabEnded

    with pytest.raises(LabEnded):
        bench.run(look)
    assert reported[0] == {}
    assert reported[-1]["rss_bytes of with - without"].endswith("MB/h")
    assert reported[-1]["idempotency_records of with - without"].startswith("72,000/h")


def test_an_unfinished_soak_is_rendered_and_says_so(bench: Bench) -> None:
    with pytest.raises(LabEnded):
        bench.run(ended_at({(2, 200.0)}))
    found = verdict_of(bench.run_folder, bench.hypothesis, bench.plan)
    assert found.verdict is None
    render(bench.run_folder, bench.hypothesis, bench.plan, found)
    page = bench.run_folder.path("report.html").read_text()
    assert "UNFINISHED" in page
    assert "idempotency_records" in page


def test_the_report_shows_slopes_segments_and_the_time_to_the_limit(bench: Bench) -> None:
    with pytest.raises(LabEnded):
        bench.run(ended_at({(2, 200.0)}))
    bench.run()
    found = verdict_of(bench.run_folder, bench.hypothesis, bench.plan)
    render(bench.run_folder, bench.hypothesis, bench.plan, found)
    report = bench.run_folder.path("report.md").read_text()
    assert "Time until the limit is reached" in report
    assert "the lab was stopped and resumed" in report
    assert "grows steadily" in report
    assert "no growth seen" in report
    assert "make soak NAME=memory-leak HOURS=0.5 SEED=1" in report


def test_status_tells_block_time_left_and_slopes_and_report_renders_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lab.cli.commands import report, status
    from lab.files.project_folder import Project

    monkeypatch.setattr(Project, "find", classmethod(lambda cls: Project(tmp_path)))
    bench = Bench(tmp_path / "reports")
    bench.run_folder.add_journal("session began", elapsed_s=0.0, pid=os.getpid())
    with pytest.raises(LabEnded):
        bench.run(ended_at({(2, 200.0)}))
    status.command("memory-leak")
    said = capsys.readouterr().out
    assert f"process {os.getpid()}" in said
    assert "block 2 of 4, 3:20 into it; 19:00 left" in said
    assert "rss_bytes of with - without:" in said
    report.command("memory-leak")
    assert "report.html" in capsys.readouterr().out

    ended = subprocess.Popen(["true"])
    ended.wait()
    bench.run_folder.add_journal("session began", elapsed_s=0.0, pid=ended.pid)
    status.command(None)
    assert "stopped; lab run memory-leak --resume continues" in capsys.readouterr().out
    bench.run()
    broken = RunFolder.create(tmp_path / "reports", "broken")
    broken.write_plan(bench.plan, "no hypothesis")
    status.command(None)
    said = capsys.readouterr().out
    assert "broken  cannot be read" in said
    assert "memory-leak  " in said
    broken.write_json("verdict.json", {})
    bench.run_folder.write_verdict(verdict_of(bench.run_folder, bench.hypothesis, bench.plan))
    status.command(None)
    assert "no run is under way" in capsys.readouterr().out


def test_a_soak_too_short_for_its_prediction_is_refused_unless_told(tmp_path: Path) -> None:
    from lab.cli.soak_planning import TooShort, detectable_lines, plan_soak, require_detectable

    first = replace(SHIPPED.predictions[0], bound=Bound(at_least=20e6))
    weak = replace(SHIPPED, predictions=(first, SHIPPED.predictions[1]))
    plan, file = draw(weak, 1, "local"), Path("memory-leak.md")
    with pytest.raises(TooShort, match="takes 272 s at least, not 200 s"):
        plan_soak(weak, plan, file, 200.0, tmp_path, HERE)
    short = plan_soak(weak, plan, file, 300.0, tmp_path, HERE)
    assert "likely detected from" in detectable_lines(short)[0]
    with pytest.raises(TooShort, match=r"rss_bytes of with - without.*run it --anyway"):
        require_detectable(short)
    for within, below in (((0.0, 20e6), True), ((1e9, 1.02e9), True), ((0.0, 2e9), False)):
        spanned = replace(first, bound=Bound(within=within))
        told_of = replace(weak, predictions=(spanned, SHIPPED.predictions[1]))
        [one, *_] = plan_soak(told_of, plan, file, 300.0, tmp_path, HERE).detectable
        assert one.is_too_large == below
    night = plan_soak(weak, plan, file, None, tmp_path, HERE)
    assert night.length_s == 8 * 3600
    require_detectable(night)
    assert night.detectable[0].smallest < short.detectable[0].smallest / 10


def test_of_a_series_that_nobody_recorded_nothing_is_promised_or_refused(tmp_path: Path) -> None:
    from lab.cli.soak_planning import plan_soak, require_detectable, unknown_lines

    slow = replace(SHIPPED.predictions[0], slope="latency_p50", bound=Bound(at_most=0.01))
    claim = replace(SHIPPED, predictions=(slow,))
    bench = Bench(tmp_path)
    bench.hypothesis = claim
    plan = plan_soak(claim, bench.plan, Path("x.md"), LENGTH_S, tmp_path, HERE)
    assert [each.series for each in plan.detectable] == ["descriptors"]  # of the rival
    require_detectable(plan)
    [line] = unknown_lines(claim, draw(claim, 1, "local"), tmp_path, HERE)
    assert line.startswith("latency_p50 of with - without: what can be detected is not known yet")
    bench.plan = plan
    bench.run()
    found = verdict_of(bench.run_folder, claim, plan)
    render(bench.run_folder, claim, plan, found)
    report = bench.run_folder.path("report.md").read_text()
    assert "latency_p50 of with - without: not known, predicted at most 10 ms/h" in report
    bench.run_folder.write_json("conditions.json", observe(PROJECT))
    assert unknown_lines(claim, plan, tmp_path, HERE) == []
    again = plan_soak(claim, plan, Path("x.md"), LENGTH_S, tmp_path, HERE)
    assert {each.series for each in again.detectable} == {"latency_p50", "descriptors"}


def test_the_noise_of_an_earlier_run_is_taken_where_there_is_one(tmp_path: Path) -> None:
    from lab.cli.soak_planning import plan_soak

    bench = Bench(tmp_path, leak=0.0)
    before = plan_soak(SHIPPED, bench.plan, Path("x.md"), LENGTH_S, tmp_path, HERE)
    bench.run()
    bench.run_folder.write_json("conditions.json", observe(PROJECT))
    after = plan_soak(SHIPPED, bench.plan, Path("x.md"), LENGTH_S, tmp_path, HERE)
    assert f"the run {bench.run_folder.run}" in after.detectable[0].noise
    # .2 MB an interval went into it, and less is assumed without a run
    assert after.detectable[0].smallest > before.detectable[0].smallest


@pytest.mark.parametrize(
    "what",
    [
        *("claim", "target", "workers", "machine", "target cores", "database server"),
        *("no conditions", "version", "damaged"),
    ],
)
def test_only_the_noise_of_comparable_runs_is_taken(tmp_path: Path, what: str) -> None:
    from lab.cli.soak_planning import plan_soak

    bench = Bench(tmp_path, leak=0.0)
    assumed = plan_soak(SHIPPED, bench.plan, Path("x.md"), LENGTH_S, tmp_path, HERE).detectable
    bench.run()
    run_folder, sealed = bench.run_folder, bench.plan
    conditions = observe(PROJECT)
    run_folder.write_json("conditions.json", conditions)
    assert plan_soak(SHIPPED, sealed, Path("x.md"), LENGTH_S, tmp_path, HERE).detectable != assumed
    match what:
        case "claim":
            run_folder.write_json("plan.json", replace(sealed, claim_digest="x").as_dict())
        case "target":
            run_folder.write_json("plan.json", replace(sealed, target="compose").as_dict())
        case "workers":
            shared = replace(sealed, workers=PlannedWorkers(local=2))
            run_folder.write_json("plan.json", shared.as_dict())
        case "machine":
            run_folder.write_json("conditions.json", conditions | {"cores": 1000})
        case "target cores":
            target = {"target": {"cores": [1]}}
            run_folder.write_json("conditions.json", conditions | target)
        case "database server":
            server = {"target": {"postgresql_is": "embedded"}}
            run_folder.write_json("conditions.json", conditions | server)
        case "no conditions":
            run_folder.path("conditions.json").unlink()
        case "version":
            run_folder.write_json("plan.json", sealed.as_dict() | {"schema": "lab.plan/99"})
        case "damaged":
            run_folder.path("trials.jsonl").write_text("{\n{}\n")
    assert plan_soak(SHIPPED, sealed, Path("x.md"), LENGTH_S, tmp_path, HERE).detectable == assumed


@pytest.mark.parametrize(("rate", "verdict"), [(15, "INVALID"), (20, "CONFIRMED")])
def test_scripts_must_give_all_arms_the_same_load(rate: int, verdict: str, bench: Bench) -> None:
    bench.hypothesis = replace(SHIPPED, scenario="scenarios/soak_orders.py")
    for driver in bench.drivers.values():
        driver.unusual = lambda trial, second: {"arrivals": None}
    bench.drivers["without"].rate = rate
    bench.run()
    assert bench.verdict[0] == verdict
    if verdict == "INVALID":
        assert bench.verdict[1].startswith("The script sent arm without ")
        assert (
            "fewer requests than another arm got, or than 80% of what its rate makes"
            in bench.verdict[1]
        )


def test_scripts_that_send_all_arms_too_little_are_no_evidence(bench: Bench) -> None:
    bench.hypothesis = replace(SHIPPED, scenario="scenarios/soak_orders.py")
    for driver in bench.drivers.values():
        driver.unusual = lambda trial, second: {"arrivals": None}
        driver.rate = 5
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert (
        "fewer requests than another arm got, or than 80% of what its rate makes"
        in bench.verdict[1]
    )
