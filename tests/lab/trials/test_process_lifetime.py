from __future__ import annotations

from dataclasses import replace

import pytest

from lab.errors import UsageError
from lab.hypothesis import (
    Bound,
    Comparison,
    Hypothesis,
    LoadTest,
    Prediction,
    ProcessLifetime,
    Rival,
    load,
)
from lab.trials.plan import Plan
from lab.trials.process_lifetime import choose_lifetime
from tests.lab.builders import PROJECT, claim, plan, ratio

LEVEL = Prediction("", "error_rate", Bound(at_most=1.0), arm="wide")
COUNT = Prediction(
    "", "statements", Bound(at_most=1), compare=Comparison("wide", "narrow"), count="statements"
)


def bounded(bound: Bound) -> Prediction:
    return replace(ratio(2.0), bound=bound)


def with_choice(hypothesis: Hypothesis, lifetime: ProcessLifetime | None) -> Hypothesis:
    assert isinstance(hypothesis.kind, LoadTest)
    return replace(hypothesis, kind=replace(hypothesis.kind, processes=lifetime))


@pytest.mark.parametrize(
    ("prediction", "lifetime"),
    [
        (bounded(Bound(at_least=2.5)), "kept"),
        (bounded(Bound(at_least=1.26)), "kept"),
        (bounded(Bound(at_least=1.25)), "fresh"),
        (bounded(Bound(at_most=0.8)), "fresh"),
        (bounded(Bound(at_most=0.79)), "kept"),
        (bounded(Bound(within=(0.5, 1.1))), "fresh"),
        (bounded(Bound(within=(0.5, 2.0))), "kept"),
        (LEVEL, "kept"),  # no ratio of two arms
        (COUNT, "kept"),  # exact
    ],
)
def test_a_bound_near_no_difference_makes_processes_fresh(
    prediction: Prediction, lifetime: ProcessLifetime
) -> None:
    chosen = choose_lifetime(claim(prediction), 1.25, "local")
    assert chosen is not None
    assert chosen.lifetime == lifetime
    assert plan(claim(prediction)).processes == lifetime


def test_the_bound_of_a_rival_counts_as_well() -> None:
    chosen = choose_lifetime(claim(ratio(2.5), rivals=[Rival("", ratio(1.2))]), 1.25, "local")
    assert str(chosen) == (
        "processes: all arms get fresh processes before each block, since throughput wide / narrow "
        "is predicted at least 1.2, within a factor 1.25 of no difference"
    )


def test_what_the_file_says_wins_and_a_doubtful_choice_is_named() -> None:
    far, near = claim(ratio(2.5)), claim(ratio(1.01))
    assert str(choose_lifetime(far, 1.25, "local")).endswith(
        "since no predicted ratio of two arms has a bound within a factor 1.25 of no difference"
    )
    assert str(choose_lifetime(with_choice(far, "fresh"), 1.25, "local")) == (
        "processes: all arms get fresh processes before each block, as the file says"
    )
    assert "as the file says, although throughput wide / narrow is predicted at least 1.01" in str(
        choose_lifetime(with_choice(near, "kept"), 1.25, "local")
    )
    assert plan(with_choice(near, "kept")).processes == "kept"


def test_what_runs_at_a_url_is_never_started_again() -> None:
    near = claim(ratio(1.01))
    chosen = choose_lifetime(near, 1.25, "url")
    assert chosen is not None and chosen.lifetime == "kept"
    assert "since the lab has not started what runs at a URL, although throughput" in str(chosen)
    assert choose_lifetime(claim(ratio(2.5)), 1.25, "url") == choose_lifetime(
        claim(ratio(2.5)), 1.25, "local"
    )
    with pytest.raises(UsageError, match=r"`processes: fresh` needs .* Write `processes: kept`"):
        choose_lifetime(with_choice(near, "fresh"), 1.25, "url")
    kept = choose_lifetime(with_choice(near, "kept"), 1.25, "url")
    assert kept is not None and kept.lifetime == "kept"


@pytest.mark.parametrize("name", ["fingerprint", "memory-leak"])
def test_other_kinds_have_rules_of_their_own(name: str) -> None:
    hypothesis = load(PROJECT / "hypotheses" / f"{name}.md", PROJECT)
    assert choose_lifetime(hypothesis, 1.25, "local") is None
    assert not {"processes", "databases"} & plan(hypothesis).as_dict().keys()


@pytest.mark.parametrize(("at_most", "lifetime"), [(0.5, "kept"), (0.9, "fresh")])
def test_databases_of_a_benchmark_follow_its_bounds(
    at_most: float, lifetime: ProcessLifetime
) -> None:
    hypothesis = load(PROJECT / "hypotheses" / "serializer.md", PROJECT)
    first, *others = hypothesis.predictions
    nearer = replace(first, bound=Bound(at_most=at_most))
    changed = replace(hypothesis, predictions=(nearer, *others))
    made = plan(changed)
    assert (made.databases, made.processes) == (lifetime, None)
    assert Plan.from_dict(made.as_dict()) == made
    says = {
        "kept": "databases: the arms keep their databases from block to block, since no predicted",
        "fresh": "databases: all arms get fresh databases before each block, since time plain",
    }
    assert str(choose_lifetime(changed, 1.25, "local")).startswith(says[lifetime])


def test_the_choice_is_sealed_and_older_plans_have_none() -> None:
    made = plan(claim(ratio(1.01)))
    data = made.as_dict()
    assert data["processes"] == "fresh"
    assert Plan.from_dict(data) == made
    del data["processes"]
    assert Plan.from_dict(data).processes is None
