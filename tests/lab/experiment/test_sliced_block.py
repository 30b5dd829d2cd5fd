"""Blocks whose arms are loaded in turn, on stand-ins for everything that measures."""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.analysis.block_values import block_values
from lab.experiment import BlockEnded, BlockLoop, Event, LoadTrials, TrialBegun
from lab.hypothesis import Bound, ClosedLoad, Hypothesis, LoadTest, MetricGauge, Prediction, Rival
from lab.instruments.instrument_interfaces import Source
from lab.instruments.locust_driver_process import DriverError
from lab.reporting import render
from lab.runs.run_folder import RunFolder
from lab.trials.block_grouping import group_trials
from lab.trials.measure_values import measure
from lab.trials.trial import LoadEvidence, Trial
from tests.fakes.instruments import FakeDriver, FakeSliceObserver, fake_observer_factory
from tests.fakes.target import FakeTarget
from tests.lab.builders import ORDERS, claim, of_equal_blocks, plan, ratio, with_load
from tests.lab.verdict.test_rule import RIVAL

RATES = {"narrow": 300.0, "wide": 1200.0, "short-hold": 1200.0, "more-pricing": 300.0}
ARMS = len(RATES)
ROUNDS = 20  # of .2 s


class Bench:
    """An experiment on fakes whose users take 20 ms for a cycle."""

    def __init__(self, tmp_path: Path, load: ClosedLoad) -> None:
        self.hypothesis: Hypothesis = with_load(claim(ratio(2.5), rivals=[RIVAL]), load)
        self.plan = of_equal_blocks(plan(self.hypothesis))
        self.run_folder = RunFolder.create(tmp_path, "x")
        self.run_folder.write_plan(self.plan, self.hypothesis.text)
        self.target = FakeTarget({arm: dict(s) for arm, s in self.hypothesis.arms.items()})
        self.driver = FakeDriver(dict(RATES), cycle_s=0.02)
        self.other_cpu = self.idle_cpu = 0.0
        self.observers: list[FakeSliceObserver] = []
        self.sources: list[Source] = []
        self.events: list[Event] = []

    def observe(self, source: Source, roles: object) -> FakeSliceObserver:
        self.sources.append(source)
        observer = FakeSliceObserver(self.other_cpu, {"orders_total": 3.0}, idle_cpu=self.idle_cpu)
        self.observers.append(observer)
        return self.observers[-1]

    def run(self, disturb: Callable[[Event], None] = lambda event: None) -> BlockLoop:
        trials = LoadTrials(
            self.hypothesis,
            self.plan,
            self.run_folder,
            self.target,
            self.driver,
            new_observer=fake_observer_factory(lambda: self.other_cpu),
            new_slice_observer=self.observe,
        )
        loop = BlockLoop(self.hypothesis, self.plan, self.run_folder, trials, time.monotonic())
        for event in loop.run():
            self.events.append(event)
            disturb(event)
        return loop

    @property
    def changes(self) -> list[dict[str, Any]]:
        """What the journal says of the length of slices."""
        return [e for e in self.run_folder.journal() if e["event"] == "slices changed"]

    @property
    def trials(self) -> list[Trial]:
        return self.run_folder.trials()


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr(BlockLoop, "_settle", lambda self: None)
    return Bench(tmp_path, ClosedLoad(50))


def evidence_of(trial: Trial) -> LoadEvidence:
    assert isinstance(trial.evidence, LoadEvidence)
    return trial.evidence


def test_a_block_loads_every_arm_once_a_round_on_a_fresh_state(bench: Bench) -> None:
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert loop.interim_verdict.blocks == 4
    assert Counter(bench.target.resets) == dict.fromkeys(RATES, 4)
    assert len(bench.driver.slices) == 4 * ROUNDS * ARMS
    for number in range(4 * ROUNDS):
        in_round = bench.driver.slices[number * ARMS : (number + 1) * ARMS]
        assert sorted(host for host, _ in in_round) == sorted(RATES)
        assert {seconds for _, seconds in in_round} == {0.2}
    assert bench.driver.driven == []  # no trial by itself
    assert bench.driver.lanes == {}
    begun = [event.step.arm for event in bench.events if isinstance(event, TrialBegun)]
    assert begun == [step.arm for order in bench.plan.orders[:4] for step in order]


