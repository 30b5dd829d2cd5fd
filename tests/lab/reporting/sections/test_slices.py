"""What a report says of slices."""

from __future__ import annotations

from lab.hypothesis import Step
from lab.reporting.sections.slices import slices_section
from lab.reporting.trials_of_run import RunTrials
from lab.trials.trial import Trial
from tests.default_margins import MARGINS
from tests.lab.analysis.test_slice_carry_over import in_order, run
from tests.lab.builders import SHIPPED, trial


def sorted_trials(trials: list[Trial]) -> RunTrials:
    blocks = tuple(
        {Step(each.arm): (each,) for each in trials if each.block == number}
        for number in sorted({each.block for each in trials})
    )
    return RunTrials(SHIPPED, tuple(trials), blocks, MARGINS)


LONGER = {
    "event": "slices changed",
    "block": 2,
    "rounds": 10,
    "slice_s": 0.4,
    "reason": "Arm a does +9.0% in a slice that follows another arm's.",
}


def test_carry_over_is_shown_for_each_arm() -> None:
    section = slices_section(sorted_trials(run(["a", "b"], 0.15)), [LONGER])
    assert section is not None
    assert "20 slices of 1 s for each arm and block" in section.summary
    assert "80% was measured" in section.summary
    assert "observing took 20%" in section.summary
    assert [row[0] for row in section.carry_over.rows] in (["a", "b"], ["b", "a"])
    change = {row[0]: row[3] for row in section.carry_over.rows}
    assert change["a"].startswith("+") and change["b"].startswith("-")
    assert [row[-1] for row in section.carry_over.rows] == ["yes", "yes"]
    assert section.changes == (
        "Slices of 400 ms after block 2: Arm a does +9.0% in a slice that follows another arm's. "
        "Blocks in shorter slices do not count.",
    )


def test_equal_slices_have_no_carry_over() -> None:
    section = slices_section(sorted_trials(run(["a", "b"], 0.0)), [{"event": "block"}])
    assert section is not None
    assert section.changes == ()
    assert {row[-1] for row in section.carry_over.rows} == {"no"}


def test_whole_windows_have_no_section() -> None:
    assert slices_section(sorted_trials([trial("narrow", 100.0)]), []) is None


def test_the_reason_of_whole_windows_is_said() -> None:
    whole = {**LONGER, "block": None, "rounds": 1, "slice_s": 4.0, "reason": "a user takes 260 ms"}
    section = slices_section(sorted_trials([trial("narrow", 100.0)]), [whole])
    assert section is not None
    assert "for a whole window each" in section.summary
    assert section.changes == ("Windows are not cut into slices: a user takes 260 ms.",)


def test_slices_that_the_hypothesis_chose_too_short_are_reported() -> None:
    short = {**LONGER, "block": None, "rounds": 8, "slice_s": 0.5, "reason": "a user takes 1.5 s"}
    section = slices_section(sorted_trials(run(["a", "b"], 0.0)), [short])
    assert section is not None
    assert section.changes == (
        "Slices of 500 ms, as the hypothesis says, are short: a user takes 1.5 s.",
    )


def test_without_a_block_that_counts_nothing_is_said_of_windows() -> None:
    uncounted = RunTrials(SHIPPED, tuple(run(["a", "b"], 0.15)), (), MARGINS)
    section = slices_section(uncounted, [LONGER])
    assert section is not None
    assert section.summary == "No block counts."
    assert section.changes[0].endswith("Blocks in shorter slices do not count.")


def test_arms_that_were_not_tested_for_carry_over_are_named_with_the_reason() -> None:
    section = slices_section(sorted_trials(in_order("abba" * 2)), [])
    assert section is not None
    assert section.carry_over.rows == ()
    assert section.untested == (
        "Not tested for carry-over: a (2 of its slices that count follow another arm, 1 "
        "the same one); b (2 of its slices that count follow another arm, 2 the same one). At "
        "least 5 of either are needed. An arm seldom follows itself if slices are few or arms "
        "many; slices of a block in which an arm had one without an answer do not count here."
    )
    tested = slices_section(sorted_trials(run(["a", "b"], 0.0)), [])
    assert tested is not None and tested.untested == ""
