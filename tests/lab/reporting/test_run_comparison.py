from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli.recorded_runs import judged_run
from lab.hypothesis import Bound, Rival
from lab.hypothesis.seal import text_digest
from lab.reporting.run_comparison import RunComparison, compare_runs
from lab.runs.judged_run import JudgedRun
from lab.runs.run_folder import RunFolder
from tests.lab.reporting.many_runs import OTHER, edit, make_runs


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    make_runs(tmp_path, each=2)
    found = sorted((tmp_path / "pool-exhaustion").iterdir())
    for run in found:  # alike, but for the commit
        edit(run / "conditions.json", processor="A", cores=2, commit="abc", dirty=False)
        edit(run / "plan.json", claim_digest="sha256:same")
    return found


def compared(first: Path, second: Path) -> RunComparison:
    return compare_runs(*(judged_run(RunFolder.open(run)) for run in (first, second)))


def test_runs_alike_differ_in_nothing(runs: list[Path]) -> None:
    found = compared(runs[0], runs[0])
    assert found.warnings == ()
    assert found.conditions.rows == found.settings.rows == ()
    assert [row[3] for row in found.estimates.rows] == ["no: the intervals overlap"] * 4
    assert found.runs.rows[0][1:3] == ("CONFIRMED", "4")


def test_another_machine_is_said_first(runs: list[Path]) -> None:
    edit(runs[1] / "conditions.json", processor=OTHER, cores=8)
    found = compared(*runs)
    assert found.warnings[0].startswith(
        f"The machines differ (A, 2 cores; {OTHER}, 8 cores): estimates of one arm are not "
        "comparable"
    )
    assert ("cores", "2", "8") in found.conditions.rows


def test_conditions_that_say_nothing_are_left_out(runs: list[Path]) -> None:
    edit(runs[0] / "conditions.json", driver={"pid": 1, "cores": [0]}, python="3.11.7")
    edit(runs[1] / "conditions.json", driver={"pid": 2, "cores": [0]}, python="3.12.1")
    assert compared(*runs).conditions.rows == (("python", "3.11.7", "3.12.1"),)


def test_another_url_is_another_system(runs: list[Path]) -> None:
    for run, host in zip(runs, ("staging", "production"), strict=True):
        edit(run / "plan.json", target="url")
        edit(run / "conditions.json", target={"name": "url", "url": f"http://{host}"})
    found = compared(*runs)
    assert found.conditions.rows == (("target › url", "http://staging", "http://production"),)
    [warning] = found.warnings
    assert warning.startswith("The targets differ (url http://staging; url http://production): ")


def test_another_lifetime_is_said_and_one_that_was_not_chosen_is_kept(runs: list[Path]) -> None:
    edit(runs[1] / "plan.json", target="local", processes="kept", databases="kept")
    assert compared(*runs).warnings == ()
    edit(runs[1] / "plan.json", processes="fresh", databases="fresh")
    assert [warning.partition(":")[0] for warning in compared(*runs).warnings] == [
        "The processes of the arms were kept in the first run and fresh in the second",
        "The databases of the arms were kept in the first run and fresh in the second",
    ]


def test_settings_and_rule_that_differ_are_listed(runs: list[Path]) -> None:
    plan = json.loads((runs[1] / "plan.json").read_text())
    edit(runs[1] / "plan.json", target="compose", last=8, seed=plan["seed"] + 1)
    rows = compared(*runs).settings.rows
    assert rows == (("plan › target", "embedded", "compose"), ("plan › last", "12", "8"))


def test_all_that_a_hypothesis_chooses_is_a_setting(runs: list[Path]) -> None:
    file = runs[1] / "hypothesis.md"
    text = file.read_text()
    for old, new in (
        ("settings:", "pass: [TENANT]\nsettings:"),
        ("'http_request_duration_seconds_sum{route=\"/orders\"}'", "requests_total"),
        ("error_rate: 0.0", "error_rate: 0.1"),
        ("target_cpu: 0.75", "target_cpu: 0.9"),
    ):
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)
    edit(runs[1] / "plan.json", digest=text_digest(text))
    assert {row[0]: row[2] for row in compared(*runs).settings.rows} == {
        "pass": "TENANT",
        "measures › pool_wait_share › denominator": "requests_total",
        "allow › error_rate": "0.1",
        "limits › target_cpu": "0.9",
    }


def test_predictions_and_rivals_of_one_quantity_keep_their_bounds(runs: list[Path]) -> None:
    run = judged_run(RunFolder.open(runs[0]))
    claimed, *others = run.hypothesis.predictions
    [rival] = run.verdict.rivals

    def bounded(of_claim: float, *of_rivals: float) -> JudgedRun:
        rivals = [replace(claimed, bound=Bound(at_most=most)) for most in of_rivals]
        return run._replace(
            hypothesis=replace(
                run.hypothesis,
                predictions=(replace(claimed, bound=Bound(at_least=of_claim)), *others),
                rivals=tuple(Rival("another", prediction) for prediction in rivals),
            ),
            verdict=replace(run.verdict, rivals=(rival,) * len(rivals)),
        )

    of_both = "throughput wide / narrow"
    assert compare_runs(bounded(2.5, 3, 4), bounded(2.0, 3, 5)).settings.rows == (
        (f"bounds › {of_both}", "at least 2.5", "at least 2"),
        (f"bounds of rivals › {of_both}", "at most 3, at most 4", "at most 3, at most 5"),
    )


