"""The table of measures: complete, and every measure in it is read by something."""

from __future__ import annotations

import pytest

from lab.analysis.sweep_capacity import SWEEP_MEASURES
from lab.measures.table import (
    MEASURES,
    QUANTILES,
    SERIES_RULES,
    Scope,
    built_in,
    names_of,
    series_example,
    series_has_unit,
    series_reduction,
    series_unit,
)
from lab.measures.value_format import UNIT_FORMATS
from lab.trials.measure_values import CALL_READERS, PROCESS_READERS, REQUEST_READERS, STAGE_READERS
from tests.default_margins import measure
from tests.lab.builders import trial

READERS = {
    Scope.REQUEST: REQUEST_READERS,
    Scope.PROCESS: PROCESS_READERS,
    Scope.STAGE: STAGE_READERS,
    Scope.SWEEP: SWEEP_MEASURES,
    Scope.CALL: CALL_READERS,
}


@pytest.mark.parametrize("scope", Scope)
def test_every_measure_of_a_scope_has_a_reader_and_every_reader_a_measure(scope: Scope) -> None:
    if scope is Scope.SERIES:  # recorded by the loop of a soak, and named by slopes only
        assert names_of(scope) == ("threads",)
    else:
        assert set(READERS[scope]) == set(names_of(scope))


def test_every_measure_of_requests_and_processes_has_a_value_in_a_load_trial() -> None:
    made = trial("narrow", 1000)
    names = [*names_of(Scope.REQUEST, Scope.PROCESS), *(f"{family}50" for family in QUANTILES)]
    values = {name: measure(made, name, {}) for name in names}
    assert values.pop("throttled") is None  # no quota was seen
    assert None not in values.values()


def test_an_unknown_measure_is_an_error_and_not_missing_evidence() -> None:
    with pytest.raises(LookupError, match="thruput"):
        measure(trial("narrow", 100), "thruput", {})


def test_every_unit_has_a_format() -> None:
    used = {row.unit for row in (*MEASURES.values(), *QUANTILES.values())}
    assert used | {rule.unit for rule in SERIES_RULES} <= set(UNIT_FORMATS)


@pytest.mark.parametrize(
    ("name", "words", "quantile"),
    [
        ("latency_p50", "p50 latency", 50.0),
        ("service_latency_p99.9", "p99.9 service latency", 99.9),
        ("rss_bytes", "memory", None),
        ("error_rate", "error rate", None),
    ],
)
def test_words_and_quantiles(name: str, words: str, quantile: float | None) -> None:
    found = built_in(name)
    assert found is not None
    assert (found.name, found.words, found.quantile) == (name, words, quantile)


@pytest.mark.parametrize(
    "name", ["latency_p0", "latency_p100", "latency_p99.0", "latency_p", "threads", "rooms"]
)
def test_other_names_are_no_built_in_measures(name: str) -> None:
    assert built_in(name) is None


def test_only_measures_above_0_are_compared_by_their_ratio() -> None:
    without = {name for name, row in MEASURES.items() if not row.has_ratio}
    assert without == {"error_rate", "throttled", "recovery"}


@pytest.mark.parametrize(
    ("series", "unit", "reduction"),
    [
        ("rss_bytes", "bytes", "minimum"),
        ('cache_bytes{kind="a"}', "bytes", "minimum"),
        ("heap_objects", "", "minimum"),
        ("latency_p99", "s", "median"),
        ("queue_wait_seconds", "s", "median"),
        ("descriptors", "", "median"),
    ],
)
def test_the_name_of_a_series_shows_its_unit_and_how_bins_are_reduced(
    series: str, unit: str, reduction: str
) -> None:
    assert (series_unit(series), series_reduction(series)) == (unit, reduction)


def test_the_slope_of_a_series_has_a_bound_in_its_own_unit() -> None:
    assert series_has_unit("rss_bytes", "MB")
    assert series_has_unit("heap_objects", "KB")
    assert not series_has_unit("rss_bytes", "ms")
    assert not series_has_unit("rooms", "MB")
    assert series_has_unit("rooms", "")
    for unit in ("B", "KB", "MB", "GB", "ms", "s"):
        assert series_has_unit(series_example(unit), unit)
