"""The workers of a soak: recorded over intervals, segments and a session that was resumed."""

from __future__ import annotations

import json

import pytest

from lab.driver_messages import Closed
from lab.experiment.soak_trial_builder import SoakTrial
from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.soak_sampler import IntervalSample
from lab.trials.serialization import from_record, to_record
from lab.trials.trial import SoakEvidence, Trial
from lab.trials.worker_records import FleetRecord
from tests.lab.workers import end, frame, histogram, opened, part

QUIET = BackgroundLoad(0.0, 0.0)
BLANK = Trial(1, 1, "alone", 0.0, 0.0, evidence=SoakEvidence())


def segment(trial: SoakTrial, until: float, ended: int) -> None:
    """Two seconds in which each worker ends so many requests."""
    trial.open(opened(begin_late_s=0.001))
    lag = {"scheduled": ended, "sent": ended, "lag": histogram(*[0.001] * ended)}
    for second in (1.0, 2.0):
        trial.add(frame(second, [part(1, ended, **lag), part(2, ended, **lag)], is_open=True))
    trial.interval(until, IntervalSample(), QUIET)


def fleet_of(trial: Trial) -> FleetRecord:
    found = trial.service.fleet
    assert found is not None
    return found


def test_each_interval_keeps_what_every_worker_did() -> None:
    trial = SoakTrial(BLANK, 2.0, "service")
    segment(trial, 2.0, 10)
    trial.close(Closed(drained=True, worker_ends=(end(1, ended_late=1), end(2))))
    first, second = fleet_of(trial.trial()).workers
    assert (first.requests, first.sent, first.ended_late) == (20, 20, 1)
    assert (second.requests, second.users) == (20, 5)


def test_segments_of_one_trial_add_up() -> None:
    trial = SoakTrial(BLANK, 2.0, "service")
    segment(trial, 2.0, 10)
    segment(trial, 4.0, 30)
    first = fleet_of(trial.trial()).workers[0]
    assert first.requests == 80
    assert first.lag is not None and first.lag.count == 80
    assert first.cpu == pytest.approx(0.25)


def test_a_session_that_is_resumed_goes_on() -> None:
    before = SoakTrial(BLANK, 2.0, "service")
    segment(before, 2.0, 10)
    on_disk = from_record(json.loads(json.dumps(to_record(before.trial()))))
    after = SoakTrial(on_disk, 2.0, "service")
    segment(after, 4.0, 5)
    assert [worker.requests for worker in fleet_of(after.trial()).workers] == [30, 30]


def test_a_single_process_has_no_workers() -> None:
    trial = SoakTrial(BLANK, 2.0, "service")
    trial.interval(2.0, IntervalSample(), QUIET)
    assert trial.trial().service.fleet is None
