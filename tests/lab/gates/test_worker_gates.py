"""Gates of a load that workers share: the worst worker decides, and is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from lab.hypothesis import OpenLoad, Stage
from lab.trials.plan import PlannedWorkers
from lab.trials.trial import Dispatch, Fault, Trial
from lab.trials.worker_records import FleetRecord, WorkerRecord
from tests.default_margins import inspect
from tests.lab.builders import SHIPPED, altered, claim, ratio, trial, with_load
from tests.lab.workers import fleet, histogram, worker

THROUGHPUT = claim(ratio(2.5))
OPEN = with_load(THROUGHPUT, OpenLoad("poisson", (Stage(None, 100, 100, None),), max_users=70))
TAIL = replace(
    OPEN,
    predictions=(
        replace(THROUGHPUT.predictions[0], measure="latency_p99.9", compare=None, arm="narrow"),
    ),
    rivals=(),
)
FOUR = PlannedWorkers(4)


def shared(record: FleetRecord | None, **changes: object) -> Trial:
    return altered(trial("narrow", 100), fleet=record, **changes)


def faults(made: Trial, planned: PlannedWorkers | None = FOUR) -> tuple[Fault, ...]:
    return inspect(made, THROUGHPUT, workers=planned).faults


def only_fault(*workers: WorkerRecord, cpu_peak: float = 0.6) -> Fault:
    found = faults(shared(fleet(*workers, cpu_peak=cpu_peak)))
    assert len(found) == 1
    return found[0]


def test_sound_workers_pass() -> None:
    seen = inspect(shared(fleet()), SHIPPED, workers=FOUR)
    assert seen.trusted
    assert (seen.gates["workers"], seen.gates["clock"], seen.gates["begin_late"]) == (0, 0, 0)
    assert seen.gates["driver_cpu"] == 0.6


def test_a_single_process_has_no_such_gates() -> None:
    seen = inspect(trial("narrow", 100), SHIPPED)
    assert not {"workers", "clock", "begin_late"} & set(seen.gates)


def test_a_lost_worker_voids_the_block_and_is_named() -> None:
    found = only_fault(worker(3, fault="was lost: its process ended by signal 9"))
    assert found.gate == "workers"
    assert found.message == (
        "Of the workers that share the load: worker 3 (process 4713) was lost: its process ended "
        "by signal 9."
    )
    assert found.retryable


def test_what_follows_from_a_loss_is_not_the_reason() -> None:
    lost = fleet(worker(3, fault="was lost"))
    made = shared(lost, requests={}, counters={}, users_missing=50)
    assert faults(made)[0].gate == "workers"
    assert len(faults(made)) > 1


def test_fewer_workers_than_planned() -> None:
    found = faults(shared(FleetRecord((worker(1), worker(2)), 0.1, 0.1)))
    assert [fault.gate for fault in found] == ["workers"]
    assert "2 of 4 workers took part" in found[0].message
    assert faults(shared(None))[0].message.endswith("0 of 4 workers took part.")


def test_a_trial_that_failed_before_has_its_own_reason() -> None:
    dead = Fault("alive", "the load driver was ended by signal 9", retryable=False)
    found = faults(shared(None, faults=(dead,)))
    assert "workers" not in [fault.gate for fault in found]


def test_the_users_of_all_workers_are_those_of_the_load() -> None:
    found = only_fault(worker(1, users=12))
    assert "they had 49 users together, not 50" in found.message


def test_a_worker_without_a_request_is_found() -> None:
    found = only_fault(worker(2, requests=0))
    assert "worker 2 (process 4712) sent no request" in found.message
    assert faults(shared(fleet(worker(2, requests=0, ended_late=12)))) == ()


def test_many_flaws_are_not_all_listed() -> None:
    found = only_fault(*(worker(number, requests=0) for number in range(1, 5)))
    assert found.figure == 4
    assert found.message.endswith("(and 1 more).")


@pytest.mark.parametrize(("error_s", "window_s"), [(0.051, 10.0), (0.021, 1.0)])
def test_a_clock_that_is_not_known_well_enough(error_s: float, window_s: float) -> None:
    made = shared(fleet(worker(4, clock_error_s=error_s)), window_s=window_s)
    found = [fault for fault in faults(made) if fault.gate == "clock"]
    assert len(found) == 1
    assert f"The clock of worker 4 (process 4714) is known to {error_s * 1000:.1f} ms only" in (
        found[0].message
    )
    assert found[0].limit == min(0.05, 0.02 * window_s)


def test_a_load_that_began_late() -> None:
    found = only_fault(worker(2, begin_late_s=0.07))
    assert found.gate == "begin_late"
    assert "The load of worker 2 (process 4712) began 70 ms later than agreed" in found.message


def test_the_latest_ticker_decides_whatever_the_others_did() -> None:
    found = only_fault(worker(2, ticker_late_p99_s=0.09))
    assert found.gate == "ticker_late"
    assert found.message.startswith(
        "Of the load driver, worker 2 (process 4712) was held up: its 10 ms ticker ran 90.0 ms late"
    )


def test_workers_that_share_a_core_are_taken_together() -> None:
    found = only_fault(worker(2, cpu_peak=0.24), cpu_peak=0.95)
    assert found.gate == "driver_cpu"
    assert "95% of the cores of worker 2 (process 4712) and the 3 beside it" in found.message


def test_a_worker_alone_on_its_core_is_named_alone() -> None:
    found = only_fault(worker(2, cores=(3,), cpu_peak=0.95), cpu_peak=0.95)
    assert "95% of the cores of worker 2 (process 4712) (limit 90%)" in found.message


def test_users_that_do_not_end_are_said_of_their_worker() -> None:
    (found,) = faults(shared(fleet(worker(3, drained=False)), users_missing=50))
    assert found.gate == "users"
    assert "Those of worker 3 (process 4713) did not end." in found.message
    lost = fleet(worker(3, drained=False, fault="is lost"))
    assert "did not end." not in faults(shared(lost, users_missing=50))[-1].message


def elsewhere(number: int, **changes: object) -> WorkerRecord:
    """A worker of another machine."""
    place = f"there, 192.0.2.7:{40000 + number}, process {4710 + number}"
    return worker(number, **{"place": place, "machine": "there", **changes})


def test_cores_that_are_busiest_together_are_named_whatever_one_worker_used_elsewhere() -> None:
    sharing = [worker(number, cpu_peak=0.32) for number in (2, 3, 4)]
    found = only_fault(worker(1, cores=(3,), cpu_peak=0.5), *sharing, cpu_peak=0.95)
    assert found.gate == "driver_cpu"
    assert "95% of the cores of worker 2 (process 4712) and the 2 beside it" in found.message


def test_what_no_worker_used_is_the_masters() -> None:
    others = [elsewhere(number) for number in (2, 3, 4)]
    found = only_fault(elsewhere(1), *others, cpu_peak=0.95)
    assert found.gate == "driver_cpu"
    assert "95% of the cores of the master" in found.message
    found = only_fault(worker(1, cpu_peak=0.3), *others, cpu_peak=0.95)  # on the cores of both
    assert "95% of the cores of worker 1 (process 4711) (limit 90%)" in found.message


def test_the_worker_that_dispatched_latest_decides() -> None:
    quick = [worker(n, sent=100, lag=histogram(*[0.0004] * 100)) for n in (1, 2, 3)]
    late = worker(4, sent=100, lag=histogram(*[0.02] * 100))
    on_time = Dispatch(400, 400, 0, 0, 0.0004, 0.0001, 20)  # of all together
    made = shared(fleet(*quick, late), dispatch=on_time)
    found = inspect(made, OPEN, workers=FOUR).faults
    assert [fault.gate for fault in found] == ["dispatch"]
    assert found[0].message.startswith(
        "Of the load driver, worker 4 (process 4714) dispatched arrivals 20.0 ms late at p99"
    )


def test_who_was_lost_before_the_load_began_is_the_reason_and_no_number() -> None:
    lost = WorkerRecord("worker 2", "before the load began", fault="was missing for 60 s")
    found = faults(shared(FleetRecord((lost,))))
    assert found[0].message == (
        "Of the workers that share the load: worker 2 (before the load began) was missing for 60 s."
    )


def dispatched(lags: Sequence[Sequence[float]]) -> tuple[Fault, ...]:
    """Faults of the dispatch of four workers, each late by these seconds."""
    workers = [
        worker(n, scheduled=len(own), sent=len(own), lag=histogram(*own))
        for n, own in enumerate(lags, 1)
    ]
    together = histogram(*(late for own in lags for late in own))
    p99_s = together.quantile(0.99, beyond=0) or 0.0
    total = together.count
    made = Dispatch(total, total, 0, 0, p99_s, 0.0001, 20, lag=together)
    seen = inspect(shared(fleet(*workers), dispatch=made), TAIL, workers=FOUR)
    return tuple(fault for fault in seen.faults if fault.gate in ("dispatch", "workers"))


def test_all_workers_together_must_be_on_time_at_the_quantile_of_a_prediction() -> None:
    """Each has too few arrivals for p99.9; together they have enough, as one process would."""
    late = [0.0001] * 4975 + [0.05] * 25
    (found,) = dispatched([late] * 4)
    assert found.message.startswith("The load driver dispatched arrivals ")
    assert " ms late at p99.9 " in found.message


def test_one_worker_with_few_arrivals_hides_none_that_has_enough() -> None:
    deep = [0.0001] * 19_900 + [0.05] * 100
    found = dispatched([[0.0001] * 2000, [0.0001] * 40_000, deep, [0.0001] * 40_000])
    assert [fault.gate for fault in found] == ["dispatch"]
    assert found[0].message.startswith(
        "Of the load driver, worker 3 (process 4713) dispatched arrivals "
    )


def test_a_worker_that_dispatched_nothing_is_named_and_hides_none() -> None:
    late = [0.02] * 100
    found = dispatched([late, late, late, []])
    assert [fault.gate for fault in found] == ["dispatch"], "of which none was scheduled"
    stuck = worker(4, scheduled=25, requests=3, lag=histogram())
    (fault,) = inspect(shared(fleet(stuck)), THROUGHPUT, workers=FOUR).faults
    assert fault.gate == "workers"
    assert "worker 4 (process 4714) sent none of its 25 arrivals." in fault.message
