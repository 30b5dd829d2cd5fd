from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from junitparser import Error, Failure, JUnitXml, Skipped, TestCase

from lab.exchange.junit import junit_xml
from lab.verdict.record import Verdict
from tests.lab.reporting.made_up_runs import BLOCKS, Run


def parsed(verdict: Verdict, folder: Path) -> JUnitXml:
    """What another program reads of the file."""
    file = folder / "junit.xml"
    file.write_text(junit_xml(verdict, {"run": "20250103-090000"}), encoding="utf-8")
    return JUnitXml.fromfile(str(file))


def cases(verdict: Verdict, folder: Path) -> list[TestCase]:
    [suite] = parsed(verdict, folder)
    return list(suite)


def state(case: TestCase) -> str:
    kinds = {Error: "error", Failure: "failure", Skipped: "skipped"}
    return kinds[type(case.result[0])] if case.result else "passed"


EXPECTED = {
    "CONFIRMED": ["passed"] * 4,
    "REFUTED": ["failure", "passed", "passed", "passed"],
    "INVALID": ["error"] * 4,
}


@pytest.mark.parametrize("name", BLOCKS)
def test_every_verdict_has_its_state(rendered: dict[str, Run], name: str, tmp_path: Path) -> None:
    verdict = rendered[name].verdict
    states = [state(case) for case in cases(verdict, tmp_path)]
    if name == "INCONCLUSIVE":
        assert set(states) <= {"passed", "skipped"}
        assert "skipped" in states
    else:
        assert states == EXPECTED[name]
    [suite] = parsed(verdict, tmp_path)
    assert suite.tests == 4
    assert suite.failures == states.count("failure")
    assert suite.errors == states.count("error")
    assert suite.skipped == states.count("skipped")
    assert suite.name == "pool-exhaustion"
    assert suite.time == pytest.approx(141.2)
    assert {each.name: each.value for each in suite.properties()} == {
        "verdict": name,
        "run": "20250103-090000",
    }


def test_cases_are_named_by_what_passing_means(rendered: dict[str, Run], tmp_path: Path) -> None:
    found = [(case.classname, case.name) for case in cases(rendered["CONFIRMED"].verdict, tmp_path)]
    assert found[0] == (
        "pool-exhaustion.predictions",
        "four times the pool gives at least 2.5 times the throughput",
    )
    assert found[3] == ("pool-exhaustion.rivals", "ruled out: pricing itself is too narrow")


def test_a_failure_has_the_figure_that_decided(rendered: dict[str, Run], tmp_path: Path) -> None:
    [failure] = cases(rendered["REFUTED"].verdict, tmp_path)[0].result
    assert "contradicted; throughput of wide / narrow is 1.0" in failure.message
    assert "predicted at least 2.5" in failure.message


def test_what_was_skipped_says_why(rendered: dict[str, Run], tmp_path: Path) -> None:
    for case in cases(rendered["INCONCLUSIVE"].verdict, tmp_path):
        if case.result:
            assert "The budget ended after 12 blocks; more blocks are" in case.result[0].message


def test_an_error_has_all_reasons(rendered: dict[str, Run], tmp_path: Path) -> None:
    [error] = cases(rendered["INVALID"].verdict, tmp_path)[0].result
    assert error.message.startswith("Other processes kept the machine busy")
    assert "blocks were voided" in error.text


def test_a_rival_that_stands_is_skipped_and_fails_no_job(
    rendered: dict[str, Run], tmp_path: Path
) -> None:
    confirmed = rendered["CONFIRMED"].verdict
    [rival] = confirmed.rivals
    verdict = replace(
        confirmed,
        verdict="INCONCLUSIVE",
        reasons=("A rival explanation stands: ...",),
        rivals=(replace(rival, outcome="supported"),),
    )
    found = cases(verdict, tmp_path)
    assert [state(case) for case in found] == ["passed"] * 3 + ["skipped"]
    assert "A rival explanation stands: pricing itself" in found[3].result[0].message


def test_a_rival_that_stands_does_not_fail_in_a_refuted_run(
    rendered: dict[str, Run], tmp_path: Path
) -> None:
    refuted = rendered["REFUTED"].verdict
    [rival] = refuted.rivals
    verdict = replace(refuted, rivals=(replace(rival, outcome="supported"),))
    found = cases(verdict, tmp_path)
    assert [state(case) for case in found] == ["failure", "passed", "passed", "skipped"]
    assert "A rival explanation stands: pricing itself" in found[3].result[0].message


def test_undecided_parts_of_a_refuted_claim_are_skipped(
    rendered: dict[str, Run], tmp_path: Path
) -> None:
    refuted = rendered["REFUTED"].verdict
    first, second, third = refuted.predictions
    open_ = replace(second, outcome="undecided", decided_at=None)
    verdict = replace(refuted, predictions=(first, open_, third))
    found = cases(verdict, tmp_path)
    assert [state(case) for case in found[:2]] == ["failure", "skipped"]
    assert "no longer matters" in found[1].result[0].message


def test_any_text_makes_a_file_that_can_be_read(rendered: dict[str, Run], tmp_path: Path) -> None:
    hostile = "]]><!--&\x00\x1b[31m\ud800\"'é"
    verdict = replace(rendered["INVALID"].verdict, reasons=(hostile,))
    [error] = cases(verdict, tmp_path)[0].result
    assert error.message == "]]><!--&\ufffd\ufffd[31m\ufffd\"'é"
