from __future__ import annotations

from dataclasses import replace

import pytest

from lab.trials.trial import Fault
from lab.verdict.record import Judgement, Outcome
from lab.verdict.wording import (
    estimate_text,
    judgement_reason,
    outcome,
    rival_reason,
    undecided_reasons,
    void_reasons,
)
from tests.lab.builders import plan

WIDER = Judgement(
    "it helps", "throughput", "wide / narrow", "at least 2.5", "supported", 3.84, 3.53, 4.18
)


@pytest.mark.parametrize(
    ("claim", "value", "tone", "word"),
    [
        (None, "supported", "good", "supported"),
        (None, "contradicted", "bad", "contradicted"),
        ("pricing is slow", "supported", "bad", "rival stands"),
        ("pricing is slow", "contradicted", "good", "rival ruled out"),
        ("pricing is slow", "undecided", "open", "rival undecided"),
    ],
)
def test_a_supported_rival_is_bad_for_the_claim(
    claim: str | None, value: Outcome, tone: str, word: str
) -> None:
    shown, text = outcome(replace(WIDER, claim=claim, outcome=value))
    assert (shown, text.split(" ", 1)[1]) == (tone, word)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({}, "3.84 [3.53 to 4.18]"),
        ({"low": None, "high": None}, "3.84"),
        ({"high": None}, "at least 3.53"),
        ({"estimate": None, "low": 40.0, "high": None}, "none up to 40"),
        ({"estimate": None, "low": None, "high": None}, None),
        (
            {"measure": "slope of rss_bytes", "estimate": 5e6, "low": 4e6, "high": 6e6},
            "5 MB/h [4 MB/h to 6 MB/h]",
        ),
        (
            {"bound": "at least 1.025", "estimate": 1.0227, "low": 1.021, "high": 1.0244},
            "1.023 [1.021 to 1.024]",
        ),
        ({"bound": "at most 40", "estimate": None, "low": 40.04, "high": None}, "none up to 40.04"),
        (
            {"bound": "at most 1000", "estimate": 1001.0, "low": 1001.0, "high": 1001.0},
            "1001 [1001 to 1001]",
        ),
    ],
)
def test_an_estimate_has_its_interval(changes: dict[str, object], text: str | None) -> None:
    assert estimate_text(replace(WIDER, **changes)) == text  # type: ignore[arg-type]


def test_a_reason_has_prediction_outcome_figures_and_bound() -> None:
    reason = "it helps: supported; throughput of wide / narrow is 3.84 [3.53 to 4.18], "
    assert judgement_reason(WIDER) == f"{reason}predicted at least 2.5"
    flawed = replace(WIDER, flaw="it bends towards a standstill")
    assert judgement_reason(flawed).endswith("at least 2.5, and it bends towards a standstill")
    unseen = replace(WIDER, estimate=None, low=None, high=None, outcome="undecided")
    assert judgement_reason(unseen) == "it helps: no evidence (throughput of wide / narrow)"
    absent = replace(WIDER, measure="peak", estimate=None, low=40.0, high=None)
    assert "wide / narrow has no peak up to 40, predicted" in judgement_reason(absent)


def test_a_rival_reason_names_its_claim() -> None:
    assert rival_reason(replace(WIDER, claim="pricing is slow")).startswith(
        "A rival explanation stands: pricing is slow (it helps: supported; "
    )


def test_the_gate_that_voided_most_blocks_comes_first() -> None:
    steal, other = Fault("steal", "stolen"), Fault("other_cpu", "busy")
    assert void_reasons([[steal, other], [other], [other]]) == (
        "busy",
        "3 blocks were voided.",
        "stolen",
    )


@pytest.mark.parametrize(
    ("blocks", "wanted", "outlook"),
    [
        (3, None, "after 3 blocks; at least 1 more are needed for a first look."),
        (6, 10, "after 6 blocks; about 4 more would likely decide."),
        (6, None, "after 6 blocks; more blocks are not expected to decide it."),
    ],
)
def test_what_it_would_take_to_decide(blocks: int, wanted: int | None, outlook: str) -> None:
    undecided = replace(WIDER, outcome="undecided", blocks_wanted=wanted)
    first, second = undecided_reasons(plan(), blocks, [WIDER, undecided], out_of_time=True)
    assert first == f"The budget ended {outlook}"
    assert second.startswith("it helps: undecided; ")
