from __future__ import annotations

from dataclasses import replace

import pytest

from lab.hypothesis import Bound, Prediction, load
from lab.trials.trial import BenchmarkEvidence, Fault, Timing, Trial
from tests.default_margins import inspect
from tests.lab.builders import PROJECT, altered

SHIPPED = load(PROJECT / "hypotheses" / "serializer.md", PROJECT)
COUNTED = replace(
    SHIPPED,
    predictions=(
        Prediction("few", "statements", Bound(at_most=2), arm="plain", count="statements"),
    ),
)


def sound(arm: str = "plain") -> Trial:
    timing = Timing("min", 5, 1, 1.1, 1.2)
    return Trial(1, 1, arm, 0.0, 0.1, evidence=BenchmarkEvidence(timing, {"statements": 2}))


def test_a_sound_process_passes_and_keeps_its_figures() -> None:
    seen = inspect(sound(), SHIPPED)
    assert seen.trusted
    figures = {"alive", "conditions", "counts", "other_cpu", "steal", "evidence"}
    assert set(seen.gates) == figures


def test_background_load_voids_a_process() -> None:
    seen = inspect(replace(sound(), other_cpu=0.9, steal=0.5), SHIPPED)
    assert [fault.gate for fault in seen.faults] == ["other_cpu", "steal"]
    assert all(fault.retryable for fault in seen.faults)


def test_a_process_that_failed_lacks_no_count() -> None:
    died = Fault("alive", "dead", retryable=False)
    seen = inspect(replace(sound(), evidence=None, faults=(died,)), COUNTED)
    assert [fault.gate for fault in seen.faults] == ["alive"]
    assert (seen.gates["alive"], seen.gates["evidence"]) == (1.0, 0)


def test_a_count_that_is_not_reported_is_no_evidence() -> None:
    assert inspect(sound(), COUNTED).trusted
    (fault,) = inspect(altered(sound(), counts={}), COUNTED).faults
    assert (fault.gate, fault.retryable) == ("evidence", False)
    assert "plain reports no statements: set it" in fault.message
    assert 'benchmark.extra_info["statements"] = n' in fault.message


def test_what_a_process_reports_instead_of_a_count_is_named() -> None:
    (fault,) = inspect(altered(sound(), counts={"rows": 3, "pages": 1}), COUNTED).faults
    assert "plain reports no statements (it reports pages, rows): set it" in fault.message
    stored = altered(sound(), counts={}, other_info={"statements": "text ('7')"})
    (fault,) = inspect(stored, COUNTED).faults
    assert (fault.gate, fault.retryable) == ("evidence", False)
    assert fault.message == (
        "statements of plain is text ('7'), not a whole number: store one, as in "
        'benchmark.extra_info["statements"] = 7.'
    )


@pytest.mark.parametrize("arm", ["validated", "query"])
def test_a_count_is_needed_only_of_the_arm_of_its_prediction(arm: str) -> None:
    assert inspect(altered(sound(arm), counts={}), COUNTED).trusted
