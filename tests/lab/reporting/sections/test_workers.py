"""What a report says of the workers that shared a load."""

from __future__ import annotations

from dataclasses import replace

from lab.reporting.sections.workers import WorkersSection, workers_section
from lab.trials.plan import PlannedWorkers
from lab.trials.trial import Trial
from lab.trials.worker_records import FleetRecord
from tests.lab.builders import altered, trial
from tests.lab.reporting.sections.test_slices import sorted_trials
from tests.lab.workers import fleet, histogram, worker


def with_fleet(record: FleetRecord, block: int = 1) -> Trial:
    return altered(trial("narrow", 100.0, block=block), fleet=record)


def section(*trials: Trial, remote: int = 0) -> WorkersSection:
    planned = PlannedWorkers(4 - remote, remote)
    found = workers_section(sorted_trials(list(trials)), planned)
    assert found is not None
    return found


def test_a_load_of_one_process_has_no_section() -> None:
    assert workers_section(sorted_trials([trial("narrow", 100.0)]), None) is None


def test_each_worker_has_a_row_with_sums_and_the_worst() -> None:
    first = fleet(worker(2, ticker_late_p99_s=0.004, begin_late_s=0.002))
    second = fleet(worker(2, place="process 99", requests=150, cpu_peak=0.5))
    table = section(with_fleet(first), with_fleet(second, 2)).table
    assert [row[0] for row in table.rows] == ["worker 1", "worker 2", "worker 3", "worker 4"]
    own = dict(zip(table.head, table.rows[1], strict=True))
    assert own["where"] == "process 99 and 1 earlier"
    assert (own["users"], own["requests"]) == ("13", "250")
    assert (own["ticker"], own["began late"]) == ("4 ms", "2 ms")
    assert (own["processor"], own["dispatch delay"]) == ("50%", "–")
    assert own["clock"] == "the lab's own"


def test_one_clock_is_said() -> None:
    assert "They share one clock" in section(with_fleet(fleet())).summary


def test_it_is_said_how_far_clocks_may_be_wrong() -> None:
    away = worker(3, clock_offset_s=-12.5, clock_error_s=0.0203, lag=histogram(0.001))
    found = section(with_fleet(fleet(away)), remote=1)
    assert "4 workers, 1 of them joined by lab worker" in found.summary
    assert "at the start of each trial the edges" in found.summary
    assert "may be wrong by up to 20.3 ms" in found.summary
    own = dict(zip(found.table.head, found.table.rows[2], strict=True))
    assert (own["clock"], own["known to"]) == ("-12.500000 s", "20.3 ms")
    assert own["dispatch delay"] == "1 ms"


def test_clocks_are_those_of_trials_that_do_not_count_too() -> None:
    away = fleet(worker(3, clock_offset_s=-12.5, clock_error_s=0.0203))
    none_counts = replace(sorted_trials([with_fleet(away)]), blocks=())
    found = workers_section(none_counts, PlannedWorkers(3, 1))
    assert found is not None and not found.table.rows
    assert "may be wrong by up to 20.3 ms" in found.summary


def test_without_any_record_the_clocks_of_other_machines_are_not_known() -> None:
    assert "share one clock is not known" in section(trial("narrow", 100.0), remote=1).summary
