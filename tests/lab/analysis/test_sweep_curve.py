"""Trials of a sweep become a curve, and a curve bounds."""

import math
from dataclasses import replace

import pytest

from lab.analysis.sweep_curve import SweepCurve
from lab.stats.latency_histogram import Histogram
from lab.trials.trial import Dispatch, Ended, LoadEvidence, Requests, Trial
from tests.default_margins import MARGINS
from tests.lab.builders import ORDERS


def trial(count: int, latency_s: float, errors: int = 0) -> Trial:
    latency = Histogram()
    latency.add_many([latency_s] * count)
    seen = {ORDERS: Requests(count, errors, latency)} if count else {}
    return Trial(1, 1, "narrow", 0.0, 4.0, evidence=LoadEvidence(seen))


def test_trials_become_a_curve() -> None:
    """The successes alone, by ascending level for any order of the trials."""
    closed = SweepCurve.of(
        {8: trial(40, 0.5, errors=4), 1: trial(10, 0.16)}, MARGINS.sweep, closed=True
    )
    assert closed is not None
    assert closed.levels == closed.users == (1, 8)
    assert closed.throughput == (2.5, 9)
    assert closed.response == pytest.approx((0.16, 0.5))
    opened = SweepCurve.of({20: trial(80, 0.5), 10: trial(40, 0.2)}, MARGINS.sweep, closed=False)
    assert opened is not None
    assert opened.levels == (10, 20)
    assert opened.users == pytest.approx((2, 10))


def test_a_level_without_success_gives_no_curve() -> None:
    """No value is made up for it."""
    assert SweepCurve.of({1: trial(10, 0.1), 2: trial(0, 0.1)}, MARGINS.sweep, closed=True) is None
    assert (
        SweepCurve.of({1: trial(10, 0.1), 2: trial(5, 0.1, errors=5)}, MARGINS.sweep, closed=True)
        is None
    )


def test_open_arrivals_show_the_same_pool_in_requests_in_flight() -> None:
    """The rates pass the capacity; a user who pauses is not in the system."""
    rates = (5.0, 10.0, 20.0, 30.0, 40.0, 60.0)
    through = tuple(min(rate, 31.25) for rate in rates)
    response = (0.16, 0.16, 0.17, 0.3, 0.9, 1.8)
    in_flight = tuple(x * r for x, r in zip(through, response, strict=True))
    found = SweepCurve(
        rates, in_flight, through, response, closed=False, margins=MARGINS.sweep
    ).bounds
    assert found is not None
    assert found.think == 0
    assert found.knee == pytest.approx(5, rel=0.1)


def arriving(
    rate: float, ended: int, latency_s: float, per_arrival: int = 1, errors: int = 0
) -> Trial:
    """Ten seconds of arrivals at `rate`: how many requests completed, and failed among them."""
    scheduled = int(rate * 10)
    latency = Histogram()
    latency.add_many([latency_s] * (scheduled * per_arrival))
    seen = Requests(scheduled * per_arrival, errors, latency, ended_within=Ended(ended, errors))
    dispatch = Dispatch(scheduled, scheduled, 0, 0, 0.0, 0.0, 9)
    evidence = LoadEvidence({ORDERS: seen}, dispatch=dispatch)
    return Trial(1, 1, "narrow", 0.0, 10.0, evidence=evidence)


@pytest.mark.parametrize("per_arrival", [1, 2])
def test_a_throughput_that_is_the_offered_rate_is_no_capacity(per_arrival: int) -> None:
    """Levels close to each other look like a plateau, although the service can do more."""
    rates = (50.0, 95.0, 97.5, 100.0)
    latency = (0.1, 0.1, 0.15, 0.2)
    idle = SweepCurve.of(
        {
            rate: arriving(rate, int(rate * 10 * per_arrival), seconds, per_arrival)
            for rate, seconds in zip(rates, latency, strict=True)
        },
        MARGINS.sweep,
        closed=False,
    )
    assert idle is not None
    assert replace(idle, keeps_up=False).bounds is not None, "as it would be without the check"
    assert idle.bounds is None
    rates, latency = (20.0, 40.0, 80.0, 160.0), (0.1, 0.1, 1.0, 3.0)
    full = SweepCurve.of(
        {
            rate: arriving(rate, int(min(rate, 45) * 10 * per_arrival), seconds, per_arrival)
            for rate, seconds in zip(rates, latency, strict=True)
        },
        MARGINS.sweep,
        closed=False,
    )
    assert full is not None and full.bounds is not None
    assert full.bounds.capacity == pytest.approx(45 * per_arrival, rel=0.02)


