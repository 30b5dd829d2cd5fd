"""What a block that other processes have voided says: who it was, where, and what to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.decision_margins import BEFORE_SEALED
from lab.gates.background_gates import core_names
from lab.hypothesis import load
from lab.trials.trial import BenchmarkEvidence, OtherProcess, Slice, Surroundings, Timing, Trial
from tests.default_margins import MARGINS, inspect
from tests.lab.builders import PROJECT, claim, ratio, trial

BENCHMARK = load(PROJECT / "hypotheses" / "serializer.md", PROJECT)
CLAIM = claim(ratio(2.5))
STRESS = OtherProcess(4711, "stress", 0.9, (1,))
RELAY = OtherProcess(12, "python", 0.4, (1,), of_run=True)


def message(
    *processes: OtherProcess,
    cores: tuple[int, ...] = (0, 1),
    spare: tuple[int, ...] = (),
    roaming: tuple[str, ...] = (),
    other_cpu: float = 0.95,
) -> str:
    where = Surroundings(cores, spare, roaming, processes)
    busy = replace(trial("narrow", 100, other_cpu=other_cpu), surroundings=where)
    [fault] = inspect(busy, CLAIM).faults
    assert fault.gate == "other_cpu"
    return fault.message


def test_the_process_is_named_with_its_cores_and_what_to_do() -> None:
    assert message(STRESS) == (
        "Other processes used 0.95 of cores 0 and 1 of this machine (limit 0.25): stress (pid "
        "4711) 0.90 on core 1. Close it, or wait until it is done, or use a machine with more "
        "cores: this run needs all of this one."
    )


def test_where_there_are_other_cores_it_can_be_kept_on_those() -> None:
    text = message(STRESS, spare=(2, 3))
    assert text.endswith("keep it off these cores: taskset -acp 2,3 4711.")


def test_an_arm_that_should_be_idle_is_not_to_be_closed() -> None:
    text = message(RELAY, other_cpu=0.4)
    assert "python of this run (pid 12) 0.40 on core 1" in text
    assert "an arm that works although it is not loaded" in text
    assert "Close" not in text
    assert "Close" in message(RELAY, STRESS)


def test_what_cannot_be_named_is_said_to_be_so() -> None:
    assert "processes that cannot be named from here" in message()
    assert "Close it, or wait" in message()
    assert "keep it off these cores with taskset" in message(spare=(2,))
    assert "the rest: processes that cannot be named" in message(RELAY)
    assert "cannot be named" not in message(STRESS)


def test_if_all_cores_count_it_is_said_why() -> None:
    text = message(STRESS, roaming=("database",))
    assert "because database of this run may run on any of them" in text


def test_a_trial_without_surroundings_is_one_of_an_older_run() -> None:
    [fault] = inspect(trial("narrow", 100, other_cpu=0.5), CLAIM).faults
    assert fault.message == "Other processes used 0.50 of the machine's cores (limit 0.25)."


def test_steal_is_that_of_the_cores_of_the_run() -> None:
    busy = replace(trial("narrow", 100, steal=0.3), surroundings=Surroundings((2,), (0, 1, 3)))
    [fault] = inspect(busy, CLAIM).faults
    assert fault.message.startswith("The hypervisor took 30% of core 2 of this machine (limit 10%)")
    assert "Other virtual machines" in fault.message


@pytest.mark.parametrize(
    ("cores", "words"),
    [((1,), "core 1"), ((0, 1), "cores 0 and 1"), ((0, 1, 5), "cores 0, 1 and 5")],
)
def test_cores_in_words(cores: tuple[int, ...], words: str) -> None:
    assert core_names(cores) == words


def test_where_arms_are_measured_in_slices_more_is_allowed() -> None:
    slices = (Slice(1, 5, 1e-3, 2e-4),)
    evidence = BenchmarkEvidence(Timing("min", 5, 1, 2e-4, 2e-4), slices=slices)
    in_turn = Trial(1, 1, "plain", 0.0, 0.1, evidence=evidence)
    at_once = replace(in_turn, evidence=replace(evidence, slices=()))
    limit = MARGINS.gates.max_other_cpu_in_slices
    assert MARGINS.gates.max_other_cpu < limit
    assert not inspect(replace(in_turn, other_cpu=limit), BENCHMARK).faults
    [fault] = inspect(replace(in_turn, other_cpu=limit + 0.01), BENCHMARK).faults
    assert fault.limit == limit
    [fault] = inspect(replace(at_once, other_cpu=limit), BENCHMARK).faults
    assert fault.limit == MARGINS.gates.max_other_cpu


def test_a_plan_from_before_has_one_limit() -> None:
    earlier = BEFORE_SEALED.gates
    assert earlier.max_other_cpu_in_slices == earlier.max_other_cpu
