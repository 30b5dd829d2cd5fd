"""The loop, with stand-ins for everything that measures: order, looks, voids, ends."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lab.driver_messages import Closed, Frame, Opened, RunTrial, TrialMessage
from lab.experiment import (
    ArmsRestarting,
    BlockEnded,
    BlockLoop,
    Event,
    LoadTrials,
    TrialEnded,
    elapsed_of,
    sealed_hypothesis,
    verdict_of,
)
from lab.hypothesis import (
    Bound,
    ClosedLoad,
    Hypothesis,
    LoadTest,
    Prediction,
    ProcessLifetime,
    Step,
)
from lab.instruments.locust_driver_process import DriverError
from lab.runs.run_folder import RunFolder, RunFolderError
from lab.targets.target_interface import TargetFailure
from lab.trials.plan import PlannedWorkers
from tests.fakes.instruments import FakeDriver, fake_observer_factory
from tests.fakes.target import FakeTarget
from tests.lab.builders import PROJECT, SHIPPED, claim, of_equal_blocks, plan, ratio, with_load
from tests.lab.verdict.test_rule import RIVAL
from tests.lab.workers import end, opened, part
from tests.runs import ended

RATES = {"narrow": 30.0, "wide": 120.0, "short-hold": 120.0, "more-pricing": 30.0}


class Bench:
    """An experiment on fakes, and what became of it."""

    def __init__(self, tmp_path: Path) -> None:
        # loaded one after the other: slices have tests of their own
        self.hypothesis: Hypothesis = with_load(
            claim(ratio(2.5), rivals=[RIVAL]), ClosedLoad(50, slice_s=math.inf)
        )
        self.plan = of_equal_blocks(plan(self.hypothesis))
        self.run_folder = RunFolder.create(tmp_path, "x")
        self.run_folder.write_plan(self.plan, self.hypothesis.text)
        self.target = FakeTarget({arm: dict(s) for arm, s in self.hypothesis.arms.items()})
        self.driver = FakeDriver(dict(RATES))
        self.other_cpu: Callable[[], float] = lambda: 0.0
        self.began = time.monotonic()
        self.conditions = {"cores of the machine": 2}
        self.events: list[Event] = []

    def experiment(self) -> BlockLoop:
        trials = LoadTrials(
            self.hypothesis,
            self.plan,
            self.run_folder,
            self.target,
            self.driver,
            new_observer=fake_observer_factory(lambda: self.other_cpu()),
        )
        return BlockLoop(
            self.hypothesis,
            self.plan,
            self.run_folder,
            trials,
            self.began,
            invariants=lambda: dict(self.conditions),
        )

    def run(self, disturb: Callable[[Event], None] = lambda event: None) -> BlockLoop:
        experiment = self.experiment()
        for event in experiment.run():
            self.events.append(event)
            disturb(event)
        return experiment

    @property
    def verdict(self) -> tuple[str | None, str]:
        found = verdict_of(self.run_folder, self.hypothesis, self.plan)
        return found.verdict, (found.reasons or ("",))[0]


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setattr("lab.experiment.block_loop.SETTLE_S", 0.0)
    return Bench(tmp_path)


def after(trials: int, act: Callable[[], object]) -> Callable[[Event], None]:
    """Act once so many trials have ended."""
    seen = itertools.count(1)

    def disturb(event: Event) -> None:
        if isinstance(event, TrialEnded) and next(seen) == trials:
            act()

    return disturb


def test_trials_follow_the_plan_each_on_a_fresh_state_and_stop_when_decided(bench: Bench) -> None:
    bench.run()
    planned = [step.arm for order in bench.plan.orders[:4] for step in order]
    assert [trial.arm for trial in bench.run_folder.trials()] == planned
    assert bench.target.resets == planned
    assert bench.verdict[0] == "CONFIRMED"


def test_the_arms_of_a_block_meet_the_same_shoppers_and_blocks_meet_others(bench: Bench) -> None:
    bench.run()
    seeds = [seed for _, seed in bench.driver.driven]
    assert [len(set(seeds[i : i + 4])) for i in range(0, 16, 4)] == [1, 1, 1, 1]
    assert len(set(seeds)) == 4


def test_every_trial_is_on_disk_before_it_is_announced(bench: Bench) -> None:
    counted = []
    bench.run(
        lambda event: (
            counted.append(len(bench.run_folder.trials()))
            if isinstance(event, TrialEnded)
            else None
        )
    )
    assert counted == list(range(1, 17))


def test_a_disturbed_block_is_left_at_once_and_repeated_in_another_order(bench: Bench) -> None:
    calls = itertools.count()
    bench.other_cpu = lambda: 1.0 if next(calls) == 5 else 0.0
    bench.run()
    ended = [event for event in bench.events if isinstance(event, BlockEnded)]
    assert [bool(event.faults) for event in ended] == [False, True, False, False, False]
    trials = bench.run_folder.trials()
    assert [trial.block for trial in trials].count(2) == 2  # the rest was not driven
    assert bench.verdict[0] == "CONFIRMED"


def test_a_machine_that_stays_busy_ends_invalid(bench: Bench) -> None:
    bench.other_cpu = lambda: 1.0
    bench.run()
    assert bench.verdict == (
        "INVALID",
        "Other processes used 1.00 of the machine's cores (limit 0.25).",
    )
    assert len(bench.run_folder.trials()) == 5


def test_all_arms_restart_together_before_each_block_but_the_first(bench: Bench) -> None:
    bench.plan = replace(bench.plan, processes="fresh")
    bench.run()
    arms = list(bench.hypothesis.arms)
    assert bench.target.restarts == arms * 3
    assert [e.block for e in bench.events if isinstance(e, ArmsRestarting)] == [2, 3, 4]
    assert bench.verdict[0] == "CONFIRMED"


@pytest.mark.parametrize("lifetime", ["kept", None])
def test_arms_keep_their_processes_otherwise(
    lifetime: ProcessLifetime | None, bench: Bench
) -> None:
    bench.plan = replace(bench.plan, processes=lifetime)
    bench.run()
    assert bench.target.restarts == []


def test_an_arm_that_does_not_start_again_ends_the_run(bench: Bench) -> None:
    bench.plan = replace(bench.plan, processes="fresh")
    bench.target.unrestartable.add("wide")
    bench.run()
    verdict, reason = bench.verdict
    assert verdict == "INVALID"
    assert reason == "An arm cannot be started again: the service of arm wide is not ready."
    assert len(bench.run_folder.trials()) == 4 + 1


def test_an_arm_that_answers_as_before_was_not_restarted(bench: Bench) -> None:
    bench.plan = replace(bench.plan, processes="fresh")
    bench.target.surviving.add("wide")
    bench.run()
    verdict, reason = bench.verdict
    assert verdict == "INVALID"
    assert reason.startswith("The service of arm wide is the process from before")


def test_a_restarted_arm_must_answer_with_its_own_settings(bench: Bench) -> None:
    bench.plan = replace(bench.plan, processes="fresh")

    def confuse(event: Event) -> None:
        if isinstance(event, ArmsRestarting):
            bench.target.answers["wide"] = {"DB_POOL_SIZE": "5"}

    bench.run(confuse)
    assert bench.verdict[0] == "INVALID"
    assert bench.verdict[1].startswith("Arm wide answers with other settings")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda b: b.target.instances.update(wide="second"), "The service of arm wide was restart"),
        (
            lambda b: b.target.answers.update(
                wide={**b.target.settings["wide"], "DB_POOL_SIZE": "9"}
            ),
            "Arm wide answers with other settings: DB_POOL_SIZE is 9, not 20.",
        ),
        (
            lambda b: b.target.deaths.update(wide="the service of arm wide ended by SIGKILL"),
            "A process ended: the service of arm wide ended by SIGKILL.",
        ),
        (
            lambda b: b.conditions.update({"cores of the machine": 1}),
            "Changed since the run began: cores of the machine.",
        ),
        (lambda b: b.target.unresettable.add("wide"), "Arm wide cannot be reset: the disk is gone"),
    ],
)
def test_what_repeating_cannot_mend_ends_the_run(
    spoil: Callable[[Bench], None], reason: str, bench: Bench
) -> None:
    bench.run(after(4, lambda: spoil(bench)))
    name, said = bench.verdict
    assert name == "INVALID"
    assert said.startswith(reason)
    assert len(bench.run_folder.trials()) <= 8


def test_of_a_reset_that_fails_the_end_of_its_output_is_said(bench: Bench) -> None:
    def fail(arm: str) -> None:
        raise TargetFailure("`reset` ended with exit code 1: no such host")

    bench.target.reset = fail  # type: ignore[method-assign]
    bench.run()
    name, said = bench.verdict
    assert name == "INVALID"
    assert "cannot be reset: `reset` ended with exit code 1: no such host" in said


def test_a_reset_that_restarts_the_service_is_named(bench: Bench) -> None:
    def restart(arm: str) -> None:
        if arm == "wide":
            bench.target.instances[arm] = "second"

    bench.target.reset = restart  # type: ignore[method-assign]
    bench.run()
    name, said = bench.verdict
    assert name == "INVALID"
    assert said.startswith("After its reset: The service of arm wide was restarted")


def test_a_dead_driver_is_not_told_as_changed_conditions(bench: Bench) -> None:
    def die(host: str) -> None:
        raise DriverError("the load driver ended by SIGKILL")

    def vanish() -> None:
        bench.conditions.clear()  # its cores cannot be seen any more
        bench.driver.fails = die

    bench.run(after(4, vanish))
    assert bench.verdict == ("INVALID", "the load driver ended by SIGKILL")


def test_a_driver_that_dies_ends_the_run(bench: Bench) -> None:
    def die(host: str) -> None:
        if len(bench.driver.driven) == 6:
            raise DriverError("the load driver ended by SIGKILL")

    bench.driver.fails = die
    bench.run()
    assert bench.verdict == ("INVALID", "the load driver ended by SIGKILL")


def test_no_request_at_all_is_neither_pass_nor_finding(bench: Bench) -> None:
    bench.driver.rates["narrow"] = 0.0
    bench.run()
    name, said = bench.verdict
    assert name == "INVALID"
    assert "No request to arm narrow ended within the window" in said
    assert {trial.block for trial in bench.run_folder.trials()} == {1}


def test_a_slow_block_with_too_few_samples_is_not_left_out_of_its_quantile(bench: Bench) -> None:
    quick = Prediction("it is quick", "latency_p99", Bound(at_most=1.0), arm="narrow")
    bench.hypothesis = replace(bench.hypothesis, predictions=(quick,))
    bench.driver.rates["narrow"] = 300.0
    bench.run(after(8, lambda: bench.driver.rates.update(narrow=200.0)))
    name, said = bench.verdict
    assert name == "INVALID"
    assert said.startswith("No evidence for latency_p99 of arm narrow: too few samples (800).")
    assert "latency_p99 needs 1,000 samples in every block" in said
    trials = bench.run_folder.trials()
    assert [trial.block for trial in trials if trial.arm == "narrow"] == [1, 2, 3]


def test_a_run_whose_window_is_too_short_for_its_quantile_ends_with_its_first_trial(
    bench: Bench,
) -> None:
    quick = Prediction("it is quick", "latency_p99", Bound(at_most=1.0), arm="narrow")
    bench.hypothesis = replace(bench.hypothesis, predictions=(quick,))
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert [t.arm for t in bench.run_folder.trials()].count("narrow") == 1


def test_the_budget_ends_it_between_blocks(bench: Bench) -> None:
    assert isinstance(bench.hypothesis.kind, LoadTest)
    bench.began -= bench.hypothesis.kind.budget_s
    bench.run()
    assert bench.verdict[0] == "INCONCLUSIVE"
    assert bench.verdict[1].startswith("The budget ended after 0 blocks")


def test_an_interrupted_run_goes_on_with_its_next_block(bench: Bench) -> None:
    class Interrupted(Exception):
        pass

    def interrupt() -> None:
        raise Interrupted

    with pytest.raises(Interrupted):
        bench.run(after(6, interrupt))
    kept = bench.run_folder.trials()
    assert len(kept) == 6
    bench.run()
    trials = bench.run_folder.trials()
    assert trials[:6] == kept
    assert {trial.block for trial in trials[6:]} == {3, 4, 5}
    found = verdict_of(bench.run_folder, bench.hypothesis, bench.plan)
    assert (found.verdict, found.blocks, found.voided) == ("CONFIRMED", 4, 0)


def test_a_finished_run_measures_nothing_more(bench: Bench) -> None:
    bench.run()
    count = len(bench.driver.driven)
    bench.run()
    assert len(bench.driver.driven) == count


def test_a_profile_that_fails_does_not_cost_the_verdict(bench: Bench) -> None:
    def die(host: str) -> None:
        raise DriverError("the load driver ended by SIGKILL")

    bench.run()
    bench.driver.fails = die
    list(bench.experiment().profiles())
    told = bench.run_folder.path("profiles", "narrow.txt").read_text()
    assert told == "no profile: the load driver ended by SIGKILL"
    assert bench.verdict[0] == "CONFIRMED"


def test_profiles_are_taken_of_every_arm_and_make_no_trial(bench: Bench) -> None:
    list(bench.experiment().profiles())
    assert {p.stem for p in bench.run_folder.path("profiles").iterdir()} == set(RATES)
    assert bench.run_folder.trials() == []


def test_elapsed_adds_up_the_sessions() -> None:
    journal = [
        {"event": "session began", "elapsed_s": 0.0},
        {"event": "block", "elapsed_s": 30.0},
        {"event": "session began", "elapsed_s": 0.0},
        {"event": "block", "elapsed_s": 12.0},
        {"event": "session ended", "elapsed_s": 20.0},
    ]
    assert elapsed_of(journal) == 50.0


def test_a_seal_that_was_broken_is_noticed(bench: Bench) -> None:
    sealed = replace(bench.plan, digest=SHIPPED.digest)
    assert sealed_hypothesis(bench.run_folder, sealed, PROJECT).digest == SHIPPED.digest
    path = bench.run_folder.path("hypothesis.md")
    path.write_text(path.read_text().replace("at_least: 2.5", "at_least: 1.5"))
    with pytest.raises(RunFolderError, match="edited since the run was sealed"):
        sealed_hypothesis(bench.run_folder, sealed, PROJECT)


def test_settings_that_nothing_proves_are_not_checked(bench: Bench) -> None:
    bench.run()
    assert all("settings" in trial.gates for trial in bench.run_folder.trials())
    bench.target.is_proved = False
    bench.target.answers = dict.fromkeys(bench.hypothesis.arms)
    trial = ended(bench.experiment().trial(90, 1, Step("narrow")))
    assert trial.trusted and "settings" not in trial.gates and "alive" in trial.gates


def test_an_arm_that_cannot_be_switched_to_voids_the_block(bench: Bench) -> None:
    bench.target.unswitchable.add("narrow")
    trial = ended(bench.experiment().trial(1, 1, Step("narrow")))
    (fault,) = trial.faults
    assert (fault.gate, fault.message) == ("alive", "there is no switch to narrow.")


@dataclass
class ShortDriver(FakeDriver):
    """Ends its trials early, and gives no reason."""

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """As `FakeDriver`."""
        for message in super().drive(trial):
            yield replace(message, early=True) if isinstance(message, Closed) else message


def test_an_early_end_without_a_reason_voids_the_block(bench: Bench) -> None:
    bench.driver = ShortDriver(dict(RATES))
    trial = ended(bench.experiment().trial(1, 1, Step("narrow")))
    (fault,) = trial.faults
    assert (fault.gate, fault.message) == ("scenario", "The scenario ended the trial early.")
    assert fault.retryable


@dataclass
class SharedDriver(FakeDriver):
    """Two workers make its load."""

    machine: Callable[[int], str] = lambda number: "here"  # of the second, by number of the trial
    missing: Collection[int] = ()  # numbers of trials before which the second does not come back

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """As `FakeDriver`."""
        for message in super().drive(trial):
            number = len(self.driven)
            if number in self.missing:
                lost = end(2, drained=False, fault="was missing for 60 s")
                yield Closed(drained=False, early=True, worker_ends=(end(1), lost))
                return
            if isinstance(message, Opened):
                first, second = opened(users=25).workers
                second = replace(second, machine=self.machine(number))
                yield replace(message, workers=(first, second))
            elif isinstance(message, Frame):
                yield replace(message, by_worker=(part(1, users=25), part(2, users=25)))
            else:
                yield message


def shared_by(bench: Bench, **changes: Any) -> None:
    bench.plan = replace(bench.plan, workers=PlannedWorkers(1, 1))
    bench.driver = SharedDriver(dict(RATES), **changes)


def test_a_worker_of_another_machine_within_a_block_voids_the_block(bench: Bench) -> None:
    shared_by(bench, machine=lambda number: "there" if number == 2 else "here")
    bench.run()
    trials = bench.run_folder.trials()
    assert [trial.block for trial in trials].count(1) == 2  # the rest was not driven
    (fault,) = trials[1].faults
    assert (fault.gate, fault.retryable) == ("workers", True)
    assert fault.message == (
        "Of the workers that share the load: worker 2 (process 4712) has replaced one on another "
        "machine (process 4712) within the block."
    )
    assert bench.verdict[0] == "CONFIRMED"


def test_a_worker_of_another_machine_from_a_block_on_voids_none(bench: Bench) -> None:
    shared_by(bench, machine=lambda number: "here" if number <= 4 else "there")
    bench.run()
    assert all(trial.trusted for trial in bench.run_folder.trials())
    assert bench.verdict[0] == "CONFIRMED"


def test_a_worker_that_is_missing_voids_its_block_and_the_run_goes_on(bench: Bench) -> None:
    shared_by(bench, missing={6})
    bench.run()
    faults = [trial.faults[0] for trial in bench.run_folder.trials() if trial.faults]
    assert [(fault.gate, fault.retryable) for fault in faults] == [("workers", True)]
    assert "worker 2 (before the load began) was missing for 60 s." in faults[0].message
    assert bench.verdict[0] == "CONFIRMED"


def test_a_worker_that_stays_away_ends_the_run(bench: Bench) -> None:
    shared_by(bench, missing=range(1, 100))
    bench.run()
    assert bench.verdict[0] == "INVALID"
    assert len(bench.run_folder.trials()) == 5
