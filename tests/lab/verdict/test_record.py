from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.verdict.record import Judgement, Outcome, Verdict, VerdictName
from tests.runs import ROOT

VERDICTS = sorted(
    [*ROOT.glob("reports/sample/verdict.json"), *ROOT.glob("tests/recorded/*/v*.json")]
)


def judgement(
    says: str, outcome: Outcome, at: int | None = None, claim: str | None = None
) -> Judgement:
    return Judgement(says, "throughput", "a / b", "at least 2", outcome, decided_at=at, claim=claim)


def verdict(
    name: VerdictName | None, predictions: tuple[Judgement, ...], rivals: tuple[Judgement, ...] = ()
) -> Verdict:
    return Verdict("x", name, (), 4, 0, predictions, rivals, 0.01, 1.0)


def decisive(made: Verdict) -> str | None:
    return None if made.decisive is None else made.decisive.says


@pytest.mark.parametrize("file", VERDICTS, ids=lambda file: file.parent.name)
def test_a_verdict_on_disk_is_read_as_it_was_written(file: Path) -> None:
    data = json.loads(file.read_text())
    assert json.loads(json.dumps(Verdict.from_dict(data).as_dict())) == data


@pytest.mark.parametrize("missing", ["verdict", "predictions", "reasons"])
def test_what_is_no_verdict_is_refused(missing: str) -> None:
    data = json.loads(VERDICTS[0].read_text())
    del data[missing]
    with pytest.raises((KeyError, TypeError)):
        Verdict.from_dict(data)


def test_a_refuted_claim_hangs_on_the_first_contradicted_prediction() -> None:
    predictions = (
        judgement("one", "supported", 4),
        judgement("two", "contradicted", 9),
        judgement("three", "contradicted", 4),
    )
    assert decisive(verdict("REFUTED", predictions)) == "two"


def test_a_confirmed_claim_hangs_on_what_was_decided_last() -> None:
    predictions = (judgement("one", "supported", 4), judgement("two", "supported", 6))
    rivals = (judgement("three", "contradicted", 6, "c"), judgement("four", "contradicted", 5, "d"))
    assert decisive(verdict("CONFIRMED", predictions, rivals)) == "two"


def test_an_open_question_hangs_on_the_rival_that_stands_or_on_what_is_undecided() -> None:
    predictions = (judgement("one", "supported", 4), judgement("two", "undecided"))
    stands = judgement("three", "supported", 4, "c")
    assert decisive(verdict("INCONCLUSIVE", predictions, (stands,))) == "three"
    out = replace(stands, outcome="contradicted")
    assert decisive(verdict("INCONCLUSIVE", predictions, (out,))) == "two"


@pytest.mark.parametrize("name", ["INVALID", None])
def test_no_estimate_decides_an_invalid_or_unfinished_run(name: VerdictName | None) -> None:
    assert decisive(verdict(name, (judgement("one", "contradicted", 4),))) is None
