"""Units in bounds, levels and limits; numbers without one that no measure can reach."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lab.hypothesis import Hypothesis, HypothesisError, loads
from tests.lab.hypothesis.examples import GOOD, edited

CORES = os.cpu_count() or 1
SLOW = "measure: pool_wait_share\n    arm: narrow\n    at_least: 0.7"
LENIENT = GOOD.replace("{error_rate: 0.0}", "{error_rate: 100%}")  # any bound can be missed
SWEEP = GOOD.replace(
    "load: {users: 50}", "load: {rate: [10/s, 20/s, 30/s, 40/s], arrivals: poisson}"
)
SWEEP = SWEEP.replace("    compare:", "    at: 20/s\n    compare:").replace(
    "    arm: narrow", "    at: 1200/min\n    arm: narrow"
)
SOAK = """\
---
question: Does memory grow?
claim: It does.
kind: soak
scenario: scenarios/checkout.py
load: {rate: 20, arrivals: constant}
length: 2h
soak: {pairs: 4}
arms:
  with: {ROOM_CLEANUP: false}
  without: {ROOM_CLEANUP: true}
control: without
EXHAUSTION
predictions:
  - {says: faster, slope: SERIES, compare: with - without, at_least: SLOPE}
  - {says: answers stay fast, measure: latency_p99, arm: with, at_most: LATENCY}
rivals:
  - {claim: threads, says: they pile up, slope: threads, compare: with - without, at_least: 10/h}
---
text
"""
BENCHMARK = """\
---
question: Is a page slow?
claim: It is.
kind: benchmark
scenario: scenarios/bench_pagination.py
statistic: median
trial: {window: 50ms}
arms:
  one: {PART: one}
  two: {PART: two}
control: one
predictions:
  - {says: a page is fast, PREDICTED}
rivals:
  - {claim: it is not, says: so, measure: time, compare: one / two, at_least: 2}
