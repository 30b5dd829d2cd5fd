"""A hypothesis file: what a good one means, and what each broken one is told."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab import hypothesis as room
from lab.hypothesis import (
    Bound,
    ClosedLoad,
    Comparison,
    HypothesisError,
    LoadTest,
    Measure,
    MetricRate,
    MetricRatio,
    SoakTest,
    ValueRange,
)
from lab.input_files.text_file import MAX_BYTES

BROKEN = Path(__file__).parent / "broken"
GOOD = """\
---
question: Why does checkout slow to a crawl at 50 shoppers while the CPU idles?
claim: Requests wait for a database connection, held open while pricing is asked.
kind: load
scenario: scenarios/checkout.py
load: {users: 50}
trial: {warmup: 1s, window: 4s}
arms:
  narrow: {DB_POOL_SIZE: 5}
  wide: {DB_POOL_SIZE: 20}
  short-hold: {DB_POOL_SIZE: 5, PRICING_INSIDE_TRANSACTION: false}
  more-pricing: {DB_POOL_SIZE: 5, PRICING_CAPACITY: 200}
control: narrow
measures:
  pool_wait_share: {ratio: ['db_pool_wait_seconds_sum', 'http_request_duration_seconds_sum{route="/orders"}']}
allow: {error_rate: 0.0}
predictions:
  - says: four times the pool gives at least 2.5 times the throughput
    measure: throughput
    compare: wide / narrow
    at_least: 2.5
  - says: so does giving the connection back before pricing is asked
    measure: throughput
    compare: short-hold / narrow
    at_least: 2.5
  - says: most of a request is spent waiting for a connection
    measure: pool_wait_share
    arm: narrow
    at_least: 0.7
rivals:
  - claim: pricing itself is too narrow
    says: if so, more pricing capacity helps while the pool stays narrow
    measure: throughput
    compare: more-pricing / narrow
    at_least: 1.2
