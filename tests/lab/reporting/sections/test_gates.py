from __future__ import annotations

from dataclasses import replace

from lab.instruments.metrics_scraper import NO_METRICS
from lab.reporting.sections.gates import GatesSection, gates_section
from lab.reporting.trials_of_run import RunTrials
from lab.trials.trial import MetricsReading
from tests.lab.builders import altered
from tests.lab.reporting.made_up_runs import HOSTILE, Run


def section_of(run: Run) -> GatesSection:
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials())
    return gates_section(trials, run.verdict.voided)


def test_each_gate_has_its_worst_value_in_its_unit(rendered: dict[str, Run]) -> None:
    rows = {gate: cells for gate, *cells in section_of(rendered["CONFIRMED"]).table.rows}
    assert rows["alive"][1:] == ["met", "none"]
    assert rows["ticker_late"][1].startswith("1.2 ms (block 1, ")
    assert rows["littles_law"][1].startswith("2.3% (block 5, ")
    assert rows["driver_cpu"][1].startswith("0.35 cores (block ")


def test_a_gate_that_voided_blocks_shows_how_many_and_its_limit(rendered: dict[str, Run]) -> None:
    section = section_of(rendered["CONFIRMED"])
    rows = {gate: cells for gate, *cells in section.table.rows}
    assert rows["other_cpu"][1].startswith("0.61 cores (block 3, ")
    assert rows["other_cpu"][2] == "1 (limit 0.25 cores)"
    assert section.sentence == "1 block was voided and did not count."
    [fault] = section.faults
    assert fault.startswith("Block 3, ") and fault.endswith("0.61 cores (limit 0.25).")


def test_errors_of_all_trials_are_added_up(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    rows = section_of(run).errors.rows
    assert {arm for arm, _, _ in rows} == set(run.hypothesis.arms)
    assert {text for _, text, _ in rows} == {f"HTTP 500 {HOSTILE}"}
    trials = len(run.run_folder.trials())
    assert sum(int(count) for _, _, count in rows) == trials


def test_what_could_not_be_read_of_the_metrics_is_said_once(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    reading = MetricsReading(
        scrapes=5,
        types={"orders": "counter"},
        unread={"orders": "line 3 is spoiled", "loads": "it fell", 'orders{a="1"}': "it fell"},
        notes=("line 3 is spoiled",),
    )
    trials = RunTrials.sort(
        run.hypothesis,
        run.plan,
        [altered(trial, metrics=reading) for trial in run.run_folder.trials()],
    )
    notes = gates_section(trials, 0).notes
    assert len(notes) == 2 * len(run.hypothesis.arms)
    arm = next(iter(run.hypothesis.arms))
    own = [note for note in notes if f" arm {arm}:" in note]
    assert own == [
        f"Metrics of arm {arm}: line 3 is spoiled.",
        f'Metrics of arm {arm}: orders{{a="1"}} was not read: it fell.',
    ]


def test_without_a_page_of_metrics_the_report_says_what_is_not_checked(
    rendered: dict[str, Run],
) -> None:
    run = rendered["CONFIRMED"]
    reading = MetricsReading(problem="GET /metrics: status 401")
    trials = RunTrials.sort(
        run.hypothesis,
        run.plan,
        [altered(trial, metrics=reading) for trial in run.run_folder.trials()],
    )
    note = gates_section(trials, 0).notes[0]
    assert "GET /metrics: status 401. Little's law, and whether the arm served" in note


def test_how_the_settings_are_proved_is_said(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials())
    proof = {"web": "its own word", "worker": "nothing"}
    assert gates_section(trials, 0, proof).notes[:2] == (
        "That the arms ran with their settings is shown of web by its own word.",
        "Nothing shows which settings worker ran with.",
    )


def test_a_gate_that_lacks_what_it_needs_is_not_checked(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    blind = [
        replace(
            altered(trial, metrics=MetricsReading(problem=NO_METRICS)),
            gates={name: 0.0 for name in trial.gates if name not in ("settings", "served")},
        )
        for trial in run.run_folder.trials()
    ]
    section = gates_section(RunTrials.sort(run.hypothesis, run.plan, blind), 0)
    rows = {gate: cells for gate, *cells in section.table.rows}
    assert rows["settings"][1:] == rows["served"][1:] == ["not checked", "none"]
    assert rows["alive"][1] == "met"
    assert len(section.notes) == 1  # not one for each arm
    assert section.notes[0].startswith("lab.toml names no `metrics`")


def test_a_run_without_any_trial_has_passed_no_gate(rendered: dict[str, Run]) -> None:
    run = rendered["CONFIRMED"]
    trials = RunTrials.sort(run.hypothesis, run.plan, run.run_folder.trials()[:1])
    assert gates_section(trials, 0).sentence == "Every trial passed every gate."
    assert gates_section(replace(trials, all=()), 0).sentence == "No trial has ended."
