from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.reporting.sections.predictions import prediction_results
from lab.reporting.sections.summary import Summary, summarize
from lab.trials.plan import Attempt, PlannedWorkers
from tests.lab.reporting.made_up_runs import Run

SAME = Attempt("20250101-090000", "CONFIRMED", True)
EDITED = Attempt("20250101-080000", "REFUTED", False)


def summary_of(run: Run, attempts: Sequence[Attempt] = ()) -> Summary:
    plan = replace(run.plan, attempts=tuple(attempts))
    predictions, rivals = prediction_results(run.hypothesis, run.verdict)
    return summarize("run", run.hypothesis, plan, run.verdict, (*predictions, *rivals))


@pytest.mark.parametrize(
    ("attempts", "text", "edited"),
    [
        ([], "This is the first run of this claim.", False),
        (
            [SAME, SAME, SAME],
            "This claim was run 3 times before: CONFIRMED 3 times. "
            "Its predictions, bounds and arms have not been edited since.",
            False,
        ),
        (
            [EDITED],
            "This claim was not run before in its present form. "
            "Predictions, bounds or arms were edited after 1 earlier run: REFUTED once.",
            True,
        ),
        (
            [SAME, EDITED, EDITED],
            "This claim was run once before: CONFIRMED once. "
            "Predictions, bounds or arms were edited after 2 earlier runs: REFUTED twice.",
            True,
        ),
    ],
)
def test_earlier_attempts(
    rendered: dict[str, Run], attempts: list[Attempt], text: str, edited: bool
) -> None:
    summary = summary_of(rendered["CONFIRMED"], attempts)
    assert summary.attempts == text
    assert summary.edited == edited


def test_results_against_the_claim_come_first(rendered: dict[str, Run]) -> None:
    tones = [result.tone for result in summary_of(rendered["REFUTED"]).results]
    assert tones == ["bad", "good", "good", "good"]
    assert summary_of(rendered["INVALID"]).results == ()


def test_a_reason_is_not_repeated_beside_the_result_of_its_prediction(
    rendered: dict[str, Run],
) -> None:
    assert summary_of(rendered["REFUTED"]).reasons == ()
    assert summary_of(rendered["INVALID"]).reasons == rendered["INVALID"].verdict.reasons


def test_the_facts_of_a_run(rendered: dict[str, Run]) -> None:
    assert summary_of(rendered["CONFIRMED"]).facts == (
        "50 users · 4 arms · 4 blocks counted, 1 voided · 4 s per trial · fresh processes · "
        "141 s in total · target local · seed 20250103"
    )


def test_the_workers_are_among_the_facts(rendered: dict[str, Run]) -> None:
    confirmed = rendered["CONFIRMED"]
    shared = replace(confirmed, plan=replace(confirmed.plan, workers=PlannedWorkers(4)))
    assert "50 users · load by 4 workers · 4 arms" in summary_of(shared).facts
    assert "load by" not in summary_of(confirmed).facts