def test_a_trial_pools_its_slices_and_keeps_each(bench: Bench) -> None:
    bench.run()
    trial = bench.trials[0]
    evidence, rate = evidence_of(trial), RATES[trial.arm]
    assert trial.trusted
    assert trial.window_s == pytest.approx(4.0)
    assert measure(trial, "throughput", {}, margins=bench.plan.margins.measures) == pytest.approx(
        rate
    )
    assert measure(trial, "latency_p50", {}, margins=bench.plan.margins.measures) == pytest.approx(
        0.1, rel=0.01
    )
    assert measure(trial, "cpu", {}, margins=bench.plan.margins.measures) == 0.5
    assert evidence.counters == {"orders_total": 3.0 * ROUNDS}
    assert evidence.requests[ORDERS].count == 4 * rate
    assert len(evidence.slices) == ROUNDS
    first = evidence.slices[0]
    assert (first.seconds, first.lasted_s) == (0.2, pytest.approx(0.22))
    assert first.requests[ORDERS].count == 0.2 * rate
    block = {trial.arm: evidence_of(trial).slices for trial in bench.trials[:ARMS]}
    for number in range(ROUNDS):
        positions = sorted(slices[number].position for slices in block.values())
        assert positions == list(range(number * ARMS + 1, (number + 1) * ARMS + 1))


def test_the_series_has_a_row_for_each_slice(bench: Bench) -> None:
    bench.run()
    trial = bench.trials[0]
    rows = bench.run_folder.series(1, trial.step)
    assert len(rows) == ROUNDS
    assert rows[-1]["t"] == pytest.approx(ROUNDS * 0.22)
    assert all(row["window"] for row in rows)


def test_what_changes_from_round_to_round_cancels_in_the_ratio(bench: Bench) -> None:
    """The machine has two speeds, a factor of two apart, and changes between rounds."""

    def slowed(number: int) -> dict[str, Any]:
        in_round = (number - 1) // ARMS
        return {"user_s": 0.4 if in_round % 7 < 3 else 0.2}

    bench.driver.unusual = slowed
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    blocks = group_trials(bench.trials, bench.plan).complete
    (prediction,) = bench.hypothesis.predictions
    for block in blocks:
        values = block_values(bench.hypothesis, prediction, block, bench.plan.margins)
        assert values["wide"] is not None and values["narrow"] is not None
        assert values["wide"] / values["narrow"] == pytest.approx(4.0)
        assert values["narrow"] < 300  # a level is that of all slices


def test_slow_users_get_whole_windows_from_the_first_block_on(bench: Bench) -> None:
    bench.driver.cycle_s = 0.12
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert bench.driver.slices == []
    assert len(bench.driver.driven) == 4 * ARMS
    assert len(bench.target.resets) == 4 * ARMS + 1  # the arm that showed it: twice
    assert not any(evidence_of(trial).slices for trial in bench.trials)
    (entry,) = bench.changes
    assert (entry["block"], entry["rounds"]) == (None, 1)
    assert entry["reason"].startswith("a user takes 120 ms from one task to the next")


def test_slices_may_be_switched_off(bench: Bench, tmp_path: Path) -> None:
    off = Bench(tmp_path / "off", ClosedLoad(50, slice_s=math.inf))
    off.run()
    assert off.driver.slices == []
    assert Counter(off.target.resets) == dict.fromkeys(RATES, 4)


@pytest.mark.parametrize(
    ("unusual", "gate"),
    [
        ({"users": 49}, "users"),
        ({"completed": False}, "users"),
        ({"ticker_lateness": (0.1,) * 200}, "ticker_late"),
        ({"task_errors": {"raised NameError: x (line 3)": 1}}, "scenario"),
        ({"foreign_hosts": {"example.org": 1}}, "hosts"),
    ],
)
def test_a_fault_in_any_slice_voids_the_block(
    bench: Bench, unusual: dict[str, Any], gate: str
) -> None:
    bench.driver.unusual = lambda number: unusual if number == 30 else {}
    bench.run()
    ends = [event for event in bench.events if isinstance(event, BlockEnded)]
    is_final = gate == "hosts" or "completed" in unusual
    assert [bool(event.faults) for event in ends][:2] == [True, False][: 2 - is_final]
    assert ends[0].faults[0].gate == gate
    assert bench.driver.lanes == {}


def test_an_arm_whose_users_are_stuck_is_told_alone(bench: Bench) -> None:
    """The other arms have had a part of their slices only: what they lack is no finding."""
    bench.driver.unusual = lambda number: {"completed": False} if number == 2 else {}
    loop = bench.run()
    (voided,) = [trial for trial in bench.trials if trial.block == 1]
    assert [(fault.gate, fault.retryable) for fault in voided.faults] == [("users", False)]
    assert loop.interim_verdict.verdict == "INVALID", "throughput is judged: a hang is part of it"