budget: 5m
---
## Mechanism
A connection is held while pricing is asked, so five shoppers at a time are served.
"""  # noqa: E501

# file: the line that is wrong, and how the problem begins
MANIFEST = {
    "no-front-matter": (1, "there is no front matter"),
    "unclosed-front-matter": (1, "the front matter is never closed"),
    "empty-front-matter": (1, "the front matter is empty"),
    "list-front-matter": (2, "the front matter is not made of keys"),
    "second-document": (13, "there is a second document in the front matter"),
    "unclosed-quote": (4, "a quote that opens here is closed only in line"),
    "unclosed-group": (6, "the group `{` that opens here is not closed or"),
    "unclosed-list": (15, "the list `[` that opens here is not closed or"),
    "colon-in-text": (3, "there is a colon where no key can end"),
    "tab-indent": (9, "there is a character that cannot begin a value"),
    "wrong-indent": (19, "this line does not fit the lines above it"),
    "no-colon": (36, "this line is not of the form `key: value`"),
    "backtick-value": (13, "there is a character that cannot begin a value"),
    "stray-bracket": (36, "there is a bracket or a comma where a value"),
    "duplicate-key": (37, "the key `kind` stands here a second time"),
    "duplicate-arm": (10, "the key `narrow` stands here a second time"),
    "key-on": (16, "the key `on` is not text, but a number or a"),
    "key-yes": (10, "the key `yes` is not text, but a number or a"),
    "key-number": (10, "the key `20` is not text, but a number or a"),
    "complex-key": (13, "a key is a list or a group"),
    "doubtful-truth": (11, "`PRICING_INSIDE_TRANSACTION` is `off`, which is"),
    "anchor": (9, "there is a reference (`&` or `*`) named `base`"),
    "merge-key": (10, "there is a merge key `<<`"),
    "tag": (2, "there is a type mark"),
    "bomb": (37, "there is a reference (`&` or `*`) named `a`"),
    "too-deep": (6, "this is nested too deep"),
    "unknown-key": (13, "unknown key `contrl`"),
    "unknown-key-in-prediction": (29, "unknown key `atleast`"),
    "missing-question": (2, "the front matter has no `question`"),
    "missing-rivals": (2, "the front matter has no `rivals`"),
    "missing-window": (7, "`trial` has no `window`"),
    "missing-measure": (26, "item 3 of predictions has none of measure, count, slope"),
    "empty-claim": (3, "`claim` is empty"),
    "blank-says": (26, "`says` is empty"),
    "number-for-text": (31, "`claim` is `42`, not text"),
    "no-rival": (30, "`rivals` is empty"),
    "no-prediction": (17, "`predictions` is empty"),
    "predictions-not-a-list": (17, "`predictions` is a group of keys, not a list"),
    "slope-without-unit": (22, "the bound of a slope has no unit"),
    "slope-wrong-unit": (22, "`at_least` is `100 MiB/h`, not a number, or a growth with its unit"),
    "growth-of-measure": (22, "a growth bounds a slope, not a measure"),
    "slope-and-measure": (21, "`measure` stands beside `slope`"),
    "slopes-as-ratio": (21, "slopes are compared by their difference"),
    "soak-of-users": (6, "a soak loads its arms at one rate"),
    "soak-of-stages": (6, "a soak loads its arms at one rate"),
    "soak-few-pairs": (22, "this needs 4 blocks or more, and the soak has 2"),
    "soak-at": (22, "a slope is of the whole soak"),
    "exhaustion-limit": (16, "`limit` is `0 MB`, not an amount above 0"),
    "slope-of-none": (22, "no time is enough to tell a slope from one of exactly 0"),
    "slope-other-unit": (26, "`idempotency_records` is not counted in MB"),
    "crash-in-load": (16, "unknown key `crash`"),
    "crash-not-truth": (17, "`crash` is `1`, not true or false"),
    "soak-budget": (8, "unknown key `budget`"),
    "slope-in-load": (19, "a slope is measured by a soak only"),
    "difference-of-measures": (20, "measures are compared by their ratio"),
    "length-in-load": (37, "unknown key `length`"),
    "soak-trial": (7, "unknown key `trial`"),
    "kind-unknown": (4, "unknown kind `laod`"),
    "users-zero": (6, "`users` is 0"),
    "users-many": (6, "`users` is 10001"),
    "users-text": (6, "`users` is `fifty`, not a whole number"),
    "users-truth": (6, "`users` is `true`, not a whole number"),
    "users-fraction": (6, "`users` is `50.5`, not a whole number"),
    "arrivals-unknown": (6, "unknown arrivals `bursty`"),
    "stage-rates": (6, "`rate` is 50000 a second"),
    "stage-twice": (6, "the stage `calm` stands here a second time"),
    "stage-name": (6, "`Spike 1` is not the name of a stage"),
    "stage-short": (6, "the stage is shorter than a second"),
    "stages-empty": (6, "the `stages` bring no arrival at all"),
    "stages-silent": (6, "the `stages` bring no arrival at all"),
    "stages-window": (7, "the `window` is 8s, but the stages take 10s"),
    "ramp-three": (6, "`rate` needs two ends, not 3"),
    "arrivals-missing": (6, "`load` has no `arrivals`"),
    "most-users-none": (6, "`most_users` is 0"),
    "rate-zero": (6, "`rate` is 0 a second"),
    "unsent-share": (16, "`unsent` is 2, not a share"),
    "unsent-closed": (16, "a load of `users` has no arrivals that could go unsent"),
    "during-thin": (29, "about 400 arrivals are due in `spike`, and latency_p99 takes 1000"),
    "during-silent": (29, "about 0 arrivals are due in `spike`, and error_rate takes 1"),
    "recovery-thin": (29, "about 15 arrivals are due in the stage before `spike`"),
    "recovery-silent": (30, "nothing is due in the 3s after `spike`"),
    "during-unknown": (29, "there is no stage `spikes`"),
    "during-closed": (29, "the load has no named stages"),
    "during-process": (29, "`cpu` is measured over the whole window only"),
    "recovery-of-nothing": (27, "`recovery` needs the stage that it is a recovery from"),
    "recovery-first": (29, "there is no stage before `calm`"),
    "recovery-unseen": (30, "`spike` is followed by 5s only"),
    "recovery-compared": (27, "`recovery` cannot be compared as a ratio, since it may be 0"),
    "load-both": (6, "`rate` stands beside `users`"),
    "window-short": (7, "the `window` is shorter than a second"),
    "duration-without-unit": (7, "`warmup` is `1`, not a duration"),
    "duration-unknown-unit": (36, "`budget` is `5 minutes`, not a duration"),
    "budget-short": (36, "the budget is 79s, but 4 blocks of 4 arms take"),
    "budget-endless": (36, "`budget` is longer than seven days"),
    "scenario-missing": (5, "there is no scenario `scenarios/chekout.py`"),
    "scenario-absolute": (5, "the scenario `/etc/scenarios/checkout.py` is"),
    "scenario-outside": (5, "the scenario `scenarios/../../checkout.py` is"),
    "scenario-elsewhere": (5, "the scenario `lab/checkout.py` is not a Python"),
    "scenario-not-python": (5, "the scenario `scenarios/checkout.sh` is not a"),
    "scenario-link-outside": (5, "the scenario `scenarios/link.py` is a link that"),
    "one-arm": (8, "there are fewer than two arms"),
    "arm-name": (11, "`Short_Hold` is not the name of an arm"),
    "arm-empty": (10, "`wide` is empty, not a group of keys"),
    "arm-unused": (13, "no prediction and no rival uses the arm `wider`"),
    "control-unknown": (13, "the control `narow` is not an arm"),
    "setting-name": (10, "`db_pool_size` is not the name of a setting"),
    "setting-list": (10, "`DB_POOL_SIZE` is not a single value"),
    "setting-empty": (10, "`DB_POOL_SIZE` is not a single value"),
    "setting-preload": (10, "`LD_PRELOAD` changes how a process is loaded"),
    "setting-pythonpath": (10, "`PYTHONPATH` changes how a process is loaded"),
    "setting-path": (10, "`PATH` changes how a process is loaded"),
    "setting-gconv": (10, "`GCONV_PATH` changes how a process is loaded"),
    "setting-malloc": (10, "`MALLOC_CONF` changes how a process is loaded"),
    "setting-of-the-lab": (13, "`DATABASE_URL` is set by the lab itself, per arm"),
    "measure-built-in": (15, "`throughput` is a built-in measure"),
    "measure-name": (15, "`Pool-Wait` is not the name of a measure"),
    "measure-both": (15, "`ratio` stands beside `rate`"),
    "measure-neither": (15, "`pool_wait_share` has none of ratio, rate"),
    "ratio-of-one": (15, "`ratio` needs two metrics, not 1"),
    "metric-name": (15, "`db-pool-wait` is not the name of a metric"),
    "metric-labels": (15, "the labels of"),
    "allow-share": (16, "`error_rate` is 5, not a share"),
    "limit-share": (36, "`target_cpu` is 90, not a share"),
    "measure-unknown": (19, "unknown measure `thruput`"),
    "quantile-100": (19, "unknown measure `latency_p100`"),
    "measure-words": (19, "`the throughput` is not the name of a measure"),
    "cpu-of-request": (27, "`cpu` cannot be taken of one request"),
    "arm-unknown": (20, "there is no arm `wyde`"),
    "compare-itself": (20, "an arm is compared with itself"),
    "compare-three": (20, "`wide / narrow / short-hold` does not compare"),
    "arm-and-compare": (29, "`compare` stands beside `arm`"),
    "neither-arm-nor-compare": (26, "item 3 of predictions has none of arm, compare"),
    "two-bounds": (30, "`at_most` stands beside `at_least`"),
    "no-bound": (26, "item 3 of predictions has none of at_least,"),
    "bound-text": (29, "`at_least` is `most`, not a number"),
    "bound-nan": (29, "`at_least` is `.nan`, which is not a finite"),
    "bound-infinite": (29, "`at_most` is `1e999`, which is not a finite"),
    "bound-negative": (29, "no pool_wait_share of narrow can be at most -0.7"),
    "within-reversed": (29, "nothing lies within 0.9 to 0.7"),
    "within-one": (29, "`within` needs two numbers, not 1"),
    "ratio-zero": (21, "every throughput of wide / narrow is at least 0"),
    "ratio-never": (21, "no throughput of wide / narrow can be at most 0"),
    "ratio-within-zero": (21, "a bound within 0 to 1.5 goes beyond what"),
    "latency-never": (29, "no latency_p99 of narrow can be at most 0"),
    "errors-always": (29, "every error_rate of narrow is at most 1"),
    "errors-never": (29, "no error_rate of narrow can be at least 5"),
    "errors-compared": (19, "shares (error rate) cannot be compared as a ratio,"),
    "throttled-compared": (19, "shares (throttled) cannot be compared as a ratio,"),
    "prediction-twice": (21, "this predicts the same as line 17"),
    "prediction-twice-mirrored": (21, "this predicts the same as line 17"),
    "predictions-clash": (21, "this can never hold together with line 17"),
    "rival-supported": (30, "the predictions of throughput of wide / narrow"),
    "rival-contradicted": (30, "the predictions of throughput of wide / narrow"),
    "rival-mirrored": (30, "the predictions of throughput of narrow / wide"),
    "rival-between": (29, "the predictions of throughput of wide / narrow"),
    "sweep-too-short": (6, "a sweep over 3 levels shows no curve"),
    "sweep-not-rising": (6, "the level 4 does not lie above the one before it, 8"),
    "sweep-twice": (6, "the level 4 does not lie above the one before it, 4"),
    "sweep-rate-zero": (6, "a level of the sweep is 0"),
    "sweep-without-at": (17, "there is no telling at which level throughput is meant"),
    "sweep-budget": (27, "the budget is 2m, but 4 blocks of 7 trials take 140s"),
    "at-unknown-level": (19, "the load has no level 48"),
    "at-without-sweep": (29, "the load has no level 50"),
    "knee-without-sweep": (14, "`peak_throughput` is of a sweep"),
    "knee-at": (15, "`peak_throughput` is of all levels together"),
    "peak-beyond-sweep": (26, "every peak of five is at most 60"),
    "bench-load": (7, "unknown key `load`"),
    "bench-file": (5, "the scenario `scenarios/checkout.py` is not a benchmark file"),
    "bench-function": (5, "`page` is not the name of a benchmark"),
    "bench-params-two": (6, "`params` has 2 entries"),
    "bench-params-one": (6, "`depth` has fewer than two values"),
    "bench-params-order": (6, "100 comes after 1000"),
    "bench-params-negative": (6, "-1 is no size"),
    "bench-statistic": (7, "unknown statistic `mean`"),
    "bench-database": (8, "`database` is `postgres`, not true or false"),
    "bench-warmup": (8, "a benchmark has no `warmup`"),
    "bench-window": (8, "the `window` of a benchmark's process is 0.005s"),
    "bench-measure": (15, "`throughput` is no measure of a benchmark"),
    "bench-growth": (17, "unknown growth `cubic`"),
    "bench-growth-bound": (18, "`at_most` stands beside `grows`"),
    "bench-growth-compare": (16, "growth is of one arm"),
    "bench-growth-count": (17, "growth is of time; a count is exact"),
    "bench-growth-at": (18, "growth is over all sizes"),
    "bench-growth-sizes": (17, "growth cannot be told from 3 sizes"),
    "bench-growth-span": (17, "sizes from 1000 to 10000 span 10-fold, too little"),
    "bench-count-compare": (20, "counts are not compared as a ratio"),
    "bench-count-name": (19, "`SQL statements` is not the name of a count"),
    "bench-count-measure": (19, "`time` is a measure, not a count"),
    "bench-count-and-measure": (20, "`measure` stands beside `count`"),
    "bench-level": (21, "the benchmark has no level 5000"),
    "bench-level-missing": (19, "there is no telling at which level sql_statements is meant"),
    "bench-budget": (30, "the budget is 10s, but 4 blocks of 30 trials take 18s"),
    "bench-pytest": (10, "`PYTEST_PLUGINS` changes how a process is loaded"),
    "load-grows": (21, "a load has no sizes to grow with"),
    "load-count": (27, "a load has no exact counts"),
    "load-time": (19, "`time` is no measure of a load"),
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one scenario, one that is a link to elsewhere, and the good hypothesis."""
    folder = tmp_path / "project"
    for name in ("hypotheses", "scenarios"):
        (folder / name).mkdir(parents=True)
    for name in ("checkout", "bench_pagination"):
        (folder / "scenarios" / f"{name}.py").touch()
    (tmp_path / "elsewhere.py").touch()
    (folder / "scenarios" / "link.py").symlink_to(tmp_path / "elsewhere.py")
    (folder / "hypotheses" / "pool-exhaustion.md").write_text(GOOD)
    return folder


