"""Arms that are revisions of the code, as a hypothesis file names them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.hypothesis import Hypothesis, HypothesisError, loads
from lab.trials.plan import Plan, draw
from lab.trials.process_lifetime import choose_lifetime
from tests.runs import ROOT

TEXT = """\
---
question: Did this change slow checkout down?
claim: It did not.
kind: load
scenario: scenarios/checkout.py
load: {users: 4}
trial: {warmup: 1s, window: 4s}
arms:
  before: {git: main}
  after: {git: HEAD, DB_POOL_SIZE: 5}
control: before
predictions:
  - {says: not slower, measure: latency_mean, compare: after / before, at_most: 1.05}
budget: 10m
---
"""
BENCHMARK = """\
---
question: Did this change slow pricing down?
claim: It did not.
kind: benchmark
scenario: scenarios/bench_price.py
statistic: median
trial: {{window: 4s}}
arms: {}
control: before
predictions:
  - {{says: not slower, measure: time, compare: after / before, at_most: 1.05}}
rivals:
  - {{claim: noise, says: slower, measure: time, compare: before / after, at_least: 1.5}}
budget: 10m
---
"""
SOAK = """\
---
question: Does this change leak?
claim: It does not.
kind: soak
scenario: scenarios/checkout.py
load: {rate: 20, arrivals: constant}
arms:
  before: {git: main}
  after: {git: HEAD}
control: before
predictions:
  - {says: memory stays, slope: rss_bytes, compare: after - before, at_most: 1 MB/h}
---
"""
FILE = Path("hypotheses/change.md")


def read(text: str = TEXT) -> Hypothesis:
    return loads(text, FILE, ROOT)


def with_arms(before: str, after: str) -> str:
    return TEXT.replace("{git: main}", before).replace("{git: HEAD, DB_POOL_SIZE: 5}", after)


def test_an_arm_has_a_revision_and_settings() -> None:
    hypothesis = read()
    assert hypothesis.revisions == {"before": "main", "after": "HEAD"}
    assert hypothesis.arms == {"before": {}, "after": {"DB_POOL_SIZE": "5"}}
    assert hypothesis.rivals == ()


def test_a_soak_of_revisions_needs_no_rival() -> None:
    soak = read(SOAK)
    assert soak.rivals == () and soak.revisions == {"before": "main", "after": "HEAD"}


@pytest.mark.parametrize(
    "written", ["v1.2", "HEAD~3", "HEAD^", "feature/pool", "origin/main", "1234567", "1e10", "'7'"]
)
def test_names_of_revisions(written: str) -> None:
    assert read(with_arms("{git: worktree}", f"{{git: {written}}}")).revisions["after"] == (
        written.strip("'")
    )


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("{}", "{git: HEAD}", "change.md:9: the arm `before` names no revision, and others do"),
        ("{git: main}", "{git: main..HEAD}", "change.md:10: `main..HEAD` is not one revision"),
        ("{git: main}", "{git: --all}", "change.md:10: `--all` is not one revision"),
        ("{git: main}", "{git: 'HEAD:app.py'}", "`HEAD:app.py` is not one revision"),
        ("{git: main}", "{git: [a]}", "`git` is a list, not a revision"),
        ("{git: main}", "{git: true}", "`git` is `true`, not a revision"),
        ("{git: main}", "{git: ''}", "not a revision"),
        ("{git: main}", "{git: HEAD, revision: 1}", "`revision` is not the name of a setting"),
    ],
)
def test_what_is_no_revision(before: str, after: str, message: str) -> None:
    with pytest.raises(HypothesisError) as refused:
        read(with_arms(before, after))
    assert message in str(refused.value)


def test_processes_of_revisions_cannot_be_kept() -> None:
    with pytest.raises(HypothesisError, match="the processes of revisions cannot be kept"):
        read(TEXT.replace("budget:", "processes: kept\nbudget:"))


def test_processes_of_revisions_are_fresh_whatever_the_bounds() -> None:
    chosen = choose_lifetime(read(TEXT.replace("1.05", "3")), 1.25, "local")
    assert chosen is not None
    assert (chosen.lifetime, chosen.reason) == ("fresh", "since its arms are revisions of the code")


def test_without_revisions_there_must_be_a_rival() -> None:
    with pytest.raises(HypothesisError, match="the front matter has no `rivals`"):
        read(with_arms("{DB_POOL_SIZE: 1}", "{DB_POOL_SIZE: 2}"))


def test_revisions_belong_to_the_claim() -> None:
    other = read(with_arms("{git: v1}", "{git: HEAD, DB_POOL_SIZE: 5}"))
    assert other.claim_digest != read().claim_digest


@pytest.mark.parametrize(
    ("arms", "belongs"),
    [
        ("{before: {git: main}, after: {git: HEAD}}", False),
        ("{before: {SIZE: 1}, after: {SIZE: 2}}", True),
    ],
    ids=["revisions", "settings"],
)
def test_the_code_that_revisions_measure_is_no_part_of_a_benchmarks_claim(
    tmp_path: Path, arms: str, belongs: bool
) -> None:
    files = {
        "scenarios/bench_price.py": "import common, os\nimport shop\nos.environ.get('SIZE')\n"
        "def test_price(benchmark):\n    benchmark(shop.price)\n",
        "scenarios/common.py": "",
        "shop.py": "def price(): ...\n",
        "conftest.py": "",
    }
    for name, code in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    text = BENCHMARK.format(arms)

    def claim() -> Hypothesis:
        return loads(text, FILE, tmp_path)

    first = claim()
    for name in ("shop.py", "conftest.py"):
        (tmp_path / name).write_text("edited = True\n")
        assert (claim().claim_digest != first.claim_digest) == belongs
        assert claim().scenario_digest == first.scenario_digest
    (tmp_path / "scenarios" / "common.py").write_text("edited = True\n")
    assert claim().claim_digest != first.claim_digest
    assert claim().scenario_digest != first.scenario_digest


def test_a_plan_is_sealed_with_commits_and_reads_them_back() -> None:
    plan = replace(draw(read(), 1, "local"), revisions={"before": "a" * 40, "after": "b" * 40})
    assert plan.processes == "fresh"
    assert Plan.from_dict(plan.as_dict()) == plan
    assert "revisions" not in replace(plan, revisions={}).as_dict()
