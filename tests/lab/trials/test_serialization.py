from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lab.driver_messages import RequestKey
from lab.stats.latency_histogram import Histogram
from lab.trials.serialization import from_record, to_record
from lab.trials.trial import (
    ArrivalSecond,
    BenchmarkEvidence,
    Dispatch,
    Ended,
    Fault,
    GaugeReading,
    LoadEvidence,
    LoadSlice,
    OtherProcess,
    Requests,
    Slice,
    SliceRequests,
    SoakEvidence,
    SoakLoadStats,
    StageRecord,
    Surroundings,
    Timing,
    Trial,
    TrialEvidence,
    Usage,
)
from tests.lab.builders import ORDERS, altered, trial
from tests.runs import ROOT

RECORDED = sorted((ROOT / "tests" / "recorded").glob("*/trials.jsonl"))
OLDEST = ROOT / "tests" / "recorded" / "pool-exhaustion" / "trials.jsonl"  # it lacks keys
KINDS = {
    "made-up-growth": BenchmarkEvidence,
    "made-up-leak": SoakEvidence,
    "made-up-sweep": LoadEvidence,
    "memory-leak": SoakEvidence,
    "open-spike": LoadEvidence,
    "pagination": BenchmarkEvidence,
    "pool-exhaustion": LoadEvidence,
    "pool-knee": LoadEvidence,
    "reconnect-churn": SoakEvidence,
    "serializer": BenchmarkEvidence,
}


def latency(*seconds: float) -> Histogram:
    made = Histogram()
    made.add_many(seconds)
    return made


def on_disk(made: Trial) -> Trial:
    return from_record(json.loads(json.dumps(to_record(made), allow_nan=False)))


def with_evidence(evidence: TrialEvidence | None) -> Trial:
    return Trial(1, 2, "wide", 1.7e9, 4.0, 8.0, 3, evidence, other_cpu=0.1, steal=0.2)


@pytest.mark.parametrize(
    "file", [file for file in RECORDED if file != OLDEST], ids=lambda file: file.parent.name
)
def test_a_recorded_line_is_written_as_it_was_read(file: Path) -> None:
    for line in file.read_text().splitlines():
        record = to_record(from_record(json.loads(line)))
        assert json.dumps(record, separators=(",", ":"), allow_nan=False) == line


@pytest.mark.parametrize("file", RECORDED, ids=lambda file: file.parent.name)
def test_the_kind_of_evidence_follows_from_the_record(file: Path) -> None:
    for line in file.read_text().splitlines():
        assert isinstance(from_record(json.loads(line)).evidence, KINDS[file.parent.name])


def test_what_used_the_cores_of_the_run_is_kept() -> None:
    process = OtherProcess(12, "python", 0.4, (1,), of_run=True)
    where = Surroundings((0, 1), (2, 3), ("database",), (process,))
    made = replace(with_evidence(None), surroundings=where)
    assert on_disk(made) == made
    assert "surroundings" not in to_record(with_evidence(None))


def test_a_record_with_fewer_keys_is_read() -> None:
    for line in OLDEST.read_text().splitlines():
        made = from_record(json.loads(line))
        assert to_record(made) != json.loads(line)
        assert isinstance(made.evidence, LoadEvidence)
        assert on_disk(made) == made


