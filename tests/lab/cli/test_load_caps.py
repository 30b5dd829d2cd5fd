"""A load of more than the cap is refused, and `lab.toml` raises the cap."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli.load_caps import refuse_over_caps
from lab.hypothesis import ClosedLoad, Hypothesis, HypothesisError, OpenLoad, Stage, load
from lab.system import SafetySpec
from tests.lab.builders import PROJECT, SHIPPED, plan, with_load

FILE = Path("hypotheses/x.md")


def refusal(hypothesis: Hypothesis, safety: SafetySpec, length_s: float | None = None) -> str:
    made = replace(plan(hypothesis), length_s=length_s)
    with pytest.raises(HypothesisError) as refused:
        refuse_over_caps(hypothesis, FILE, made, safety)
    assert refused.value.line is not None
    return str(refused.value)


def accepted(hypothesis: Hypothesis, safety: SafetySpec) -> bool:
    refuse_over_caps(hypothesis, FILE, plan(hypothesis), safety)
    return True


@pytest.mark.parametrize(
    ("load", "words", "raised"),
    [
        (
            ClosedLoad(1001),
            "a load of 1,001 users is more than the cap of 1,000",
            {"max_users": 1001},
        ),
        (
            OpenLoad("poisson", (Stage(None, 10.0, 6000.0, 5.0),)),
            "a load of 6,000 arrivals a second is more than the cap of 5,000",
            {"max_rate": 6000.0},
        ),
        (
            OpenLoad("poisson", (Stage(None, 10.0, 10.0, 5.0),), max_users=2000),
            "a load of 2,000 users at once is more than the cap of 1,000",
            {"max_users": 2000},
        ),
    ],
)
def test_users_and_rates_have_caps(
    load: ClosedLoad | OpenLoad, words: str, raised: dict[str, float]
) -> None:
    hypothesis = with_load(SHIPPED, load)
    text = refusal(hypothesis, SafetySpec())
    assert words in text
    assert f"write a higher `{next(iter(raised))}` into [safety] of lab.toml" in text
    assert accepted(hypothesis, SafetySpec(**raised))  # type: ignore[arg-type]
    assert accepted(with_load(SHIPPED, ClosedLoad(1000)), SafetySpec())


def test_a_file_can_lower_a_cap() -> None:
    assert "cap of 3." in refusal(with_load(SHIPPED, ClosedLoad(4)), SafetySpec(max_users=3))


def test_a_run_may_not_take_too_long() -> None:
    text = refusal(SHIPPED, SafetySpec(max_time_s=60.0))
    assert "is more than the cap of 1:00" in text
    soak = load(PROJECT / "hypotheses" / "memory-leak.md", PROJECT)
    assert accepted(soak, SafetySpec())
    text = refusal(soak, SafetySpec(), length_s=25 * 3600.0)
    assert "a run of 25:00:00 is more than the cap of 24:00:00" in text


def test_a_benchmark_loads_nothing() -> None:
    hypothesis = load(PROJECT / "hypotheses" / "serializer.md", PROJECT)
    assert accepted(hypothesis, SafetySpec(max_time_s=1.0))
