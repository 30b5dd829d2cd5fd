"""Capacity, knee and pauses are found again in sweeps whose truth is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.decision_margins import BEFORE_SEALED
from lab.stats.asymptotic_bounds import AsymptoticBounds, Values
from tests.default_margins import MARGINS, geometric_mean, measure_bounds, measure_think
from tests.oracles.queueing import asymptotic_bounds
from tests.oracles.sweeps import USERS, noisy_blocks, scalability_law

NOISE = 0.03
BLOCKS = 200


@pytest.fixture
def rng() -> np.random.Generator:
    """A source that gives the same numbers each time."""
    return np.random.default_rng(2007)


def test_the_bounds_of_the_shipped_service() -> None:
    """Five connections held for .16 s: 31 a second, and a sixth shopper must queue."""
    bounds = asymptotic_bounds([(0.16, 5)])
    assert bounds == AsymptoticBounds(capacity=31.25, response=0.16)
    assert bounds.knee == pytest.approx(5)
    assert bounds.throughput([1, 5, 50]) == pytest.approx([6.25, 31.25, 31.25])


def test_the_slowest_station_limits_and_all_stations_add_response_time() -> None:
    """A pause raises the knee."""
    bounds = asymptotic_bounds([(0.02, 4), (0.03, 1), (0.05, 10)], think=0.9)
    assert (bounds.capacity, bounds.response) == pytest.approx((1 / 0.03, 0.1))
    assert bounds.knee == pytest.approx(1 / 0.03)


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=30), st.integers(1, 4), st.integers(1, 9))
def test_no_closed_system_exceeds_its_bounds(
    services: list[float], servers: int, users: int
) -> None:
    """Users who send again at once, for any order of long and short services."""
    free, ready, end = [0.0] * servers, [0.0] * users, 0.0
    for service in services * 4:
        begin = max(min(free), min(ready))
        end = max(end, begin + service)
        free[free.index(min(free))] = ready[ready.index(min(ready))] = begin + service
    bounds = asymptotic_bounds([(float(np.mean(services)), servers)])
    assert 4 * len(services) / end <= bounds.throughput(users) * (1 + 1e-9)


@given(st.permutations(range(len(USERS))))
def test_the_order_of_the_levels_does_not_matter(order: list[int]) -> None:
    """They are run in random order."""
    curve = scalability_law(100, 0.05, 0.004)
    shown = measure_bounds(USERS[order], curve[order], (USERS / curve)[order])
    assert shown == measure_bounds(USERS, curve, USERS / curve)


def test_the_pool_of_the_shipped_service_is_found(rng: np.random.Generator) -> None:
    """Five connections held for .16 s: 31 a second and five users, in every block."""
    truth = asymptotic_bounds([(0.16, 5)])
    curve = truth.throughput(USERS)
    shown = [
        measure_bounds(USERS, block, USERS / block)
        for block in noisy_blocks(rng, curve, BLOCKS, NOISE)
    ]
    capacities = [bounds.capacity for bounds in shown if bounds]
    knees = [bounds.knee for bounds in shown if bounds]
    assert len(knees) == BLOCKS
    assert capacities == pytest.approx([31.25] * BLOCKS, rel=0.1)
    assert knees == pytest.approx([5.0] * BLOCKS, rel=0.2)
    for k in range(0, BLOCKS, 5):
        capacity, knee = (
            geometric_mean(capacities[k : k + 5], 0.01),
            geometric_mean(knees[k : k + 5], 0.01),
        )
        assert capacity is not None
        assert knee is not None
        assert capacity.estimate == pytest.approx(31.25, rel=0.05)
        assert knee.estimate == pytest.approx(5, rel=0.1)


def test_a_sweep_with_a_peak_has_a_capacity() -> None:
    """The plateau around it gives the capacity, however far the throughput falls beyond it."""
    curve = scalability_law(100, 0.02, 0.98 / 10**2)
    shown = measure_bounds(USERS, curve, USERS / curve)
    assert shown is not None
    assert shown.capacity == pytest.approx(curve.max(), rel=0.05)
    assert shown.response == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("users", "curve"),
    [
        (USERS, USERS),  # linear to the end
        (USERS, scalability_law(1, 0.02, 0)),  # still rising by half
        (np.array([8.0, 16, 32]), np.array([31.0, 31, 31])),  # saturated from the start
        (np.array([30.0, 31, 32]), np.array([30.0, 31, 32])),  # hardly a sweep
    ],
)
def test_a_sweep_that_does_not_pass_the_corner_has_no_knee(users: Values, curve: Values) -> None:
    """Neither levels below the corner alone nor levels above it alone."""
    assert measure_bounds(users, curve, users / curve) is None


def test_one_user_may_saturate_a_single_server() -> None:
    """The second user waits, and the knee is at one."""
    shown = measure_bounds([1, 2, 4, 8], [10, 10, 10, 10], [0.1, 0.2, 0.4, 0.8])
    assert shown is not None
    assert shown.knee == pytest.approx(1)


@pytest.mark.parametrize(
    ("lowest", "closed", "is_known"),
    [
        (1.0, True, True),
        (2.0, True, True),  # two fifths of the capacity
        (4.0, True, False),
        (0.8, False, True),  # in flight: sixteen hundredths of it
        (1.5, False, False),
    ],
)
def test_a_lowest_level_that_may_queue_shows_no_knee(
    lowest: float, closed: bool, is_known: bool
) -> None:
    """Its response time would be taken for one without queueing. The capacity does not need it."""
    users = np.array([lowest, 5, 8, 16, 32])
    curve = np.minimum(users, 5) / 0.16
    shown = measure_bounds(users, curve, users / curve, closed=closed)
    assert shown is not None
    assert shown.capacity == pytest.approx(31.25)
    assert shown.knee == (pytest.approx(5) if is_known else None)
    if not is_known:
        assert shown.throughput(users) == pytest.approx([31.25] * 5)
    earlier = measure_bounds(
        users, curve, users / curve, closed=closed, margins=BEFORE_SEALED.sweep
    )
    assert earlier is not None and earlier.knee == pytest.approx(5), "as it was judged"


def test_the_shares_of_the_lowest_level_follow_from_queueing_theory() -> None:
    """Two users who pause, at half of one exponential server; arrivals at a fifth of another."""
    pause, half = 2.733, 0.5
    response = 1 + 1 / (1 + pause)  # the second finds the first there (mean value analysis)
    assert 2 / (response + pause) == pytest.approx(half, rel=1e-3)
    assert (2 / half) / (1 + pause) < 1.08
    assert (MARGINS.sweep.unqueued_users, 1 / (1 - MARGINS.sweep.unqueued_rate)) == (half, 1.25)


def test_pauses_raise_the_knee() -> None:
    """By the number of users who pause at a time."""
    curve = asymptotic_bounds([(0.16, 5)], think=0.16).throughput(USERS)
    shown = measure_bounds(USERS, curve, USERS / curve - 0.16, think=0.16)
    assert shown is not None
    assert shown.knee == pytest.approx(10)


def test_pauses_follow_from_the_closed_law(rng: np.random.Generator) -> None:
    """Over all levels below the plateau, so that a single user's coarse count has little weight."""
    cycle = asymptotic_bounds([(0.16, 5)], think=0.25)
    curve = cycle.throughput(USERS)
    response = USERS / curve - 0.25
    assert measure_think(USERS, curve, response) == pytest.approx(0.25)
    coarse = curve.copy()
    coarse[0] = 9 / 4  # of 9.76 requests in four seconds, nine ended
    assert USERS[0] / coarse[0] - response[0] == pytest.approx(0.284, abs=0.001)
    assert measure_think(USERS, coarse, response) == pytest.approx(0.25, abs=0.003)
    found = [
        measure_think(USERS, block, response) for block in noisy_blocks(rng, curve, BLOCKS, NOISE)
    ]
    assert np.mean(found) == pytest.approx(0.25, abs=0.003)
    assert measure_think(USERS, USERS / 0.1, np.full(7, 0.1)) == pytest.approx(0, abs=1e-12)
    assert measure_think([1, 2, 4, 8], [10.0] * 4, [0.05, 0.2, 0.4, 0.8]) == pytest.approx(0.05)