@pytest.mark.parametrize(
    "evidence",
    [
        None,
        LoadEvidence(
            requests={ORDERS: Requests(2, 1, latency(0.5, 0.7), 1, latency(0.1), Ended(1, 0))},
            counters={"served_total": 2.0},
            usage={"service": Usage(0.1, 0.2, None, 5, 3, 0.4)},
            errors={"503": 1},
            ticker_late_p99_s=0.001,
            counters_uncertainty_s=0.01,
            users_missing=1,
            dispatch=Dispatch(10, 8, 1, 1, 0.002, 0.1, 5, 1, 0.5, 2.0, latency(0.5, 0.7)),
            stages=(
                StageRecord(
                    "calm",
                    1.0,
                    {ORDERS: Requests(1, 0, latency(0.5))},
                    (ArrivalSecond(1.0, 0.5), ArrivalSecond(1.0, None, 0)),
                ),
            ),
        ),
        SoakEvidence(),
        SoakEvidence(
            requests={ORDERS: Requests(1, 0, latency(0.5))},
            load_stats=SoakLoadStats(10, 9, 1, 2, "KeyError", 3, 1, 0, 10),
            crashes=("the service ended by SIGKILL",),
        ),
        BenchmarkEvidence(Timing("min", 5, 100, 1e-6, 2e-6), {"statements": 3}),
        BenchmarkEvidence(
            Timing("min", 9, 10, 1e-6, 2e-6),
            slices=(Slice(3, 50, 5e-5, 1e-6), Slice(4, 40, 8e-5, 2e-6)),
            group=2,
        ),
        BenchmarkEvidence(Timing("median", 5, 1, 1e-6, 2e-6), {}, {"rows": "text ('7')"}),
    ],
)
def test_evidence_survives_the_disk(evidence: TrialEvidence | None) -> None:
    assert on_disk(with_evidence(evidence)) == with_evidence(evidence)


def test_faults_and_gates_survive_the_disk() -> None:
    died = Fault("alive", "it died", retryable=False)
    made = trial("wide", 50, faults=(Fault("errors", "<b>5%</b>", 0.05, 0.0), died), gates={"a": 1})
    assert on_disk(made) == made
    assert [fault["mendable"] for fault in to_record(made)["faults"]] == [True, False]


def test_requests_are_kept_apart_by_method_and_name() -> None:
    keys = [
        *(RequestKey("/orders", "GET"), RequestKey("/orders", "POST"), RequestKey("/orders")),
        *(RequestKey("GET /orders"), RequestKey("b c", "a"), RequestKey("c", "a b")),
    ]
    requests = {key: Requests(i, 0, latency(0.1 * i)) for i, key in enumerate(keys, start=1)}
    made = with_evidence(LoadEvidence(requests=requests))
    assert on_disk(made) == made
    assert list(to_record(made)["requests"])[:3] == ["GET /orders", "POST /orders", "/orders"]


def test_a_record_without_methods_is_read_and_written_as_it_was() -> None:
    record = {"GET /orders": {"count": 1, "errors": 0, "latency": latency(0.1).as_dict()}}
    whole = to_record(with_evidence(LoadEvidence(users_missing=1))) | {"requests": record}
    made = from_record(whole)
    assert list(made.service.requests) == [RequestKey("GET /orders", "")]
    assert list(to_record(made)["requests"]) == ["GET /orders"]
    assert "name" not in to_record(made)["requests"]["GET /orders"]


def test_slices_are_kept_and_windows_without_any_are_written_as_before() -> None:
    slices = tuple(
        LoadSlice(
            position=position,
            seconds=0.25,
            lasted_s=0.26,
            idle_after_s=0.01,
            took_s=0.3,
            others_cpu_s=0.002,
            requests={
                ORDERS: SliceRequests(10, 1, 0.004),
                RequestKey("pushed"): SliceRequests(3, 0, None),
            },
            counters={'queries_total{table="orders"}': 12.0},
            cpu_s={"service": 0.2},
        )
        for position in (1, 4)
    )
    made = with_evidence(LoadEvidence(slices=slices))
    assert on_disk(made) == made
    assert "slices" not in to_record(trial("wide", 100.0))


def test_the_role_under_load_is_recorded_if_it_is_not_the_usual_one() -> None:
    made = trial("narrow", 100)
    assert "loaded" not in to_record(made)
    other = altered(made, loaded="web")
    assert to_record(other)["loaded"] == "web"
    assert from_record(json.loads(json.dumps(to_record(other)))).service.loaded == "web"
    assert from_record(json.loads(json.dumps(to_record(made)))).service.loaded == "service"


def test_gauges_are_kept_and_records_without_any_are_written_as_before() -> None:
    made = with_evidence(LoadEvidence(gauges={"queue_depth": GaugeReading(3.0, 9.0, 1.0, 5)}))
    assert on_disk(made) == made
    assert "gauges" not in to_record(trial("wide", 100.0))
