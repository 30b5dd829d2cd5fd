from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest

from lab.hypothesis import Allow, Limits, load
from lab.stats.latency_histogram import Histogram
from lab.trials.time_series import TimeSeries
from lab.trials.trial import MetricsReading, Requests, SoakEvidence, SoakLoadStats, Trial, Usage
from tests.default_margins import inspect
from tests.lab.builders import ORDERS, PROJECT, altered

SHIPPED = load(PROJECT / "hypotheses" / "memory-leak.md", PROJECT)
CORES = os.cpu_count() or 1


def recorded(*names: str) -> TimeSeries:
    values = np.arange(5.0)
    return TimeSeries(values, np.zeros(5, dtype=np.int64), dict.fromkeys(names, values))


def recorded_until(last: int) -> TimeSeries:
    """Of 240 intervals; nothing is known of those beyond."""
    times = np.arange(1.0, 241.0)
    values = np.where(times <= last, times, np.nan)
    columns = dict.fromkeys(("rss_bytes", "descriptors", "idempotency_records"), values)
    return TimeSeries(times, np.zeros(240, dtype=np.int64), columns)


def sound() -> Trial:
    latency = Histogram()
    latency.add_many([0.01] * 1000)
    return Trial(
        block=1,
        position=1,
        arm="with",
        started_at=0.0,
        window_s=50.0,
        evidence=SoakEvidence(
            requests={ORDERS: Requests(1000, 0, latency)},
            usage={
                "service": Usage(0.2, 0.3, 1e8, 50, 5),
                "driver": Usage(0.1, 0.95, 1e8, 50, 5),
            },
            load_stats=SoakLoadStats(scheduled=1000, sent=1000, answers_awaited=1000),
            time_series=recorded("rss_bytes", "descriptors", "idempotency_records"),
        ),
    )


def stats(**changes: object) -> Trial:
    evidence = sound().evidence
    assert isinstance(evidence, SoakEvidence)
    return altered(sound(), load_stats=replace(evidence.load_stats, **changes))  # type: ignore[arg-type]


def test_a_sound_trial_passes_and_keeps_its_figures() -> None:
    seen = inspect(sound(), SHIPPED)
    assert seen.trusted, seen.faults
    assert set(seen.gates) == {
        *("alive", "settings", "conditions", "other_cpu", "steal", "driver_cpu", "unsent"),
        *("unanswered", "without_request", "hosts", "scenario", "errors", "evidence"),
        "target_cpu",
    }


def test_a_series_may_lack_a_little_and_says_what_it_lacks() -> None:
    reading = MetricsReading(scrapes=100, problem="GET /metrics: timed out")
    for last, missing in ((230, ""), (160, "no value in 50% of its time: GET /metrics: timed out")):
        made = altered(sound(), time_series=recorded_until(last), metrics=reading)
        faults = [each for each in inspect(made, SHIPPED).faults if each.gate == "evidence"]
        assert bool(faults) == bool(missing)
        assert all(missing in fault.message for fault in faults)


@pytest.mark.parametrize(
    ("gate", "spoiled"),
    [
        ("other_cpu", replace(sound(), other_cpu=0.6 * CORES)),
        ("steal", replace(sound(), steal=0.6)),
        ("driver_cpu", altered(sound(), usage={"driver": Usage(0.95, 1.0, 1e8, 50, 5)})),
        ("unsent", stats(sent=950)),
        ("unanswered", stats(unanswered=20)),
        ("scenario", stats(task_errors=1, task_error="KeyError")),
        ("errors", altered(sound(), requests={})),
        ("evidence", altered(sound(), time_series=None)),
        ("evidence", altered(sound(), time_series=recorded_until(140))),
    ],
)
def test_each_gate_fires_alone_and_is_final(gate: str, spoiled: Trial) -> None:
    (fault,) = inspect(spoiled, SHIPPED).faults
    assert (fault.gate, fault.retryable) == (gate, False)


def test_background_load_that_all_arms_meet_is_recorded_and_voids_nothing() -> None:
    seen = inspect(replace(sound(), other_cpu=0.4 * CORES, steal=0.4), SHIPPED)
    assert seen.trusted
    assert (seen.gates["other_cpu"], seen.gates["steal"]) == (pytest.approx(0.4), 0.4)


def test_errors_of_an_allowed_crash_are_excused() -> None:
    requests = sound().service.requests[ORDERS]
    failing = {ORDERS: replace(requests, errors=100)}
    crash = replace(SHIPPED, allow=Allow(error_rate=0.0, crash=True))
    excused = altered(stats(excused=120, excused_errors=100), requests=failing)
    assert inspect(excused, crash).trusted
    assert not inspect(altered(sound(), requests=failing), crash).trusted


def test_every_process_of_the_target_counts() -> None:
    usage = {**sound().service.usage, "worker": Usage(0.5, 0.6, 1e8, 50, 5)}
    limited = replace(SHIPPED, limits=Limits(target_cpu=0.6))
    assert inspect(sound(), limited).trusted
    (fault,) = inspect(altered(sound(), usage=usage), limited).faults
    assert (fault.gate, fault.figure) == ("target_cpu", pytest.approx(0.7))
    usage = {"driver": sound().service.usage["driver"]}
    (fault,) = inspect(altered(sound(), usage=usage), limited).faults
    assert (fault.gate, fault.retryable) == ("evidence", False)


def test_arrivals_without_a_request_are_no_load() -> None:
    assert inspect(stats(without_request=10), SHIPPED).trusted
    [fault] = inspect(stats(without_request=11), SHIPPED).faults
    assert (fault.gate, fault.retryable) == ("without_request", False)
    assert fault.message.startswith("1.1% of the arrivals of arm with ended without a request")
