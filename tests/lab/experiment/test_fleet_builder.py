"""The messages of a driver with workers become the record of each worker."""

from __future__ import annotations

import pytest

from lab.driver_messages import Closed, Opened
from lab.experiment.fleet_builder import FleetBuilder
from lab.trials.worker_records import FleetRecord
from tests.lab.workers import end, frame, histogram, opened, part


def built(*, is_open: bool = False) -> FleetRecord:
    builder = FleetBuilder()
    builder.open(opened())
    lag = {"scheduled": 20, "sent": 19, "lag": histogram(0.001, 0.002)} if is_open else {}
    builder.add(frame(1.0, [part(1, 20, **lag), part(2, 30)], is_open=is_open), 1.0)
    busy = part(2, 30, driver_cpu=0.75, ticker_lateness=(0.02,))
    builder.add(frame(3.0, [part(1, 20, **lag), busy], is_open=is_open), 2.0)
    builder.close(Closed(drained=True, worker_ends=(end(1, ended_late=3), end(2, fault="is lost"))))
    record = builder.record()
    assert record is not None
    return record


def test_each_worker_has_its_own_figures() -> None:
    first, second = built().workers
    assert (first.name, first.place, first.users) == ("worker 1", "process 4711", 5)
    assert (first.requests, second.requests) == (40, 60)
    assert (first.ended_late, second.ended_late) == (3, 0)
    assert (first.fault, second.fault) == (None, "is lost")
    assert (first.begin_late_s, second.begin_late_s) == (0.001, 0.002)
    assert first.ticker_late_p99_s == pytest.approx(0.001, rel=0.01)
    assert second.ticker_late_p99_s == pytest.approx(0.02, rel=0.01)
    assert first.lag is None, "of a closed load"


def test_a_worker_whose_users_did_not_end_is_known() -> None:
    builder = FleetBuilder()
    builder.open(opened())
    builder.close(Closed(drained=False, worker_ends=(end(1), end(2, drained=False))))
    record = builder.record()
    assert record is not None
    assert [worker.drained for worker in record.workers] == [True, False]


def test_processor_time_is_a_mean_over_time_and_a_peak() -> None:
    record = built()
    assert record.workers[1].cpu == pytest.approx((0.25 + 2 * 0.75) / 3)
    assert record.workers[1].cpu_peak == 0.75
    assert (record.cpu, record.cpu_peak) == (pytest.approx((0.25 + 2 * 0.75) / 3), 0.75)


def test_arrivals_are_counted_for_each_worker() -> None:
    first, second = built(is_open=True).workers
    assert (first.scheduled, first.sent) == (40, 38)
    assert first.lag == histogram(0.001, 0.002, 0.001, 0.002)
    assert second.lag is not None and second.lag.count == 0


def test_a_single_process_has_no_record() -> None:
    builder = FleetBuilder()
    builder.open(Opened(0.0, 0.0, 1.0))
    builder.add(frame(1.0, [part(1)]), 1.0)
    builder.close(Closed(drained=True))
    assert builder.record() is None


def test_a_worker_that_was_lost_before_the_load_began_is_named() -> None:
    builder = FleetBuilder()
    builder.close(Closed(drained=False, early=True, worker_ends=(end(2, fault="is lost"),)))
    record = builder.record()
    assert record is not None
    assert [str(each) for each in record.workers] == ["worker 2 (before the load began)"]
    assert record.workers[0].fault == "is lost"


def test_a_new_segment_begins_anew() -> None:
    builder = FleetBuilder()
    for _ in range(2):
        builder.open(opened())
        builder.add(frame(1.0, [part(1, 20), part(2, 30)]), 1.0)
    record = builder.record()
    assert record is not None
    assert [each.requests for each in record.workers] == [20, 30]