def test_errors_at_every_rate_are_no_sign_of_saturation() -> None:
    """A tenth of the requests fail, as at the lowest rate: the service keeps up all the same."""
    trials = {
        rate: arriving(rate, int(rate * 10), seconds, errors=int(rate))
        for rate, seconds in ((50.0, 0.1), (95.0, 0.1), (97.5, 0.15), (100.0, 0.2))
    }
    found = SweepCurve.of(trials, MARGINS.sweep, closed=False)
    assert found is not None
    assert found.keeps_up and found.bounds is None
    earlier = SweepCurve.of(trials, replace(MARGINS.sweep, usual_errors=0.0), closed=False)
    assert earlier is not None and earlier.bounds is not None, "as it was judged"
    shed = trials | {100.0: arriving(100.0, 1000, 0.2, errors=200)}
    saturated = SweepCurve.of(shed, MARGINS.sweep, closed=False)
    assert saturated is not None and not saturated.keeps_up


def limited(
    rates: tuple[float, ...],
    reaches: tuple[int, ...],
    answers: tuple[float, ...],
    waits: tuple[float, ...],
) -> dict[float, Trial]:
    """Ten seconds of each rate: sent a second, seconds until the answer and for a free user."""
    trials = {}
    for rate, sent, own, wait in zip(rates, reaches, answers, waits, strict=True):
        scheduled, due = int(rate * 10), Histogram()
        due.add_many([own + wait] * sent * 10)
        answered = Histogram()
        answered.add_many([own] * sent * 10)
        seen = Requests(sent * 10, 0, due, sent_latency=answered, ended_within=Ended(sent * 10, 0))
        waiting = scheduled - sent * 10
        dispatch = Dispatch(scheduled, sent * 10, waiting, 0, 0.0, wait, 100)
        evidence = LoadEvidence({ORDERS: seen}, dispatch=dispatch)
        trials[rate] = Trial(1, 1, "narrow", 0.0, 10.0, evidence=evidence)
    return trials


@pytest.mark.parametrize(("at_the_top_s", "is_known"), [(0.5, False), (2.0, True)])
def test_users_that_are_all_busy_are_no_capacity_of_a_service_as_quick_as_ever(
    at_the_top_s: float, is_known: bool
) -> None:
    """A hundred users at half a second each send 200 requests a second, whatever is asked for."""
    trials = limited(
        rates=(25.0, 50.0, 100.0, 200.0, 400.0),
        reaches=(25, 50, 100, 200, 200),
        answers=(0.5, 0.5, 0.5, 0.5, at_the_top_s),
        waits=(0.0, 0.0, 0.0, 0.0, 1.6),
    )
    # what waits in the driver is counted as in flight, so that only this check tells
    margins = replace(MARGINS.sweep, without_wait=0.0)
    curve = SweepCurve.of(trials, margins, closed=False)
    assert curve is not None
    assert replace(curve, lacks_users=False).bounds is not None, "as it would be without the check"
    assert (curve.bounds is not None) is is_known


def test_arrivals_that_wait_in_the_driver_are_not_in_flight() -> None:
    """Twenty users of a service of 100 ms, which never has more than twenty requests."""
    trials = limited(
        (20.0, 50.0, 100.0, 300.0), (20, 50, 100, 200), (0.1,) * 4, (0.0, 0.0, 0.0, 1.67)
    )
    found = SweepCurve.of(trials, MARGINS.sweep, closed=False)
    assert found is not None
    assert found.users == pytest.approx((2, 5, 10, 20))
    assert found.peak is None, "more users might show one"
    earlier = SweepCurve.of(trials, replace(MARGINS.sweep, without_wait=0.0), closed=False)
    assert earlier is not None
    assert (earlier.users[-1], earlier.peak) == (pytest.approx(354), math.inf), "as it was judged"