def test_a_scenario_that_is_no_text_is_told(project: Path) -> None:
    (project / "scenarios" / "checkout.py").write_bytes(b"\xff\xfe")
    with pytest.raises(HypothesisError, match=r"checkout.py: this is not UTF-8 .*Save it as UTF-8"):
        room.load(project / "hypotheses" / "pool-exhaustion.md", project)


def edited(project: Path, old: str, new: str) -> room.Hypothesis:
    assert old in GOOD
    return room.loads(GOOD.replace(old, new), Path("pool-exhaustion.md"), project)


def test_a_good_file_means_what_it_says(project: Path) -> None:
    claim = room.load(room.find("pool-exhaustion", project), project)
    assert claim.name == "pool-exhaustion"
    assert claim.question.startswith("Why does checkout slow")
    assert claim.claim.startswith("Requests wait")
    assert claim.scenario == "scenarios/checkout.py"
    assert claim.kind == LoadTest(ClosedLoad(users=50), warmup_s=1.0, window_s=4.0, budget_s=300.0)
    assert claim.settings == {}
    assert claim.arms == {
        "narrow": {"DB_POOL_SIZE": "5"},
        "wide": {"DB_POOL_SIZE": "20"},
        "short-hold": {"DB_POOL_SIZE": "5", "PRICING_INSIDE_TRANSACTION": "false"},
        "more-pricing": {"DB_POOL_SIZE": "5", "PRICING_CAPACITY": "200"},
    }
    assert claim.control == "narrow"
    assert claim.measures == {
        "pool_wait_share": MetricRatio(
            "db_pool_wait_seconds_sum", 'http_request_duration_seconds_sum{route="/orders"}'
        )
    }
    assert claim.allow.error_rate == 0.0
    assert claim.limits.target_cpu is None
    assert [str(p.compare or p.arm) for p in claim.predictions] == [
        "wide / narrow",
        "short-hold / narrow",
        "narrow",
    ]
    assert [p.bound for p in claim.predictions] == [Bound(2.5), Bound(2.5), Bound(0.7)]
    (rival,) = claim.rivals
    assert rival.claim == "pricing itself is too narrow"
    assert rival.prediction.compare == Comparison("more-pricing", "narrow")
    assert claim.prose.startswith("## Mechanism")
    assert claim.text == GOOD