def test_a_factor_and_an_exponent_of_one_growth_are_two_estimates(runs: list[Path]) -> None:
    run = judged_run(RunFolder.open(next((runs[0].parents[1] / "planted").iterdir())))
    [linear], [judged] = run.hypothesis.predictions, run.verdict.predictions
    constant = Rival("its time is constant", replace(linear, grows="constant"))
    both = run._replace(
        hypothesis=replace(run.hypothesis, rivals=(constant,)),
        verdict=replace(run.verdict, rivals=(replace(judged, claim=constant.claim),)),
    )
    assert [row[0] for row in compare_runs(both, both).estimates.rows] == [
        "time planted, growth exponent",
        "time planted, growth factor",
    ]


def test_another_number_of_workers_is_another_condition(runs: list[Path]) -> None:
    edit(runs[1] / "plan.json", workers={"local": 4, "remote": 0})
    found = compared(*runs)
    assert found.warnings[0].startswith("The load was made by a single process and 4 workers: ")
    assert ("plan › workers › local", "–", "4") in found.settings.rows


def test_an_estimate_moved_if_the_intervals_are_apart(runs: list[Path]) -> None:
    verdict = json.loads((runs[1] / "verdict.json").read_text())
    verdict["predictions"][0] |= {"estimate": 1.922, "low": 1.7, "high": 2.1}
    verdict["predictions"][1] |= {"estimate": None, "low": None, "high": None}
    edit(runs[1] / "verdict.json", predictions=verdict["predictions"])
    first = json.loads((runs[0] / "verdict.json").read_text())
    first["predictions"][0] |= {"estimate": 3.844, "low": 3.5, "high": 4.2}
    edit(runs[0] / "verdict.json", predictions=first["predictions"])
    rows = compared(*runs).estimates.rows
    assert rows[0] == (
        "throughput wide / narrow",
        "3.84 [3.5 to 4.2]",
        "1.92 [1.7 to 2.1]",
        "yes, by -50.0%",
    )
    assert rows[1][2:] == ("–", "–")


def test_none_up_to_some_value_is_compared_as_an_interval(runs: list[Path]) -> None:
    run = judged_run(RunFolder.open(runs[0]))

    def judged(estimate: float | None, low: float, high: float | None) -> JudgedRun:
        first, *others = run.verdict.predictions
        shown = replace(first, estimate=estimate, low=low, high=high)
        return run._replace(verdict=replace(run.verdict, predictions=(shown, *others)))

    peak, none = judged(20.0, 18.0, 22.0), judged(None, 42.7, None)
    assert compare_runs(peak, none).estimates.rows[0][1:] == (
        "20 [18 to 22]",
        "none up to 42.7",
        "yes",
    )
    assert compare_runs(none, peak).estimates.rows[0][3] == "yes"
    for beyond in (judged(40.0, 38.0, 44.0), none):
        assert compare_runs(beyond, none).estimates.rows[0][3] == "no: the intervals overlap"


def test_other_cores_of_the_target_and_another_database_server_are_said(runs: list[Path]) -> None:
    target = {"name": "local", "cores": [1, 2, 3], "postgresql_is": "embedded"}
    edit(runs[0] / "conditions.json", target=target)
    edit(runs[1] / "conditions.json", target={**target, "cores": [3, 4, 5]})
    assert compared(*runs).warnings == ()
    users = {"postgresql_is": "the user's server", "postgresql_server": "sha256:1"}
    edit(runs[1] / "conditions.json", target={**target, "cores": [1], **users})
    assert compared(*runs).warnings == (
        "The target had 3 cores in the first run and 1 core in the second: estimates may differ "
        "because of that.",
        "The database servers differ (embedded; the user's server sha256:1): estimates may differ "
        "because of them.",
    )
    edit(runs[1] / "conditions.json", target={"name": "local"})
    cores, server = compared(*runs).warnings
    assert "3 cores in the first run and an unknown number of cores in the second" in cores
    assert server.startswith("The database servers differ (embedded; none recorded)")


def test_an_edited_claim_and_another_hypothesis_are_said(runs: list[Path]) -> None:
    edit(runs[1] / "plan.json", claim_digest="sha256:other")
    [warning] = compared(*runs).warnings
    assert warning.startswith("The claim was edited between the two")
    other = next((runs[0].parents[1] / "memory-leak").iterdir())
    found = compared(runs[0], other)
    assert any(each.startswith("The hypotheses differ") for each in found.warnings)
    assert len(found.estimates.rows) > 4


def test_an_invalid_run_is_no_evidence(runs: list[Path]) -> None:
    edit(runs[1] / "verdict.json", verdict="INVALID", reasons=["the machine was busy"])
    [warning] = compared(*runs).warnings
    assert warning == f"{runs[1].name} is INVALID: its estimates are no evidence."


def test_exact_counts_are_compared_to_the_last_digit(runs: list[Path]) -> None:
    run = judged_run(RunFolder.open(runs[0]))

    def counted(value: float) -> JudgedRun:
        first, *others = run.verdict.predictions
        exact = replace(first, estimate=value, low=value, high=value)
        return run._replace(verdict=replace(run.verdict, predictions=(exact, *others)))

    row = compare_runs(counted(0.0), counted(1001.0)).estimates.rows[0]
    assert row[1:] == ("0 [0 to 0]", "1001 [1001 to 1001]", "yes, by +1001")
