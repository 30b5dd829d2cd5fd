"""A trial as a line of `trials.jsonl`, and back.

A record has one flat set of keys for every kind of trial. Which kind of evidence it holds follows
from them: `timing` is that of a benchmark, `driven` that of a soak; any other figure is that of a
load. A trial that failed before anything was measured has no evidence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, astuple
from typing import Any

from lab.driver_messages import RequestKey
from lab.files.format_versions import Schema, unchanged
from lab.stats.latency_histogram import Histogram
from lab.trials.time_series import TimeSeries, TimeSeriesBuilder
from lab.trials.trial import (
    LOADED,
    ArrivalSecond,
    BenchmarkEvidence,
    Dispatch,
    Ended,
    Fault,
    GaugeReading,
    LoadEvidence,
    LoadSlice,
    MetricsReading,
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
from lab.trials.worker_records import FleetRecord

SCHEMA = Schema("lab.trial", 1, upgrade=unchanged)


def to_record(trial: Trial) -> dict[str, Any]:
    """A trial as plain JSON types. The time series of a soak has a file of its own."""
    service, load = trial.service, _NO_LOAD
    timing: dict[str, Any] | None = None
    counts: Mapping[str, int] = {}
    other_info: Mapping[str, str] = {}
    driven: dict[str, Any] | None = None
    crashes: tuple[str, ...] = ()
    match trial.evidence:
        case LoadEvidence():
            load = trial.evidence
        case SoakEvidence():
            driven, crashes = asdict(trial.evidence.load_stats), trial.evidence.crashes
            for name in ("without_request", "answers_awaited"):
                if not driven[name]:  # as of records that do not know it
                    del driven[name]
        case BenchmarkEvidence():
            timing, counts = asdict(trial.evidence.timing), trial.evidence.counts
            other_info = trial.evidence.other_info
    record = {
        "schema": str(SCHEMA),
        "block": trial.block,
        "position": trial.position,
        "arm": trial.arm,
        "started_at": trial.started_at,
        "window_s": trial.window_s,
        "level": trial.level,
        "repeat": trial.repeat,
        "requests": requests_to_record(service.requests),
        "counters": service.counters,
        "counters_uncertainty_s": load.counters_uncertainty_s,
        "usage": {role: asdict(usage) for role, usage in service.usage.items()},
        "other_cpu": trial.other_cpu,
        "steal": trial.steal,
        "ticker_late_p99_s": service.ticker_late_p99_s,
        "users_missing": load.users_missing,
        "timing": timing,
        "counts": counts,
        "dispatch": None if load.dispatch is None else _to_dispatch(load.dispatch),
        "driven": driven,
        "stages": [_to_stage(stage) for stage in load.stages],
        "errors": service.errors,
        "faults": [_to_fault(fault) for fault in trial.faults],
        "gates": trial.gates,
        "crashes": crashes,
    }
    if other_info:
        record["other_info"] = other_info
    if isinstance(trial.evidence, BenchmarkEvidence) and trial.evidence.slices:
        record["slices"] = _to_slices(trial.evidence)
    if trial.surroundings is not None:
        record["surroundings"] = _to_surroundings(trial.surroundings)
    if load.gauges:
        record["gauges"] = {text: list(reading) for text, reading in load.gauges.items()}
    if load.slices:
        record["slices"] = [_to_load_slice(each) for each in load.slices]
    if service.metrics is not None:
        record["metrics"] = asdict(service.metrics)
    if service.arm_requests is not None:
        record["arm_requests"] = service.arm_requests
    if service.loaded != LOADED:
        record["loaded"] = service.loaded
    if service.foreign_hosts:
        record["foreign_hosts"] = service.foreign_hosts
    if service.fleet is not None:
        record["fleet"] = service.fleet.as_dict()
    return record


def from_record(record: Mapping[str, Any]) -> Trial:
    """The inverse of `to_record`. KeyError or TypeError if it is not the record of a trial."""
    return Trial(
        block=record["block"],
        position=record["position"],
        arm=record["arm"],
        started_at=record["started_at"],
        window_s=record["window_s"],
        level=record.get("level"),
        repeat=record.get("repeat", 1),
        evidence=_evidence(record),
        other_cpu=record.get("other_cpu", 0.0),
        surroundings=_from_surroundings(record.get("surroundings")),
        steal=record.get("steal", 0.0),
        faults=tuple(_from_fault(fault) for fault in record["faults"]),
        gates=record.get("gates", {}),
    )


def to_time_series(rows: Iterable[Mapping[str, Any]]) -> TimeSeries:
    """The time series of a soak trial from its rows, one per interval."""
    builder = TimeSeriesBuilder()
    for row in rows:
        builder.add(row["t"], row["segment"], row["values"])
    return builder.build()


def _evidence(record: Mapping[str, Any]) -> TrialEvidence | None:
    if timing := record.get("timing"):
        return BenchmarkEvidence(
            Timing(**timing),
            record.get("counts", {}),
            record.get("other_info", {}),
            *_from_slices(record.get("slices")),
        )
    service: dict[str, Any] = {
        "requests": _requests_from_record(record["requests"]),
        "counters": record.get("counters", {}),
        "usage": {role: Usage(**usage) for role, usage in record["usage"].items()},
        "errors": record.get("errors", {}),
        "ticker_late_p99_s": record.get("ticker_late_p99_s", 0.0),
        "metrics": _metrics(record.get("metrics")),
        "arm_requests": record.get("arm_requests"),
        "foreign_hosts": record.get("foreign_hosts", {}),
        "loaded": record.get("loaded", LOADED),
        "fleet": FleetRecord.from_dict(record["fleet"]) if "fleet" in record else None,
    }
    if driven := record.get("driven"):
        return SoakEvidence(
            **service,
            load_stats=SoakLoadStats(**driven),
            crashes=tuple(record.get("crashes", ())),
        )
    dispatch = record.get("dispatch")
    load = LoadEvidence(
        **service,
        counters_uncertainty_s=record.get("counters_uncertainty_s", 0.0),
        users_missing=record.get("users_missing", 0),
        dispatch=None if dispatch is None else _from_dispatch(dispatch),
        stages=tuple(_from_stage(stage) for stage in record.get("stages", ())),
        slices=tuple(_from_load_slice(each) for each in record.get("slices", ())),
        gauges={text: GaugeReading(*each) for text, each in record.get("gauges", {}).items()},
    )
    return None if load == _NO_LOAD else load


def _to_slices(evidence: BenchmarkEvidence) -> dict[str, Any]:
    columns = zip(*evidence.slices, strict=True)
    return {"group": evidence.group, **dict(zip(Slice._fields, map(list, columns), strict=True))}


def _from_slices(record: Mapping[str, Any] | None) -> tuple[tuple[Slice, ...], int]:
    if record is None:
        return (), 1
    columns = (record[field] for field in Slice._fields)
    return tuple(Slice(*values) for values in zip(*columns, strict=True)), record["group"]


def _metrics(record: Mapping[str, Any] | None) -> MetricsReading | None:
    return None if record is None else MetricsReading(**{**record, "notes": tuple(record["notes"])})


_NO_LOAD = LoadEvidence()


def requests_to_record(requests: Mapping[RequestKey, Requests]) -> dict[str, Any]:
    """Requests by a label such as "POST /orders", as plain JSON types.

    What a label stands for is in its entry. An entry without a method has its name as label: the
    files of before methods were kept are written as they were.
    """
    record: dict[str, Any] = {}
    for key, each in requests.items():
        label = f"{key.method} {key.name}" if key.method else key.name
        while label in record:  # methods and names may have blanks of their own
            label += " "
        own = {} if label == key.name and not key.method else key._asdict()
        record[label] = own | _to_requests(each)
    return record


def _requests_from_record(record: Mapping[str, Any]) -> dict[RequestKey, Requests]:
    return {
        RequestKey(each.get("name", label), each.get("method", "")): _from_requests(each)
        for label, each in record.items()
    }


def _to_requests(requests: Requests) -> dict[str, Any]:
    record: dict[str, Any] = {
        "count": requests.count,
        "errors": requests.errors,
        "socket_errors": requests.socket_errors,
        "latency": requests.latency.as_dict(),
    }
    if requests.sent_latency is not None:
        record["service_latency"] = requests.sent_latency.as_dict()
    if requests.ended_within is not None:
        record["ended"] = asdict(requests.ended_within)
    return record


def _from_requests(record: Mapping[str, Any]) -> Requests:
    sent, ended = record.get("service_latency"), record.get("ended")
    return Requests(
        count=record["count"],
        errors=record["errors"],
        latency=Histogram.from_dict(record["latency"]),
        socket_errors=record.get("socket_errors", 0),
        sent_latency=None if sent is None else Histogram.from_dict(sent),
        ended_within=None if ended is None else Ended(**ended),
    )


def _to_dispatch(dispatch: Dispatch) -> dict[str, Any]:
    lag = dispatch.lag or Histogram()
    record: dict[str, Any] = {
        "scheduled": dispatch.scheduled,
        "sent": dispatch.sent,
        "waiting": dispatch.waiting,
        "undispatched": dispatch.undispatched,
        "lag_p50_s": lag.quantile(0.5, beyond=0) or 0.0,
        "lag_p99_s": dispatch.lag_p99_s,
        "lag_max_s": lag.max or 0.0,
        "wait_p99_s": dispatch.wait_p99_s,
        "users": dispatch.users,
        "unanswered": dispatch.unanswered,
        "under_way_before_s": dispatch.under_way_before_s,
        "under_way_after_s": dispatch.under_way_after_s,
        "lag": None if dispatch.lag is None else dispatch.lag.as_dict(),
    }
    if dispatch.without_request:
        record["without_request"] = dispatch.without_request
    return record


def _from_dispatch(record: Mapping[str, Any]) -> Dispatch:
    lag = record.get("lag")
    return Dispatch(
        scheduled=record["scheduled"],
        sent=record["sent"],
        waiting=record["waiting"],
        undispatched=record["undispatched"],
        lag_p99_s=record["lag_p99_s"],
        wait_p99_s=record["wait_p99_s"],
        users=record["users"],
        unanswered=record.get("unanswered", 0),
        without_request=record.get("without_request", 0),
        under_way_before_s=record.get("under_way_before_s", 0.0),
        under_way_after_s=record.get("under_way_after_s", 0.0),
        lag=None if lag is None else Histogram.from_dict(lag),
    )


def _to_stage(stage: StageRecord) -> dict[str, Any]:
    return {**vars(stage), "requests": requests_to_record(stage.requests)}


def _from_stage(record: Mapping[str, Any]) -> StageRecord:
    return StageRecord(
        name=record["name"],
        seconds=record["seconds"],
        requests=_requests_from_record(record["requests"]),
        medians=tuple(ArrivalSecond(*second) for second in record["medians"]),
    )


def _to_surroundings(surroundings: Surroundings) -> dict[str, Any]:
    return {**vars(surroundings), "processes": [each._asdict() for each in surroundings.processes]}


def _from_surroundings(record: Mapping[str, Any] | None) -> Surroundings | None:
    if record is None:
        return None
    processes = [{**each, "cores": tuple(each["cores"])} for each in record["processes"]]
    return Surroundings(
        cores=tuple(record["cores"]),
        spare=tuple(record["spare"]),
        roaming=tuple(record["roaming"]),
        processes=tuple(OtherProcess(**each) for each in processes),
    )


def _to_load_slice(each: LoadSlice) -> dict[str, Any]:
    requests = [[*key, *astuple(seen)] for key, seen in each.requests.items()]
    return {**vars(each), "requests": requests}


def _from_load_slice(record: Mapping[str, Any]) -> LoadSlice:
    requests = {
        RequestKey(name, method): SliceRequests(*seen) for name, method, *seen in record["requests"]
    }
    return LoadSlice(**{**record, "requests": requests})


def _to_fault(fault: Fault) -> dict[str, Any]:
    return {
        "gate": fault.gate,
        "message": fault.message,
        "figure": fault.figure,
        "limit": fault.limit,
        "mendable": fault.retryable,
    }


def _from_fault(record: Mapping[str, Any]) -> Fault:
    return Fault(
        gate=record["gate"],
        message=record["message"],
        figure=record.get("figure"),
        limit=record.get("limit"),
        retryable=record.get("mendable", True),
    )