def test_settings_and_limits_and_rates(project: Path) -> None:
    claim = edited(
        project,
        "allow: {error_rate: 0.0}",
        """  waits: {rate: db_pool_waits_total}
settings: {DB_POOL_SIZE: 7, GREETING: '', RATIO: 1.50, SINCE: 2020-01-01, DEBUG: True}
limits: {target_cpu: 0.8}""",
    )
    common = {"GREETING": "", "RATIO": "1.50", "SINCE": "2020-01-01", "DEBUG": "true"}
    assert claim.settings == {"DB_POOL_SIZE": "7", **common}
    assert claim.arms["wide"] == {"DB_POOL_SIZE": "20", **common}
    assert claim.measures["waits"] == MetricRate("db_pool_waits_total")
    assert claim.limits.target_cpu == 0.8


def test_the_copy_of_a_run_outlives_its_scenario(project: Path) -> None:
    claim = edited(project, "## Mechanism", "## Mechanism")
    (project / claim.scenario).unlink()
    copy = project / "hypothesis.md"
    again = room.loads(claim.text, copy, project, name=claim.name, sealed=True)
    assert again == replace(claim, claim_digest=again.claim_digest)
    assert again.claim_digest != claim.claim_digest  # the load's code is part of that seal
    with pytest.raises(HypothesisError, match="there is no scenario"):
        room.loads(claim.text, copy, project, name=claim.name)


