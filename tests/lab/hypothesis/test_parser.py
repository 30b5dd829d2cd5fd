"""What the keys of a good file mean."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lab.hypothesis import (
    Benchmark,
    Bound,
    ClosedLoad,
    Comparison,
    Hypothesis,
    HypothesisError,
    LoadTest,
    MetricRate,
    MetricRatio,
    Parameter,
    SoakTest,
    find_hypothesis,
    load,
    loads,
)
from tests.lab.hypothesis.examples import BROKEN, GOOD, PLANTED, edited


def test_every_key_of_a_good_file_is_read(project: Path) -> None:
    claim = load(find_hypothesis("pool-exhaustion", project), project)
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


def test_settings_are_common_to_all_arms_and_text(project: Path) -> None:
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


def test_equal_arms_may_be_compared(project: Path) -> None:
    assert edited(project, "wide: {DB_POOL_SIZE: 20}", "wide: {DB_POOL_SIZE: 5}")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("1500ms", 1.5), ("2s", 2.0), ("1.5 s", 1.5), ("0.05m", 3.0), ("'2s'", 2.0)],
)
def test_durations_have_units(project: Path, written: str, seconds: float) -> None:
    test = edited(project, "window: 4s", f"window: {written}").kind
    assert isinstance(test, LoadTest)
    assert test.window_s == seconds


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
def test_the_bound_of_a_slope_is_per_hour(project: Path, written: str, per_hour: float) -> None:
    text = (BROKEN / "slope-without-unit.md").read_text()
    text = text.replace("at_least: 100\n", f"at_least: {written}\n")
    if written.endswith("ms/h"):
        text = text.replace("slope: rss_bytes", "slope: latency_p99")
    found = loads(text, project / "hypotheses" / "x.md", project)
    assert found.predictions[0].bound == Bound(at_least=per_hour)
    assert str(found.predictions[0].compare) == "with - without"
    assert isinstance(found.kind, SoakTest)
    assert (found.kind.pairs, found.kind.length_s) == (4, 8 * 3600)


def test_compared_arms_that_do_not_differ_in_one_setting_have_a_note(project: Path) -> None:
    assert edited(project, "budget: 5m", "budget: 5m").arm_notes == []
    for own in ("DB_POOL_SIZE: 20, PRICING_CAPACITY: 9", "PRICING_CAPACITY: 9, DB_POOL_SIZE: 20"):
        assert edited(project, "wide: {DB_POOL_SIZE: 20}", f"wide: {{{own}}}").arm_notes == [
            "narrow and wide are given 2 settings differently (DB_POOL_SIZE, PRICING_CAPACITY): "
            "what differs between them may come from any of these"
        ]
    [equal] = edited(project, "wide: {DB_POOL_SIZE: 20}", "wide: {DB_POOL_SIZE: 5}").arm_notes
    assert equal == "narrow and wide are given the same settings"


def test_a_soak_that_compares_nothing_has_one_block(project: Path) -> None:
    quick = PLANTED / "quick-soak.md"
    text = quick.read_text().replace("keyed_checkout", "checkout")
    found = loads(text, project / "hypotheses" / "quick-soak.md", project)
    assert isinstance(found.kind, SoakTest)
    assert (found.kind.pairs, found.kind.length_s) == (1, None)


BENCHMARK = (Path(__file__).parent / "sealed" / "benchmark-one.md").read_text(encoding="utf-8")


def benchmark(project: Path, old: str, new: str) -> Hypothesis:
    assert old in BENCHMARK
    return loads(BENCHMARK.replace(old, new), Path("benchmark-one.md"), project)


@pytest.mark.parametrize(
    "function", ["test_page", "TestPages::test_page", "Pages::TestInner::testÜber2"]
)
def test_a_benchmark_is_a_function_or_a_method_with_its_classes(
    project: Path, function: str
) -> None:
    found = benchmark(project, "bench_pagination.py", f"bench_pagination.py::{function}").kind
    assert isinstance(found, Benchmark)
    assert found.function == function


@pytest.mark.parametrize("function", ["page", "TestPages", "::test_page"])
def test_anything_else_is_not_the_name_of_a_benchmark(project: Path, function: str) -> None:
    with pytest.raises(HypothesisError, match="is not the name of a benchmark") as caught:
        benchmark(project, "bench_pagination.py", f"bench_pagination.py::{function}")
    assert "a method with its class: ::TestPages::test_page" in caught.value.remedy


def test_a_name_with_values_of_parameters_is_refused(project: Path) -> None:
    with pytest.raises(HypothesisError, match="names the values of parameters") as caught:
        benchmark(project, "bench_pagination.py", "bench_pagination.py::test_page[10-sorted]")
    assert "under `params`" in caught.value.remedy


@pytest.mark.parametrize(
    ("params", "parameter", "fixed"),
    [
        ("{N: [1, 10]}", Parameter("N", (1, 10)), {}),
        ("{how: sorted}", None, {"how": "sorted"}),
        (
            "{how: a b, N: [1, 10], deep: true, m: 1.50, k: '007'}",
            Parameter("N", (1, 10)),
            {"how": "a b", "deep": "true", "m": "1.50", "k": "007"},
        ),
    ],
)
def test_params_vary_one_parameter_and_fix_the_others(
    project: Path, params: str, parameter: Parameter | None, fixed: dict[str, str]
) -> None:
    text = (
        BENCHMARK.replace("measure: time", "measure: time\n    at: 10") if parameter else BENCHMARK
    )
    text = text.replace("statistic:", f"params: {params}\nstatistic:")
    found = loads(text, Path("benchmark-one.md"), project).kind
    assert isinstance(found, Benchmark)
    assert (found.parameter, found.fixed_parameters) == (parameter, fixed)


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ("{}", "`params` has no entries"),
        ("{depth: [1, 2], limit: [1, 2]}", "`params` varies depth and limit"),
        ("{a-b: [1, 2]}", "`a-b` is not the name of a parameter"),
        ("{depth: {a: 1}}", "`depth` is a group of keys, not a value"),
        ("{depth: }", "`depth` is empty"),
    ],
)
def test_other_params_are_refused(project: Path, params: str, problem: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        benchmark(project, "statistic:", f"params: {params}\nstatistic:")
    assert caught.value.problem.startswith(problem)


@pytest.mark.parametrize(
    ("written", "slice_s"),
    [("500ms", 0.5), ("50ms", 0.05), ("2s", 2.0), ("off", math.inf)],
)
def test_the_slices_of_a_closed_load(project: Path, written: str, slice_s: float) -> None:
    claim = edited(project, "{users: 50}", f"{{users: 50, slices: {written}}}")
    assert isinstance(claim.kind, LoadTest)
    assert claim.kind.load == ClosedLoad(50, slice_s)
    assert str(claim.kind.load) == "50 users"