budget: 5m
---
text
"""


def read(project: Path, measure: str, bound: str, *, of: str = "arm: narrow") -> Hypothesis:
    text = LENIENT.replace(SLOW, f"measure: {measure}\n    {of}\n    {bound}")
    return loads(text, Path("pool-exhaustion.md"), project)


def refusal(project: Path, text: str) -> HypothesisError:
    with pytest.raises(HypothesisError) as caught:
        loads(text, Path("pool-exhaustion.md"), project)
    return caught.value


def bound_refusal(
    project: Path, measure: str, bound: str, *, of: str = "arm: narrow"
) -> HypothesisError:
    assert SLOW in GOOD
    new = f"measure: {measure}\n    {of}\n    {bound}"
    error = refusal(project, LENIENT.replace(SLOW, new))
    assert error.line == 29
    return error


@pytest.mark.parametrize(
    ("measure", "bound", "plain"),
    [
        ("latency_p95", "at_most: 500ms", "at_most: 0.5"),
        ("latency_p95", "at_most: 500 ms", "at_most: 0.5"),
        ("latency_p95", "at_least: 0.5s", "at_least: 0.5"),
        ("latency_mean", "within: [200ms, 0.5s]", "within: [0.2, 0.5]"),
        ("latency_mean", "within: [0.2, 500ms]", "within: [0.2, 0.5]"),
        ("service_latency_p50", "at_most: 2500us", "at_most: 0.0025"),
        ("error_rate", "at_most: 7%", "at_most: 0.07"),
        ("throttled", "at_least: 80 %", "at_least: 0.8"),
        ("cpu", "at_least: 80%", "at_least: 0.8"),
        ("rss_bytes", "at_most: 512MB", "at_most: 512000000"),
        ("throughput", "at_least: 30/s", "at_least: 30"),
        ("throughput", "at_least: 1800/min", "at_least: 30"),
        ("throughput", "within: [1500/min, 28]", "within: [25, 28]"),
        ("pool_wait_share", "at_least: 70%", "at_least: 0.7"),
    ],
)
def test_a_bound_with_a_unit_is_the_same_claim_as_the_plain_number(
    project: Path, measure: str, bound: str, plain: str
) -> None:
    with_unit, without = read(project, measure, bound), read(project, measure, plain)
    assert with_unit.predictions[2].bound == without.predictions[2].bound
    assert with_unit.claim_digest == without.claim_digest


@pytest.mark.parametrize("bound", ["at_most: 500", "at_least: 500", "within: [100, 500]"])
@pytest.mark.parametrize("measure", ["latency_p95", "latency_mean", "service_latency_p99.9"])
def test_a_bare_latency_beyond_the_trial_is_answered_with_both_readings(
    project: Path, measure: str, bound: str
) -> None:
    error = bound_refusal(project, measure, bound)
    assert "without a unit" in error.problem
    assert "35 s (warm-up 1 s, window 4 s, and 30 s for the last answers)" in error.problem
    if "within" not in bound:
        assert error.remedy == (
            "Write 500ms if milliseconds are meant; 500s takes a `window` of 469s or more."
        )
        read(project, measure, bound.replace("500", "500ms"))
        longer = GOOD.replace("window: 4s", "window: 469s").replace("budget: 5m", "budget: 5h")
        text = longer.replace(SLOW, f"measure: {measure}\n    arm: narrow\n    at_most: 490s")
        loads(text, Path("pool-exhaustion.md"), project)
        unlikely = refusal(project, text.replace("490s", "490"))
        assert unlikely.problem.endswith(" is expected above 60 s")
        assert unlikely.remedy == "Write 490ms if milliseconds are meant, or 490s."
        loads(text.replace("490s", "60"), Path("pool-exhaustion.md"), project)
    assert "can reach 500s" in bound_refusal(project, measure, "at_most: 500s").problem


def test_a_bare_latency_within_reach_is_read_in_seconds(project: Path) -> None:
    found = read(project, "latency_p95", "at_most: 35")
    assert found.predictions[2].bound.at_most == 35
    bound_refusal(project, "latency_p95", "at_most: 35.1")


def test_the_copy_in_a_run_is_read_as_it_was(project: Path) -> None:
    text = GOOD.replace(SLOW, "measure: latency_p95\n    arm: narrow\n    at_most: 500")
    found = loads(text, Path("pool-exhaustion.md"), project, sealed=True)
    assert found.predictions[2].bound.at_most == 500
    text = GOOD.replace(SLOW, "measure: throughput\n    arm: narrow\n    within: [25, 40/min]")
    found = loads(text, Path("pool-exhaustion.md"), project, sealed=True)
    assert found.predictions[2].bound.within == (25, 40 / 60)


@pytest.mark.parametrize("measure", ["error_rate", "throttled"])
def test_a_bare_share_above_1_is_answered_with_percent(project: Path, measure: str) -> None:
    error = bound_refusal(project, measure, "at_most: 80")
    assert error.remedy.endswith(" Write it 80% or 0.8, if percent is meant.")
    read(project, measure, "at_most: 80%")
    read(project, measure, "at_most: 0.8")


def test_one_percent_written_as_1_is_named(project: Path) -> None:
    error = bound_refusal(project, "error_rate", "at_most: 1")
    assert error.remedy.endswith(" Write it 1% or 0.01, if percent is meant.")


def test_a_share_of_the_files_own_is_known_by_its_name(project: Path) -> None:
    error = bound_refusal(project, "pool_wait_share", "at_least: 80")
    assert error.remedy == "Write 80% or 0.8 if percent is meant, or 8000% for 80 times."
    for bound in ("80%", "0.8", "8000%"):
        read(project, "pool_wait_share", f"at_least: {bound}")


def test_no_cpu_is_above_the_cores_there_are(project: Path) -> None:
    percent = 100 * CORES
    error = bound_refusal(project, "cpu", f"at_least: {percent}")
    assert f"this machine has {CORES} cores" in error.problem
    assert error.remedy == f"Write {percent}% or {CORES} if percent of one core is meant."
    read(project, "cpu", f"at_least: {percent}%")
    read(project, "cpu", f"at_most: {CORES}")
    error = bound_refusal(project, "cpu", f"at_most: {percent + 1}%")
    assert error.remedy == f"Write {CORES} ({percent}%) or less."


@pytest.mark.parametrize(
    ("bound", "remedy"),
    [
        ("at_most: 512", "Write 512MB, or 512B if bytes are meant."),
        ("at_least: 512", "Write 512MB, or 512B if bytes are meant."),
        ("at_most: 512000", "Write 512000KB, or 512000B if bytes are meant."),
        ("within: [100, 512000000]", "Write 100MB, or 100B if bytes are meant."),
    ],
)
def test_memory_of_some_bytes_is_meant_in_megabytes(project: Path, bound: str, remedy: str) -> None:
    assert bound_refusal(project, "rss_bytes", bound).remedy == remedy
    read(project, "rss_bytes", "at_most: 512B")
    read(project, "rss_bytes", "at_most: 512000KB")


@pytest.mark.parametrize(
    ("measure", "bound", "problem"),
    [
        ("latency_p95", "at_most: 500MB", "latency_p95 is seconds, not measured in MB"),
        ("latency_p95", "at_most: 80%", "latency_p95 is seconds, not measured in %"),
        ("latency_p95", "at_most: 5/s", "latency_p95 is seconds, not measured in /s"),
        ("rss_bytes", "at_most: 5s", "rss_bytes is bytes, not measured in s"),
        ("error_rate", "at_most: 5ms", "error_rate is a share, not measured in ms"),
        ("throughput", "at_least: 80%", "throughput is a number a second, not measured in %"),
        ("throughput", "at_least: 5s", "throughput is a number a second, not measured in s"),
        ("descriptors", "at_most: 5MB", "descriptors is a plain number, not measured in MB"),
        ("cpu", "at_most: 5ms", "cpu is cores, not measured in ms"),
    ],
)
def test_a_unit_of_another_kind_is_refused(
    project: Path, measure: str, bound: str, problem: str
) -> None:
    assert bound_refusal(project, measure, bound).problem == problem


@pytest.mark.parametrize(
    ("bound", "remedy"),
    [
        ("at_most: 500ms", "Write how many times as much it is, as in 0.8"),
        ("at_most: 80%", "Write 0.8 for 0.8 times as much, or 1.8 for 80 % more."),
        ("within: [90%, 110%]", "Write 0.9 for 0.9 times as much"),
        ("at_least: 2/s", "Write how many times"),
    ],
)
def test_a_ratio_of_two_arms_has_no_unit(project: Path, bound: str, remedy: str) -> None:
    error = bound_refusal(project, "latency_p95", bound, of="compare: wide / narrow")
    assert error.problem.startswith("`compare` takes the ratio of two arms, which has no unit")
    assert error.remedy.startswith(remedy)


@pytest.mark.parametrize(
    ("measure", "bound", "nothing", "remedy", "right"),
    [
        (
            *("latency_p95", "within: [100, 500ms]", "100 to 0.5"),
            *("Write both ends with a unit: 100ms.", "within: [100ms, 500ms]"),
        ),
        (
            *("throughput", "within: [25, 40/min]", "25 to 0.666667"),
            *("Write both ends with a unit: 25/min.", "within: [25/min, 40/min]"),
        ),
        (
            *("throughput", "within: [1800/min, 20]", "30 to 20"),
            *("Write the lower number first: [low, high].", "within: [20, 1800/min]"),
        ),
    ],
)
def test_a_unit_at_one_end_only_is_named(
    project: Path, measure: str, bound: str, nothing: str, remedy: str, right: str
) -> None:
    error = bound_refusal(project, measure, bound)
    assert error.problem.startswith("`within` has a unit at one end only")
    assert error.problem.endswith(f"nothing lies within {nothing}")
    assert error.remedy == remedy
    read(project, measure, right)


def test_ends_in_the_wrong_order_are_named_as_they_are_written(project: Path) -> None:
    text = soak(slope="7 MB/h").replace("at_least: 7 MB/h", "within: [7 MB/h, 5 MB/h]")
    error = refusal(project, text)
    assert error.problem == "nothing lies within 7MB/h to 5MB/h"
    assert error.remedy == "Write the lower number first: [low, high]."


@pytest.mark.parametrize(
    ("metric", "bound", "value"),
    [
        ("{ratio: [wait_seconds_sum, wait_seconds_count]}", "at_most: 20ms", 0.02),
        ("{ratio: ['wait_seconds_sum{a=\"b\"}', orders_total]}", "at_most: 20ms", 0.02),
        ("{ratio: [sent_bytes_total, orders_total]}", "at_most: 2KB", 2000.0),
        ("{ratio: [hits_total, gets_total]}", "at_least: 80%", 0.8),
        ("{ratio: [sent_bytes_total, wait_seconds_sum]}", "at_most: 2MB/s", 2e6),
        ("{rate: sent_bytes_total}", "at_most: 2MB/s", 2e6),
        ("{rate: process_cpu_seconds_total}", "at_most: 80%", 0.8),
        ("{rate: orders_total}", "at_most: 120/min", 2.0),
    ],
)
def test_the_unit_of_a_measure_of_the_files_own_follows_from_its_names(
    project: Path, metric: str, bound: str, value: float
) -> None:
    text = GOOD.replace("measures:\n", f"measures:\n  own: {metric}\n")
    text = text.replace(SLOW, f"measure: own\n    arm: narrow\n    {bound}")
    found = loads(text, Path("pool-exhaustion.md"), project)
    assert found.predictions[2].bound.edges == (value,)
    error = refusal(project, text.replace(bound, "at_most: 5 MB/h"))
    assert "for a slope, not for a measure" in error.problem


@pytest.mark.parametrize(
    ("metric", "bound", "problem"),
    [
        (
            "{ratio: [wait_seconds_sum, wait_seconds_count]}",
            "at_most: 500",
            "`at_most` is 500 without a unit, which would be 500 s",
        ),
        ("{ratio: [wait_seconds_sum, orders_total]}", "at_most: 500", "`at_most` is 500 without"),
        (
            "{ratio: [wait_ms_sum, wait_ms_count]}",
            "at_most: 500ms",
            "own is a plain number or a",
        ),
        ("{rate: orders_total}", "at_most: 5ms", "own is a number a second, not measured in ms"),
    ],
)
def test_bounds_that_do_not_fit_a_measure_of_the_files_own_are_refused(
    project: Path, metric: str, bound: str, problem: str
) -> None:
    text = GOOD.replace("measures:\n", f"measures:\n  own: {metric}\n")
    text = text.replace(SLOW, f"measure: own\n    arm: narrow\n    {bound}")
    assert refusal(project, text).problem.startswith(problem)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("latency_p999", "latency_p99.9"),
        ("latency_p9999", "latency_p99.99"),
        ("latency_p975", "latency_p97.5"),
        ("latency_p99_9", "latency_p99.9"),
        ("service_latency_p999", "service_latency_p99.9"),
        ("p95", "latency_p95"),
        ("latency_95", "latency_p95"),
        ("latency_p99.90", "latency_p99.9"),
    ],
)
def test_a_misspelt_quantile_is_answered_with_the_one_meant(
    project: Path, written: str, meant: str
) -> None:
    with pytest.raises(HypothesisError) as caught:
        read(project, written, "at_most: 0.5")
    assert caught.value.problem == f"unknown measure `{written}`"
    assert caught.value.remedy == f"Did you mean `{meant}`?"
    read(project, meant, "at_most: 0.5")


def test_the_highest_is_no_quantile(project: Path) -> None:
    assert "latency_p10`" not in bound_refusal_of_name(project, "latency_p100").remedy


def bound_refusal_of_name(project: Path, measure: str) -> HypothesisError:
    new = f"measure: {measure}\n    arm: narrow\n    at_most: 5s"
    return refusal(project, GOOD.replace(SLOW, new))


def test_limits_and_what_is_allowed_take_percentages(project: Path) -> None:
    found = edited(project, "allow: {error_rate: 0.0}", "allow: {error_rate: 1%}")
    assert found.allow.error_rate == 0.01
    found = edited(project, "budget: 5m", "limits: {target_cpu: 80 %}\nbudget: 5m")
    assert found.limits.target_cpu == 0.8
    error = refusal(project, GOOD.replace("error_rate: 0.0", "error_rate: 5"))
    assert error.remedy == "Write a number from 0 to 1: 5% or 0.05, if percent is meant."


def test_rates_and_levels_take_a_unit(project: Path) -> None:
    found = loads(SWEEP.replace("5m", "10m"), Path("pool-exhaustion.md"), project)
    assert found.levels == (10.0, 20.0, 30.0, 40.0)
    assert {prediction.at for prediction in found.predictions} == {20.0}


def test_recovery_takes_seconds_or_milliseconds(project: Path) -> None:
    text = GOOD.replace(
        "load: {users: 50}",
        "load:\n  arrivals: poisson\n  stages:\n    - {name: calm, rate: 50, for: 10s}\n"
        "    - {name: spike, rate: 200, for: 5s}\n    - {name: after, rate: 50, for: 15s}",
    ).replace("window: 4s", "window: 30s").replace("5m", "20m")  # fmt: skip
    path = Path("pool-exhaustion.md")
    text = text.replace(
        SLOW, "measure: recovery\n    arm: narrow\n    during: spike\n    at_most: 5s"
    )
    assert loads(text, path, project).predictions[2].bound.at_most == 5
    ms = text.replace("at_most: 5s", "at_most: 5000ms")
    assert loads(ms, path, project).predictions[2].bound.at_most == 5
    error = refusal(project, text.replace("at_most: 5s", "at_most: 5000"))
    assert error.remedy.startswith("Write 5000ms if milliseconds are meant")


@pytest.mark.parametrize(
    ("predicted", "value"),
    [
        ("measure: time, arm: one, at_most: 100us", 0.0001),
        ("measure: time, arm: one, at_most: 0.0001", 0.0001),
        ("measure: time, arm: one, at_most: 500s", 500.0),
        ("count: statements, arm: one, at_most: 2", 2.0),
    ],
)
def test_bounds_of_a_benchmark(project: Path, predicted: str, value: float) -> None:
    text = BENCHMARK.replace("PREDICTED", predicted)
    found = loads(text, Path("pages.md"), project)
    assert found.predictions[0].bound.edges == (value,)


@pytest.mark.parametrize(
    ("predicted", "remedy"),
    [
        (
            "measure: time, arm: one, at_most: 500",
            "Write 500ms if milliseconds are meant, or 500s.",
        ),
        ("count: statements, arm: one, at_most: 2ms", "Write the number alone: 2."),
    ],
)
def test_refused_bounds_of_a_benchmark(project: Path, predicted: str, remedy: str) -> None:
    assert refusal(project, BENCHMARK.replace("PREDICTED", predicted)).remedy == remedy


def soak(
    series: str = "rss_bytes",
    slope: str = "5 MB/h",
    latency: str = "500ms",
    exhaustion: str = "{of: rss_bytes, limit: 512 MB}",
) -> str:
    text = SOAK.replace("SERIES", series).replace("SLOPE", slope).replace("LATENCY", latency)
    return text.replace("EXHAUSTION", f"exhaustion: {exhaustion}")


@pytest.mark.parametrize(
    "text",
    [
        soak(),
        soak(latency="0.5"),
        soak(latency="500s"),
        soak("error_rate", "2%/h"),
        soak("latency_p99", "500 us/min"),
        soak("rss_bytes", "5 KB/s"),
        soak(exhaustion="{of: error_rate, limit: 80%}"),
        soak(exhaustion="{of: descriptors, limit: 1024}"),
        soak(exhaustion="{of: latency_p99, limit: 500ms}"),
        soak(exhaustion="{of: rss_bytes, limit: 512B}"),
    ],
)
def test_units_in_a_soak(project: Path, text: str) -> None:
    loads(text, Path("growth.md"), project)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (soak(latency="500"), "`at_most` is 500 without a unit, which would be 500 s"),
        (soak(latency="2000s"), "no latency_p99 of with can reach 2000s (a block takes 1800 s)"),
        (soak("rss_bytes", "5%/h"), "`rss_bytes` is not measured in %"),
        (soak(exhaustion="{of: rss_bytes, limit: 512}"), "`limit` has 512 without a unit"),
        (soak(exhaustion="{of: rss_bytes, limit: 5s}"), "`rss_bytes` is not measured in s"),
        (soak(exhaustion="{of: latency_p99, limit: 500}"), "`limit` is 500 without a unit"),
        (soak(exhaustion="{of: error_rate, limit: 80}"), "`limit` is 80, and no share is above 1"),
        (soak(exhaustion="{of: cpu, limit: 100000}"), "`limit` is 100000, and this machine has"),
    ],
)
def test_refused_units_in_a_soak(project: Path, text: str, problem: str) -> None:
    assert refusal(project, text).problem.startswith(problem)