def test_a_scenario_that_ends_its_trial_voids_the_block(bench: Bench) -> None:
    why = {"ended the test itself: environment.runner.quit() (line 9)": 1}
    bench.driver.ends = lambda number: why if number == 30 else {}
    bench.run()
    voided = [trial for trial in bench.trials if trial.block == 1]
    assert [trial.faults[0].gate for trial in voided] == ["scenario"]
    assert "quit()" in voided[0].faults[0].message
    assert bench.driver.lanes == {}


def test_a_lane_that_ends_early_without_a_reason_voids_the_block(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_lane, early = bench.driver.end_lane, iter([True])
    monkeypatch.setattr(
        bench.driver, "end_lane", lambda lane: replace(end_lane(lane), early=next(early, False))
    )
    bench.run()
    voided = [trial for trial in bench.trials if trial.block == 1]
    assert [trial.faults[0].message for trial in voided] == ["The scenario ended the trial early."]


def test_a_driver_that_dies_ends_the_run(bench: Bench) -> None:
    def die(host: str) -> None:
        if len(bench.driver.slices) == 30:
            raise DriverError("the load driver was ended by SIGKILL")

    bench.driver.fails = die
    loop = bench.run()
    assert loop.interim_verdict.verdict == "INVALID"
    assert "SIGKILL" in (loop.interim_verdict.reasons or ("",))[0]


def test_an_arm_that_answers_as_another_instance_is_noticed(bench: Bench) -> None:
    def restart(host: str) -> None:
        bench.target.instances["wide"] = "second"

    bench.driver.fails = restart
    loop = bench.run()
    assert loop.interim_verdict.verdict == "INVALID"
    assert {fault.gate for trial in bench.trials for fault in trial.faults} == {"settings"}


def test_a_block_that_was_interrupted_leaves_nothing_and_is_repeated(bench: Bench) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(host: str) -> None:
        if len(bench.driver.slices) == ROUNDS * ARMS + 17:
            bench.driver.fails = lambda host: None
            raise Interrupted

    bench.driver.fails = interrupt
    with pytest.raises(Interrupted):
        bench.run()
    assert {trial.block for trial in bench.trials} == {1}
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert Counter(trial.block for trial in bench.trials) == dict.fromkeys(range(1, 5), ARMS)


def test_slices_of_different_numbers_are_not_paired(bench: Bench) -> None:
    bench.run()
    trials = bench.trials[:ARMS]
    cut = evidence_of(trials[0])
    trials[0] = replace(trials[0], evidence=replace(cut, slices=cut.slices[1:]))
    (block,) = group_trials(trials, bench.plan).complete
    (prediction,) = bench.hypothesis.predictions
    values = block_values(bench.hypothesis, prediction, block, bench.plan.margins)
    assert values == pytest.approx({"wide": 1200.0, "narrow": 300.0})


def test_an_arm_that_cannot_be_reset_ends_the_run(bench: Bench) -> None:
    bench.target.unresettable.add("wide")
    loop = bench.run()
    assert loop.interim_verdict.verdict == "INVALID"
    (trial,) = bench.trials
    assert (trial.arm, trial.evidence) == ("wide", None)
    assert "cannot be reset: the disk is gone" in trial.faults[0].message
    assert bench.driver.lanes == {}


def disturb(bench: Bench) -> None:
    """A slice that follows another arm is slowed down, whichever arm it is of."""
    generator = random.Random(3)

    def disturbed(_: int) -> dict[str, Any]:
        before, (arm, seconds) = bench.driver.slices[-2:-1], bench.driver.slices[-1]
        after_other = [host for host, _ in before] != [arm]
        return {"user_s": seconds * (1.3 if after_other else 1.0) * generator.gauss(1, 0.02)}

    bench.driver.unusual = disturbed


def test_what_arms_leave_to_each_other_makes_the_slices_longer(bench: Bench) -> None:
    disturb(bench)
    loop = bench.run()
    assert slice_lengths(bench)[:2] == [0.2, 0.4]
    entry = bench.changes[0]
    assert (entry["slice_s"], entry["rounds"]) == (0.4, 10)
    assert "does -2" in entry["reason"]
    void = {trial.block: trial.faults for trial in bench.trials if trial.faults}
    assert void[entry["block"]][0].gate == "carry_over"
    counted = group_trials(bench.trials, bench.plan).complete
    slices = {len(evidence_of(t).slices) for block in counted for ts in block.values() for t in ts}
    assert len(slices) == 1
    assert loop.interim_verdict.verdict is not None


def test_arms_that_work_while_others_are_loaded_get_whole_windows(bench: Bench) -> None:
    bench.idle_cpu = 10.0
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert (loop.interim_verdict.voided, loop.interim_verdict.blocks) == (1, 4)
    assert {trial.faults[0].gate for trial in bench.trials if trial.faults} == {"carry_over"}
    (entry,) = bench.changes
    assert (entry["block"], entry["rounds"]) == (1, 1)
    assert "nobody loaded" in entry["reason"]
    assert len(bench.driver.driven) == 4 * ARMS


def test_a_scenario_that_sends_requests_between_slices_gets_whole_windows(bench: Bench) -> None:
    bench.driver.unusual = lambda number: {"between": 3} if number == 30 else {}
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    (void,) = [trial for trial in bench.trials if trial.faults]
    assert void.faults[0].message.startswith("The scenario sent 3 requests to arm")
    assert len(bench.driver.driven) == 4 * ARMS


def test_a_run_that_is_resumed_keeps_its_longer_slices(bench: Bench) -> None:
    bench.run_folder.add_journal("slices changed", block=1, rounds=5, slice_s=0.8, reason="x")
    bench.run()
    assert {seconds for _, seconds in bench.driver.slices} == {0.8}


def test_a_run_that_is_resumed_keeps_its_slices_whatever_the_next_warm_up_shows(
    bench: Bench,
) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(event: Event) -> None:
        if isinstance(event, BlockEnded) and event.block == 2:
            raise Interrupted

    with pytest.raises(Interrupted):
        bench.run(interrupt)
    bench.driver.cycle_s = 0.032
    loop = bench.run()
    assert loop.interim_verdict.blocks == 4
    assert {seconds for _, seconds in bench.driver.slices} == {0.2}
    assert bench.changes == []


def test_a_run_that_began_with_whole_windows_is_resumed_with_them(bench: Bench) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(event: Event) -> None:
        if isinstance(event, BlockEnded) and event.block == 2:
            raise Interrupted

    bench.driver.cycle_s = 0.12
    with pytest.raises(Interrupted):
        bench.run(interrupt)
    bench.run_folder.path("journal.jsonl").unlink()  # as an earlier version of the lab left it
    bench.driver.cycle_s = 0.02
    loop = bench.run()
    assert loop.interim_verdict.blocks == 4
    assert bench.driver.slices == []


def test_slices_are_made_longer_twice_before_whole_windows(bench: Bench) -> None:
    for block in (1, 2):
        bench.run_folder.add_journal("slices changed", block=block, rounds=20, reason="x")
    disturb(bench)
    loop = bench.run()
    assert bench.changes[-1]["rounds"] == 1
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert len(bench.driver.driven) == 4 * ARMS


def test_one_arm_that_works_in_the_slices_of_others_gets_whole_windows(bench: Bench) -> None:
    """Less than the gate allows of all arms together, but only one of them does so."""
    margins = bench.plan.margins
    gates = replace(margins.gates, max_idle_arms_cpu=math.inf)
    bench.plan = replace(bench.plan, margins=replace(margins, gates=gates))
    observe = bench.observe
    bench.observe = lambda source, roles: replace(  # type: ignore[method-assign]
        observe(source, roles), idle_cpu=10.0 if source.url == bench.target.url("wide") else 0.0
    )
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert (loop.interim_verdict.voided, loop.interim_verdict.blocks) == (1, 4)
    (void,) = [trial for trial in bench.trials if trial.faults]
    assert void.arm != "wide"
    assert void.faults[0].gate == "carry_over"
    assert "0.00 while arm wide was" in void.faults[0].message
    assert [entry["rounds"] for entry in bench.changes] == [1]
    assert len(bench.driver.driven) == 4 * ARMS


def test_a_block_whose_slices_take_far_too_long_is_run_in_whole_windows(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.experiment.sliced_block.TOO_LONG", 0.0)
    monkeypatch.setattr("lab.experiment.sliced_block.TOO_LONG_S", -math.inf)
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert (loop.interim_verdict.voided, loop.interim_verdict.blocks) == (0, 4)
    assert len(bench.driver.slices) == 1
    assert len(bench.driver.driven) == 4 * ARMS
    assert bench.driver.lanes == {}
    (entry,) = bench.changes
    assert (entry["block"], entry["rounds"]) == (None, 1)
    assert entry["reason"].startswith("slices of 200 ms took ")


def test_a_fault_of_a_block_whose_slices_take_far_too_long_is_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.experiment.sliced_block.TOO_LONG", 0.0)
    monkeypatch.setattr("lab.experiment.sliced_block.TOO_LONG_S", -math.inf)
    faults = {"task_errors": {"raised NameError: x (line 3)": 1}}
    bench.driver.unusual = lambda number: faults if number == 1 else {}
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert (loop.interim_verdict.voided, loop.interim_verdict.blocks) == (1, 4)
    (void,) = [trial for trial in bench.trials if trial.faults]
    assert (void.block, void.faults[0].gate) == (1, "scenario")
    assert len(bench.driver.slices) == 2  # the next block shows it again
    (entry,) = bench.changes
    assert (entry["block"], entry["rounds"]) == (1, 1)


def test_users_that_wait_long_for_the_last_answers_of_others_get_whole_windows(
    bench: Bench,
) -> None:
    """As if cycles had grown since the warm-up, from the second block on."""
    slices = ROUNDS * ARMS
    bench.driver.unusual = lambda number: {"ended": 0.3} if number > slices else {}
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert (loop.interim_verdict.voided, loop.interim_verdict.blocks) == (0, 4)
    assert len(bench.driver.slices) == 2 * slices
    assert len(bench.driver.driven) == 4 * ARMS
    (entry,) = bench.changes
    assert (entry["block"], entry["rounds"]) == (1, 1)
    assert "waited for the last answers of others for 33.3% of the time" in entry["reason"]


def test_chosen_slices_that_are_too_short_give_way_to_windows(tmp_path: Path) -> None:
    short = Bench(tmp_path / "short", ClosedLoad(50, slice_s=0.1))
    loop = short.run()
    assert loop.interim_verdict.blocks == 4
    assert short.driver.slices == []
    assert len(short.driver.driven) == 4 * ARMS
    (entry,) = short.changes
    assert (entry["block"], entry["rounds"]) == (None, 1)
    assert "a user takes 20 ms from one task to the next" in entry["reason"]
    assert "the slices of 100 ms that the hypothesis asks for" in entry["reason"]


def test_equal_slices_stay_as_they_are(bench: Bench) -> None:
    bench.run()
    assert {seconds for _, seconds in bench.driver.slices} == {0.2}
    assert bench.changes == []


def unsteady(bench: Bench) -> None:
    """Users take 5 ms; short slices meet one of two speeds of the machine, long ones both."""
    generator = random.Random(5)
    bench.driver.cycle_s = 0.005

    def slowed(number: int) -> dict[str, Any]:
        _, seconds = bench.driver.slices[-1]
        is_slow = seconds < 0.2 and generator.random() < 0.5
        return {"user_s": seconds * (1.25 if is_slow else 1.0) * generator.gauss(1, 0.01)}

    bench.driver.unusual = slowed


def slice_lengths(bench: Bench) -> list[float]:
    """Those of all slices, in the order in which they came."""
    return list(dict.fromkeys(round(seconds, 3) for _, seconds in bench.driver.slices))


def test_a_machine_that_changes_within_slices_gets_longer_ones(bench: Bench) -> None:
    unsteady(bench)
    loop = bench.run()
    assert slice_lengths(bench) == [0.05, 0.2]
    (entry,) = bench.changes
    assert (entry["block"], entry["rounds"], entry["slice_s"]) == (1, 20, 0.2)
    assert entry["reason"].startswith("slices of 50 ms scatter so far that they give the ratio of")
    assert entry["reason"].endswith("% (limit 1.5%)")
    assert not entry["void"]
    assert not any(trial.faults for trial in bench.trials)
    grouped = group_trials(bench.trials, bench.plan)
    assert len(grouped.too_short) == 1
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert (loop.interim_verdict.voided, loop.interim_verdict.blocks) == (0, 4)


def test_a_machine_that_becomes_unsteady_later_loses_no_block(bench: Bench) -> None:
    bench.driver.cycle_s = 0.005

    def later(event: Event) -> None:
        if isinstance(event, BlockEnded) and event.block == 1:
            unsteady(bench)

    bench.run(later)
    assert slice_lengths(bench) == [0.05]
    assert len(group_trials(bench.trials, bench.plan).complete) >= 4


def test_a_run_that_is_resumed_decides_on_longer_slices_once(bench: Bench) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(event: Event) -> None:
        if isinstance(event, BlockEnded):
            raise Interrupted

    unsteady(bench)
    with pytest.raises(Interrupted):
        bench.run(interrupt)
    loop = bench.run()
    assert slice_lengths(bench) == [0.05, 0.2]
    assert len(bench.changes) == 1
    assert loop.interim_verdict.blocks == 4


@pytest.mark.parametrize("why", ["chosen", "planned before", "short window"])
def test_slices_stay_short_on_an_unsteady_machine_if_that_is_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    monkeypatch.setattr(BlockLoop, "_settle", lambda self: None)
    bench = Bench(tmp_path, ClosedLoad(50, slice_s=0.05 if why == "chosen" else None))
    if why == "planned before":
        slices = replace(bench.plan.margins.slices, max_scatter=0.0)
        bench.plan = replace(bench.plan, margins=replace(bench.plan.margins, slices=slices))
    if why == "short window":
        assert isinstance(bench.hypothesis.kind, LoadTest)
        bench.hypothesis = replace(
            bench.hypothesis, kind=replace(bench.hypothesis.kind, window_s=1.9)
        )
    unsteady(bench)
    bench.run()
    assert slice_lengths(bench) == [0.05]
    assert bench.changes == []


def test_the_report_shows_the_slices(bench: Bench) -> None:
    verdict = bench.run().interim_verdict
    render(bench.run_folder, bench.hypothesis, bench.plan, verdict)
    text = bench.run_folder.path("report.md").read_text()
    assert "### Slices" in text
    assert "20 slices of 220 ms for each arm and block" in text
    assert "## Slice by slice" in text
    assert "Second by second" not in text
    html = bench.run_folder.path("report.html").read_text()
    assert "<h3>Slices</h3>" in html


def test_the_report_of_whole_windows_says_why(bench: Bench) -> None:
    bench.driver.cycle_s = 0.12
    verdict = bench.run().interim_verdict
    render(bench.run_folder, bench.hypothesis, bench.plan, verdict)
    text = bench.run_folder.path("report.md").read_text()
    assert "Windows are not cut into slices: a user takes 120 ms from one task" in text
    assert "## Second by second" in text


def test_arms_without_metrics_or_proof_of_settings_are_loaded_in_turn_as_well(
    bench: Bench,
) -> None:
    bench.target.metrics, bench.target.is_proved = None, False
    bench.target.answers = dict.fromkeys(RATES)
    loop = bench.run()
    assert loop.interim_verdict.verdict == "CONFIRMED"
    assert {source.metrics for source in bench.sources} == {None}
    assert all("settings" not in trial.gates for trial in bench.trials)


def test_one_system_that_serves_all_arms_gets_whole_windows(bench: Bench) -> None:
    bench.target.is_switched = True
    bench.run()
    assert bench.driver.slices == []
    assert len(bench.driver.driven) == 4 * ARMS
    (entry,) = bench.changes
    assert (entry["block"], entry["rounds"]) == (None, 1)
    assert entry["reason"].startswith("all arms are one system")


def test_a_gauge_is_not_read_between_slices_when_nothing_is_loaded(bench: Bench) -> None:
    bench.hypothesis = replace(bench.hypothesis, measures={"depth": MetricGauge("queue_depth")})
    bench.run()
    assert bench.driver.slices == []
    (entry,) = bench.changes
    assert entry["rounds"] == 1 and entry["reason"].startswith("depth is a gauge")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rss_bytes", "rss_bytes is predicted, and between slices, when it could be read, nothing"),
        ("descriptors", "descriptors is predicted, and between slices, when it could be read"),
        ("throttled", "throttled is predicted, and a period of a CPU quota holds parts of slices"),
    ],
)
@pytest.mark.parametrize("of_rival", [False, True])
def test_what_is_not_known_of_an_arm_in_slices_is_measured_in_whole_windows(
    bench: Bench, name: str, reason: str, of_rival: bool
) -> None:
    predicted = Prediction("so", name, Bound(at_most=0.5), arm="wide")
    bench.hypothesis = replace(
        bench.hypothesis,
        predictions=(ratio(2.5),) if of_rival else (predicted,),
        rivals=(Rival("another", predicted),) if of_rival else (),
    )
    bench.run()
    assert bench.driver.slices == []
    (entry,) = bench.changes
    assert entry["rounds"] == 1 and entry["reason"].startswith(reason)
