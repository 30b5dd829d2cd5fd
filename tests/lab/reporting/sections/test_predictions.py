"""What report and terminal say of a prediction or a rival that stayed undecided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.cli.verdict_table import judgement_table
from lab.hypothesis import Bound
from lab.reporting.sections.predictions import prediction_results
from lab.verdict.record import Judgement, Outcome, Verdict, VerdictName
from tests.lab.reporting.made_up_runs import Run

OPEN: Outcome = "undecided"
GOOD: Outcome = "supported"
BAD: Outcome = "contradicted"


def judged(judgement: Judgement, outcome: Outcome) -> Judgement:
    decided = None if outcome == OPEN else 4
    return replace(judgement, outcome=outcome, decided_at=decided, blocks_wanted=9)


def verdict_of(
    run: Run, name: VerdictName, predictions: Sequence[Outcome], rival: Outcome
) -> Verdict:
    found = zip(run.verdict.predictions, predictions, strict=True)
    return replace(
        run.verdict,
        verdict=name,
        predictions=tuple(judged(each, outcome) for each, outcome in found),
        rivals=(judged(run.verdict.rivals[0], rival),),
    )


def notes(run: Run, verdict: Verdict) -> list[str]:
    predictions, rivals = prediction_results(run.hypothesis, verdict)
    return [result.note for result in (*predictions, *rivals)]


def test_in_a_refuted_run_the_fate_of_a_rival_no_longer_matters(rendered: dict[str, Run]) -> None:
    verdict = verdict_of(rendered["REFUTED"], "REFUTED", [BAD, OPEN, GOOD], OPEN)
    found = notes(rendered["REFUTED"], verdict)
    why = "not decided, and it no longer matters: a contradicted prediction refutes the claim"
    assert [note == why for note in found] == [False, True, False, True]
    outcomes = list(judgement_table(verdict).columns[-1].cells)
    assert str(outcomes[0]) == "contradicted"
    assert str(outcomes[3]).startswith("undecided; it no longer matters: a contradicted")


@pytest.mark.parametrize(
    ("name", "predictions"),
    [("INCONCLUSIVE", [GOOD, GOOD, GOOD]), ("INVALID", [BAD, GOOD, GOOD])],
)
def test_where_it_decides_the_blocks_that_are_missing_are_named(
    rendered: dict[str, Run], name: VerdictName, predictions: list[Outcome]
) -> None:
    verdict = verdict_of(rendered["REFUTED"], name, predictions, OPEN)
    assert notes(rendered["REFUTED"], verdict)[-1] == (
        "about 9 blocks in total would likely decide it"
    )
    assert str(list(judgement_table(verdict).columns[-1].cells)[-1]) == "undecided"


def test_another_rival_that_stands_settles_it(rendered: dict[str, Run]) -> None:
    run = rendered["REFUTED"]
    verdict = verdict_of(run, "INCONCLUSIVE", [GOOD, GOOD, GOOD], GOOD)
    rival = run.hypothesis.rivals[0]
    hypothesis = replace(run.hypothesis, rivals=(rival, rival))
    verdict = replace(verdict, rivals=(*verdict.rivals, judged(verdict.rivals[0], OPEN)))
    _, (_, second) = prediction_results(hypothesis, verdict)
    assert second.note == "not decided, and it no longer matters: another rival stands"


def test_a_value_that_is_known_from_below_only_says_why_it_stays_undecided(
    rendered: dict[str, Run],
) -> None:
    run = rendered["REFUTED"]
    verdict = verdict_of(run, "INCONCLUSIVE", [OPEN, GOOD, GOOD], BAD)
    first, *others = verdict.predictions
    for high, note in ((None, "known from below only: more blocks"), (2.0, "more blocks")):
        open_one = replace(first, estimate=1.5, low=1.2, high=high, blocks_wanted=None)
        changed = replace(verdict, predictions=(open_one, *others))
        assert notes(run, changed)[0] == f"{note} are not expected to decide it"


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ((1.0227, 1.021, 1.0244), "1.023× that of narrow (1.021× to 1.024×)"),
        ((1.9, 1.7, 2.1), "1.90× that of narrow (1.70× to 2.10×)"),
        ((1.9, 1.7, None), "at least 1.70× that of narrow"),
    ],
)
def test_a_bound_is_shown_as_written_and_what_was_seen_apart_from_it(
    rendered: dict[str, Run], figures: tuple[float, float, float | None], sentence: str
) -> None:
    run = rendered["REFUTED"]
    first, *others = run.hypothesis.predictions
    hypothesis = replace(
        run.hypothesis, predictions=(replace(first, bound=Bound(at_least=1.025)), *others)
    )
    seen, *rest = run.verdict.predictions
    estimate, low, high = figures
    seen = replace(seen, estimate=estimate, low=low, high=high)
    verdict = replace(run.verdict, predictions=(seen, *rest))
    (result, *_), _ = prediction_results(hypothesis, verdict)
    assert result.sentence == f"throughput of wide is {sentence}; predicted: at least 1.025×"
