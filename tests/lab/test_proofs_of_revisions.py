"""What the proofs of revisions and of certificates plant and count."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.exit_codes import exit_code_of_verdict
from lab.hypothesis import LoadTest, loads
from tests.proof import certificates, record, revisions
from tests.proof.revision_effects import median_ratio, of_function
from tests.repositories import git
from tests.revision_shop import KINDS, Change, make_shop
from tests.runs import ROOT

SUBJECTS = (revisions.SERVICE, revisions.FUNCTION)
HEADS = ("---", "+++")


@pytest.fixture(params=SUBJECTS, ids=["service", "function"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, list[Change]]]:
    yield tmp_path, make_shop(tmp_path, request.param.work, 2)


def test_commits_are_of_each_kind_in_turn_and_follow_each_other(
    shop: tuple[Path, list[Change]],
) -> None:
    folder, changes = shop
    assert [change.kind for change in changes] == [*KINDS, *KINDS]
    for change in changes:
        assert git(folder, "rev-parse", f"{change.after}^") == change.before
    assert git(folder, "rev-parse", "HEAD") == changes[-1].after


def test_a_commit_changes_nothing_but_remarks_or_one_number(
    shop: tuple[Path, list[Change]],
) -> None:
    folder, changes = shop
    for change in changes:
        text = git(folder, "diff", "--unified=0", change.before, change.after, "--", "shop")
        lines = [line for line in text.splitlines() if line[:1] in "+-" and line[:3] not in HEADS]
        if change.kind == "docs":
            assert [line[:10] for line in lines] == ["+# remark "]
        else:
            assert [line[0] for line in lines] == ["-", "+"]


def test_a_fast_commit_takes_back_what_a_slow_one_added(shop: tuple[Path, list[Change]]) -> None:
    folder, changes = shop
    by_kind = {change.kind: change for change in changes[:3]}
    before, after = by_kind["slower"].before, by_kind["faster"].after
    assert git(folder, "diff", before, after, "--", "shop") == ""


def test_the_effect_of_a_function_is_measured_apart(tmp_path: Path) -> None:
    make_shop(tmp_path, revisions.FUNCTION.work, 1)
    twice = revisions.FUNCTION.work._replace(more=2 * revisions.FUNCTION.work.usual)
    ratio, low, high = of_function(tmp_path, twice, rounds=200)
    assert 1.5 < low <= ratio <= high < 2.7


def test_the_interval_of_a_median_holds_it() -> None:
    rounds = [{"usual": 1.0, "more": 1 + n / 100} for n in range(101)]
    median, low, high = median_ratio(rounds)
    assert median == 1.5
    assert 1.38 < low < 1.42 < 1.58 < high < 1.62, "order statistics 40 and 60"
    assert median_ratio(rounds[:1]) == [1.0, 1.0, 1.0]


def of(verdicts: str) -> list[dict[str, Any]]:
    names = {letter: name for name, letter in revisions.LETTERS.items()}
    return [
        {"verdict": name, "elapsed_s": 300.0, "code": exit_code_of_verdict(name, "CONFIRMED")}
        for name in map(names.__getitem__, verdicts)
    ]


@pytest.mark.parametrize(
    ("docs", "slower", "faster", "holds"),
    [
        ("CCCCCCCC", "RRRRRRRR", "CCCCCCCC", True),
        ("CCCCCCCI", "RRRRRRRV", "CCCCCCCR", True),
        ("CCCCCCII", "RRRRRRRR", "CCCCCCCC", False),
        ("CCCCCCCR", "RRRRRRRR", "CCCCCCCC", False),
        ("CCCCCCCC", "RRRRRRRC", "CCCCCCCC", False),
        ("CCCCCCCC", "RRRRRRII", "CCCCCCCC", False),
        ("CCCCCCCC", "RRRRRRRR", "CCCCCCII", False),
    ],
)
def test_what_has_to_hold(docs: str, slower: str, faster: str, holds: bool) -> None:
    found = {"docs": of(docs), "slower": of(slower), "faster": of(faster)}
    assert revisions._holds(found) is holds


def test_a_run_without_a_verdict_or_beyond_its_time_does_not_hold() -> None:
    found = {"docs": of("CC"), "slower": of("RR"), "faster": of("CC")}
    assert revisions._holds(found)
    assert not revisions._holds({**found, "slower": [{"code": 4, "said": "no"}, *of("R")]})
    assert not revisions._holds({**found, "docs": [{**of("C")[0], "elapsed_s": 601}] * 2})


def test_a_run_whose_exit_code_is_not_that_of_its_verdict_does_not_hold() -> None:
    found = {"docs": of("CC"), "slower": of("RR"), "faster": of("CC")}
    for kind, code in (("docs", 1), ("slower", 0), ("faster", 4)):
        wrong = [{**found[kind][0], "code": code}, found[kind][1]]
        assert not revisions._holds({**found, kind: wrong}), kind


@pytest.mark.parametrize(("effect", "as_meant"), [(1.08, True), (1.085, True), (1.095, False)])
def test_an_effect_that_is_not_as_meant_does_not_hold(effect: float, as_meant: bool) -> None:
    assert revisions._is_as_meant(revisions.SERVICE, [effect, effect, effect]) is as_meant


@pytest.mark.parametrize(("effect", "runs"), [(1.03, 8), (1.2, 0)])
def test_commits_are_compared_only_if_their_effect_is_as_meant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, effect: float, runs: int
) -> None:
    monkeypatch.setattr(record, "STATE", tmp_path)
    monkeypatch.delenv("PROOF_RUNS", raising=False)
    monkeypatch.setattr(revisions, "_diff", lambda *_: {"code": 4, "said": "no"})
    subject = revisions.FUNCTION._replace(effect_of=lambda *_: [effect, effect, effect])
    measured, found = revisions._compare_all(subject, record.Steps("revisions"))
    assert [len(each) for each in found.values()] == [runs, runs, runs]
    text = "\n".join(revisions._lines(subject, measured, found))
    assert f"time of a call {effect:.3f} times that before" in text
    assert ("so no commits were compared" in text) == (not runs)


def test_the_table_shows_what_was_planted_and_what_was_found() -> None:
    found = {"docs": of("CC"), "slower": of("RI"), "faster": of("CC")}
    lines = "\n".join(revisions._lines(revisions.FUNCTION, [1.031, 1.03, 1.032], found))
    assert "time of a call 1.031 times that before (1.030 to 1.032)" in lines
    assert "| COLUMNS from 1000 to 1031 | not slower than 1% | RI |" in lines


CERTIFIED: dict[str, dict[str, Any]] = {
    "latency_mean": {"smallest": 0.05, "noise": {"deviation": 0.03}, "false_alarms": 0.01},
    "throughput": {"smallest": 0.04, "noise": {"deviation": 0.02}, "false_alarms": 0.01},
}


@pytest.mark.parametrize("length", [certificates.CERTIFIED, certificates.SHORT])
def test_effects_are_planted_beyond_equal_arms_and_short_of_them(
    length: certificates.Length,
) -> None:
    bounds: list[Sequence[str]] = []
    for number in range(2):
        effects = certificates._planted(CERTIFIED, number)
        text = certificates.equal_arms(effects, length)
        hypothesis = loads(text, Path("equal.md"), ROOT)
        assert isinstance(hypothesis.kind, LoadTest)
        assert hypothesis.kind.processes == "fresh"
        bounds.append([each.bound_words for each in hypothesis.predictions])
    assert bounds[0] == ["at most 1.05", "at least 0.961538"]
    assert bounds[1] == ["at most 0.952381", "at least 1.04"]


def test_equal_noise_gives_the_same_smallest_effect() -> None:
    latency = CERTIFIED["latency_mean"]
    runs = [{"log_ratios": [0.03, -0.03, 0.03, -0.03, 0.0]}]
    assert certificates._smallest_again(latency, runs) == pytest.approx(0.05)
    noisy = [{"log_ratios": [2 * each for each in runs[0]["log_ratios"]]}]
    assert certificates._smallest_again(latency, noisy) == pytest.approx(1.05**2 - 1)
