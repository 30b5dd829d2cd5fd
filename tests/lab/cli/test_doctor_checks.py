"""The checks of `lab doctor`: where each limit is, and that it is the limit of the gates."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from lab.cli import doctor_checks
from lab.cli.doctor_checks import CheckResult
from lab.instruments.instrument_interfaces import BackgroundLoad
from tests.default_margins import MARGINS

JUST_OVER = 1.001


@pytest.mark.parametrize(("count", "passed"), [(1, False), (2, True), (8, True)])
def test_two_cores_are_wanted(count: int, passed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(count)))
    assert doctor_checks.cores() == CheckResult(
        "cores", str(count), "2 or more: the driver apart from the service", passed
    )


def test_pinning_works_and_is_undone() -> None:
    before = os.sched_getaffinity(0)
    assert doctor_checks.pinning().passed
    assert os.sched_getaffinity(0) == before


def test_pinning_that_is_refused_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def refuse(pid: int, cores: set[int]) -> None:
        calls.append(cores)
        if len(calls) == 1:
            raise PermissionError

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    assert doctor_checks.pinning() == CheckResult("pinning", "refused", "works", False)


@pytest.mark.parametrize(
    ("late_s", "found", "passed"),
    [
        (0.0012, "1.20 ms", True),
        (MARGINS.gates.max_ticker_late_s * 0.999, None, True),
        (MARGINS.gates.max_ticker_late_s, None, False),
    ],
)
def test_jitter_must_be_below_the_limit_of_the_driver(
    late_s: float, found: str | None, passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_checks, "timer_lateness", lambda seconds: late_s)
    result = doctor_checks.jitter()
    assert result.passed == passed
    assert result.wanted == f"below {MARGINS.gates.max_ticker_late_s * 1000:g} ms"
    assert found in (None, result.found)


@pytest.mark.parametrize(
    ("check", "background", "passed"),
    [
        (doctor_checks.steal, BackgroundLoad(0.0, MARGINS.gates.max_steal), True),
        (doctor_checks.steal, BackgroundLoad(0.0, MARGINS.gates.max_steal * JUST_OVER), False),
        (doctor_checks.steal, BackgroundLoad(9.0, 0.0), True),
        (doctor_checks.other_load, BackgroundLoad(MARGINS.gates.max_other_cpu, 0.0), True),
        (
            doctor_checks.other_load,
            BackgroundLoad(MARGINS.gates.max_other_cpu * JUST_OVER, 0.0),
            False,
        ),
        (doctor_checks.other_load, BackgroundLoad(0.0, 9.0), True),
    ],
)
def test_background_load_has_the_limits_of_the_gates(
    check: Callable[[], CheckResult],
    background: BackgroundLoad,
    passed: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(doctor_checks, "_background", lambda: background)
    assert check().passed == passed


@pytest.mark.parametrize(("round_trip_s", "passed"), [(0.00099, True), (0.001, False)])
def test_a_round_trip_takes_less_than_a_millisecond(
    round_trip_s: float, passed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The median counts: one round trip in three may take long."""
    times = iter([round_trip_s, round_trip_s, 1.0] * 200)
    monkeypatch.setattr(doctor_checks, "_round_trip_s", lambda client, served: next(times))
    result = doctor_checks.loopback()
    assert (result.found, result.passed) == (f"{round_trip_s * 1e6:.0f} us", passed)


def test_a_real_round_trip_is_measured() -> None:
    assert doctor_checks.loopback().found.endswith(" us")


def test_background_load_is_sampled_once_for_both_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("lab.cli.doctor_checks.time.sleep", slept.append)
    doctor_checks._background.cache_clear()
    doctor_checks.steal()
    doctor_checks.other_load()
    assert len(slept) == 1
    doctor_checks._background.cache_clear()