def test_equal_arms_may_be_compared(project: Path) -> None:
    assert edited(project, "wide: {DB_POOL_SIZE: 20}", "wide: {DB_POOL_SIZE: 5}")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("1500ms", 1.5), ("2s", 2.0), ("1.5 s", 1.5), ("0.05m", 3.0), ("'2s'", 2.0)],
)
def test_durations(project: Path, written: str, seconds: float) -> None:
    test = edited(project, "window: 4s", f"window: {written}").kind
    assert isinstance(test, LoadTest)
    assert test.window_s == seconds


def test_an_edit_of_the_prose_leaves_the_claim_sealed(project: Path) -> None:
    before = edited(project, "## Mechanism", "## Mechanism")
    for old, new in (
        ("## Mechanism", "## The mechanism"),
        ("budget: 5m", "budget: 6m"),
        ("idles?", "idles today?"),
        ("says: four times", "says: 4 times"),
        ("at_least: 2.5", "at_least: 2.50"),
    ):
        after = edited(project, old, new)
        assert after.digest != before.digest
        assert after.claim_digest == before.claim_digest


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("at_least: 1.2", "at_least: 1.3"),
        ("at_least: 0.7", "at_most: 0.7"),
        ("users: 50", "users: 51"),
        ("window: 4s", "window: 5s"),
        ("DB_POOL_SIZE: 20", "DB_POOL_SIZE: 21"),
        ("control: narrow", "control: wide"),
        ("error_rate: 0.0", "error_rate: 0.1"),
        ("db_pool_wait_seconds_sum", "db_pool_wait_seconds_total"),
        ("budget: 5m", "limits: {target_cpu: 0.9}\nbudget: 5m"),
    ],
)
def test_an_edit_of_what_decides_breaks_both_seals(project: Path, old: str, new: str) -> None:
    before = edited(project, "## Mechanism", "## Mechanism")
    after = edited(project, old, new)
    assert after.digest != before.digest
    assert after.claim_digest != before.claim_digest


