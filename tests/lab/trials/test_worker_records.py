from __future__ import annotations

import json
from dataclasses import replace

import pytest

from lab.trials.serialization import from_record, to_record
from lab.trials.trial import LoadEvidence
from lab.trials.worker_records import FleetRecord, on_shared_cores, over_both, within_block
from tests.lab.builders import altered, trial
from tests.lab.workers import fleet, histogram, worker


def test_the_record_of_a_trial_keeps_them() -> None:
    made = fleet(
        worker(2, lag=histogram(0.001), scheduled=3, sent=2, fault="is lost", cores=(1, 2)),
        worker(3, cpu=None, cpu_peak=None, clock_offset_s=-12.5, clock_error_s=0.01),
        worker(4, drained=False),
    )
    recorded = altered(trial("narrow", 100), fleet=made)
    read = from_record(json.loads(json.dumps(to_record(recorded), allow_nan=False)))
    assert read == recorded
    assert isinstance(read.evidence, LoadEvidence) and read.evidence.fleet == made


def test_a_trial_of_one_process_is_written_as_before() -> None:
    assert "fleet" not in to_record(trial("narrow", 100))


def test_the_clock_that_is_known_least_counts() -> None:
    made = fleet(worker(1, clock_error_s=0.002), worker(4, clock_error_s=0.02))
    assert made.clock_error_s == 0.02
    assert FleetRecord(()).clock_error_s == 0.0


def test_segments_add_up_and_the_worst_is_kept() -> None:
    earlier = fleet(
        worker(1, requests=5, ticker_late_p99_s=0.02, lag=histogram(0.1), fault="is lost"),
        cpu_peak=0.9,
    )
    later = fleet(worker(1, requests=7, place="process 9", lag=histogram(0.2)), cpu_peak=0.5)
    both = over_both(earlier, later, 30.0, 10.0)
    first = both.workers[0]
    assert (first.requests, first.place, first.fault) == (12, "process 9", "is lost")
    assert first.ticker_late_p99_s == 0.02
    assert first.lag == histogram(0.1, 0.2)
    assert both.cpu_peak == 0.9
    assert both.cpu == pytest.approx((0.45 * 30 + 0.25 * 10) / 40)
    assert both.workers[1].requests == 200
    stuck = over_both(fleet(worker(1, drained=False)), later, 30.0, 10.0)
    assert not stuck.workers[0].drained and stuck.workers[1].drained


def test_a_worker_is_silent_if_it_did_nothing() -> None:
    idle = worker(1, requests=0)
    assert idle.is_silent
    assert not replace(idle, ended_late=1).is_silent, "its request outlasted the window"
    assert not replace(idle, sent=1).is_silent


def test_who_replaces_a_worker_within_a_block_is_at_fault_if_it_runs_elsewhere() -> None:
    first = fleet()
    again = worker(1, place="process 9")  # started again on the same cores
    other = worker(2, machine="there", place="b, 10.0.0.3, process 7")
    moved = worker(3, cores=(1,))
    later = within_block(first, fleet(again, other, moved))
    assert [each.fault for each in later.workers] == [
        None,
        "has replaced one on another machine (process 4712) within the block",
        "has replaced one on other cores (process 4713) within the block",
        None,
    ]
    assert within_block(first, first) == first


def test_a_worker_that_was_lost_keeps_its_own_fault() -> None:
    lost = worker(2, machine="", fault="was lost")
    assert within_block(fleet(), fleet(lost)).workers[1].fault == "was lost"


def test_workers_of_all_arms_count_on_the_cores_that_they_share() -> None:
    alone = FleetRecord((worker(1, cpu=0.5),), cpu=0.5)
    beside = FleetRecord((worker(1, cpu=0.4),), cpu=0.4)
    elsewhere = FleetRecord((worker(1, cpu=0.8, machine="there"),), cpu=0.8)
    all_arms = [alone, beside, elsewhere]
    found = [on_shared_cores(each, all_arms).cpu for each in all_arms]
    assert found == [pytest.approx(0.9), pytest.approx(0.9), 0.8]


def test_workers_on_many_cores_share_them_evenly() -> None:
    wide = FleetRecord((worker(1, cpu=0.6, cores=(0, 1)), worker(2, cpu=0.2, cores=(0, 1))), 0.6)
    assert on_shared_cores(wide, [wide, wide]).cpu == pytest.approx(0.8)


def test_what_no_worker_measures_stays_unknown() -> None:
    silent = FleetRecord((worker(1, cpu=None),), cpu=None)
    assert on_shared_cores(silent, [silent]) == silent


def test_a_busy_moment_does_not_outweigh_hours() -> None:
    hours = fleet(worker(1, cpu=0.4), cpu_peak=0.8)
    moment = fleet(worker(1, cpu=0.95), cpu_peak=1.9)
    both = over_both(hours, moment, 7200.0, 5.0)
    assert both.cpu == pytest.approx(0.4, abs=0.001)
    assert both.workers[0].cpu == pytest.approx(0.4, abs=0.001)
    assert over_both(fleet(worker(1, cpu=None)), hours, 1.0, 1.0).workers[0].cpu == 0.4