def test_line_ends_do_not_count(project: Path) -> None:
    path = project / "hypotheses" / "pool-exhaustion.md"
    before = room.load(path, project)
    path.write_bytes(b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert room.load(path, project) == before
    assert before.digest.startswith("sha256:")


def test_the_first_problem_of_several_is_told(project: Path) -> None:
    text = GOOD.replace("budget: 5m", "budget: 5").replace("users: 50", "users: 0")
    with pytest.raises(HypothesisError) as caught:
        room.loads(text, Path("pool-exhaustion.md"), project)
    assert caught.value.line == 6


def test_every_broken_file_is_expected() -> None:
    assert {path.stem for path in BROKEN.glob("*.md")} == set(MANIFEST)


@pytest.mark.parametrize("name", MANIFEST)
def test_a_broken_file_gets_one_clear_message(project: Path, name: str) -> None:
    path = BROKEN / f"{name}.md"
    line, problem = MANIFEST[name]
    started = time.monotonic()
    with pytest.raises(HypothesisError) as caught:
        room.load(path, project)
    assert time.monotonic() - started < 1.0
    error = caught.value
    assert (error.path, error.line) == (path, line)
    assert error.problem.startswith(problem)
    assert error.remedy.endswith((".", "?"))
    assert str(error) == f"{path}:{line}: {error.problem}. {error.remedy}"
    assert "\n" not in str(error)
    assert error.__cause__ is None


@pytest.mark.parametrize(
    ("data", "line", "problem"),
    [
        (b"", 1, "there is no front matter"),
        (b"---\nquestion: caf\xe9\n---\n", 2, "this is not UTF-8 text"),
        (b"---\nquestion: a\0b\n---\n", 2, "there is an unprintable character (U+0000)"),
        (b'---\nquestion: "a\\0b"\n---\n', 2, "`question` holds an unprintable character"),
        (b"\x7fELF\x02\x01\x01\x00", 1, "there is an unprintable character"),
        (b"---\n" + b"x" * MAX_BYTES, None, "the file is larger than 256 KiB"),
    ],
)
def test_what_is_not_text_is_refused(
    project: Path, data: bytes, line: int | None, problem: str
) -> None:
    path = project / "hypotheses" / "odd.md"
    path.write_bytes(data)
    with pytest.raises(HypothesisError) as caught:
        room.load(path, project)
    assert caught.value.line == line
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize("name", ["missing.md", "folder.md", "With Space.md"])
def test_a_file_that_is_none_is_refused(project: Path, name: str) -> None:
    path = project / "hypotheses" / name
    if name == "folder.md":
        path.mkdir()
    elif name != "missing.md":
        path.write_text(GOOD)
    with pytest.raises(HypothesisError):
        room.load(path, project)


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("pool-exhaustoin", "Did you mean `pool-exhaustion`?"),
        ("hypotheses/pool-exhaustion.md", "Did you mean `pool-exhaustion`?"),
        ("../../etc/passwd", "It can be: pool-exhaustion."),
        ("", "It can be: pool-exhaustion."),
    ],
)
def test_a_name_that_is_none_is_refused(project: Path, name: str, remedy: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        room.find(name, project)
    assert caught.value.remedy == remedy


def test_names_and_headlines(project: Path) -> None:
    folder = project / "hypotheses"
    (folder / "README.md").write_text("What lies here")
    (folder / "a-draft.md").write_text("---\nquestion: Is it?\nrest: is missing\n---\n")
    assert room.names(project) == ["a-draft", "pool-exhaustion"]
    assert room.headline(folder / "a-draft.md") == "Is it?"
    with pytest.raises(HypothesisError):
        room.headline(folder / "README.md")
    with pytest.raises(HypothesisError, match="there is no hypothesis here"):
        room.find("any", project / "scenarios")


def test_a_headline_needs_little() -> None:
    code = (
        "import sys, lab.hypothesis; from pathlib import Path\n"
        f"lab.hypothesis.headline(Path({str(BROKEN / 'no-rival.md')!r}))\n"
        "print(*{'pydantic', 'numpy', 'scipy', 'locust'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize(
    ("text", "measure", "quantile"),
    [
        ("throughput", Measure("throughput"), None),
        ("latency_p99.9", Measure("latency_p99.9"), 99.9),
        ('latency_p50{name="/orders"}', Measure("latency_p50", "/orders"), 50.0),
        (r'error_rate{name="a \"b\" \\"}', Measure("error_rate", 'a "b" \\'), None),
        ("pool_wait_share", Measure("pool_wait_share"), None),
        ("latency_p0", Measure("latency_p0"), None),
    ],
)
def test_measures(text: str, measure: Measure, quantile: float | None) -> None:
    assert room.parse_measure(text) == measure
    assert measure.quantile == quantile


@pytest.mark.parametrize("text", ["", "Latency", 'cpu{route="/"}', 'cpu{name="/"', "cpu{}"])
def test_no_measures(text: str) -> None:
    with pytest.raises(ValueError, match="is not the name of a measure"):
        room.parse_measure(text)


positive = st.floats(min_value=1e-6, max_value=1e6)
spans = st.tuples(positive, positive).filter(lambda p: p[0] < p[1]).map(lambda p: ValueRange(*p))


@given(spans, spans)
def test_mirroring_keeps_how_spans_lie(one: ValueRange, other: ValueRange) -> None:
    assert one.reciprocal().is_disjoint_from(other.reciprocal()) == one.is_disjoint_from(other)
    assert one.reciprocal().is_within(one.reciprocal().reciprocal().reciprocal())
    assert not (one.is_disjoint_from(other) and one.is_within(other))


@pytest.fixture(scope="module")
def still_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that no test changes, so that many examples may share it."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "scenarios").mkdir()
    for name in ("checkout", "bench_pagination"):
        (folder / "scenarios" / f"{name}.py").touch()
    return folder


def only_hypothesis_errors(text: str, project: Path) -> None:
    try:
        room.loads(text, Path("any.md"), project)
    except HypothesisError as error:
        assert error.problem
        assert error.remedy


@given(st.text())
def test_any_text_is_understood_or_refused(still_project: Path, text: str) -> None:
    only_hypothesis_errors(text, still_project)
    only_hypothesis_errors(f"---\n{text}\n---\n", still_project)


@given(st.binary())
def test_any_bytes_are_understood_or_refused(still_project: Path, data: bytes) -> None:
    path = still_project / "any.md"
    for front in (b"", b"---\n"):
        path.write_bytes(front + data)
        with contextlib.suppress(HypothesisError):
            room.load(path, still_project)
    only_hypothesis_errors(data.decode("utf-8", "surrogateescape"), still_project)


pieces = st.sampled_from(
    [
        "\n",
        " ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ": ",
        "'",
        '"',
        "&a ",
        "*a ",
        "0",
        "-1",
        ".nan",
        "1e999",
        "yes",
        "null",
        "narrow",
        "!!x ",
        "/",
        "within: [0, 1]",
    ]
)


@settings(max_examples=300)
@given(st.integers(0, len(GOOD)), st.integers(0, 40), st.lists(pieces, max_size=4))
def test_any_edit_is_understood_or_refused(
    still_project: Path, place: int, length: int, parts: list[str]
) -> None:
    text = GOOD[:place] + "".join(parts) + GOOD[place + length :]
    only_hypothesis_errors(text, still_project)


bounds = st.sampled_from([-1, 0, 1e-320, 0.4, 1, 2.5, 1e308])


@given(
    st.sampled_from(["throughput", "error_rate", "latency_p99", "pool_wait_share", "cpu"]),
    st.sampled_from(["arm: wide", "compare: wide / narrow", "compare: narrow / wide"]),
    st.one_of(
        st.tuples(st.sampled_from(["at_least", "at_most"]), bounds),
        st.tuples(st.just("within"), st.lists(bounds, min_size=2, max_size=2)),
    ),
)
def test_any_bound_is_understood_or_refused(
    still_project: Path, measure: str, subject: str, bound: tuple[str, object]
) -> None:
    more = f"""  - says: something else
    measure: {measure}
    {subject}
    {bound[0]}: {bound[1]}
"""
    for place in ("rivals:\n", "budget:"):  # one more prediction, one more rival
        new = more if place == "rivals:\n" else more.replace("- says", "- claim: c\n    says")
        only_hypothesis_errors(GOOD.replace(place, new + place), still_project)


@pytest.mark.parametrize(
    ("written", "per_hour"),
    [
        ("5 MB/h", 5e6),
        ("1.5 GB / h", 1.5e9),
        ("30/min", 1800.0),
        ("-2 KB/min", -120e3),
        ("7 B/h", 7.0),
        ("10 ms/h", 0.01),
    ],
)
def test_the_bound_of_a_slope_is_read_per_hour(
    project: Path, written: str, per_hour: float
) -> None:
    text = (BROKEN / "slope-without-unit.md").read_text()
    text = text.replace("at_least: 100\n", f"at_least: {written}\n")
    if written.endswith("ms/h"):
        text = text.replace("slope: rss_bytes", "slope: latency_p99")
    found = room.loads(text, project / "hypotheses" / "x.md", project)
    assert found.predictions[0].bound == Bound(at_least=per_hour)
    assert str(found.predictions[0].compare) == "with - without"
    assert isinstance(found.kind, SoakTest)
    assert (found.kind.pairs, found.kind.length_s) == (4, 8 * 3600)


def test_a_soak_that_compares_nothing_is_one_screening(project: Path) -> None:
    quick = BROKEN.parent.parent / "planted" / "quick-soak.md"
    text = quick.read_text().replace("keyed_checkout", "checkout")
    found = room.loads(text, project / "hypotheses" / "quick-soak.md", project)
    assert isinstance(found.kind, SoakTest)
    assert (found.kind.pairs, found.kind.length_s) == (1, None)
