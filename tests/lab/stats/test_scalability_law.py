"""Planted laws are found again, and no peak where throughput only saturates."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.stats.confidence_interval import ConfidenceInterval, t_interval
from lab.stats.queueing import asymptotic_bounds
from lab.stats.scalability_law import (
    PASSES,
    ScalabilityLaw,
    Values,
    fit_law,
    measured_bounds,
    measured_think,
    ruled_out,
)
from lab.stats.scalability_law import over_blocks as over

USERS = np.array([1.0, 2, 4, 8, 16, 32, 64])
NOISE = 0.03
BLOCKS = 200


@pytest.fixture
def rng() -> np.random.Generator:
    """Return a source that gives the same numbers each time."""
    return np.random.default_rng(2007)


def law(rate: float, sigma: float, kappa: float, users: Values = USERS) -> Values:
    """Return the Universal Scalability Law, as it is written."""
    return rate * users / (1 + sigma * (users - 1) + kappa * users * (users - 1))


def noisy(rng: np.random.Generator, curve: Values) -> Values:
    """Return blocks of a sweep, shape (blocks, levels), each value off by some percent."""
    return curve * np.exp(rng.normal(0, NOISE, (BLOCKS, len(curve))))


def with_delay(servers: int, service: float, delay: float) -> Values:
    """Return the exact throughput of a closed M/M/c with a delay outside, by state probabilities.

    Of N users k are at the servers with weight delay^(N - k) / (N - k)! * product of the service
    rates' inverses (Gordon & Newell, 1967).
    """
    found = []
    for users in USERS.astype(int):
        at = np.arange(users + 1)
        rates = np.minimum(at, servers) / service
        inverses = np.cumsum(np.log(rates[1:]))
        logs = (users - at) * math.log(delay) - np.array([math.lgamma(m + 1) for m in users - at])
        logs[1:] -= inverses
        share = np.exp(logs - logs.max())
        found.append(float(share @ rates / share.sum()))
    return np.array(found)


def rounded(sharpness: float) -> Values:
    """Return the bounds of eight servers of one second each, with a rounded corner."""
    return 8 / (1 + (8 / USERS) ** sharpness) ** (1 / sharpness)


SATURATING = {
    "the bounds of M/M/8": np.minimum(USERS, 8.0),
    "M/M/8, short delay": with_delay(8, 1.0, 0.2),
    "M/M/8, as much delay as service": with_delay(8, 1.0, 1.0),
    "sharp": rounded(6),
    "round": rounded(3),
    "very round": rounded(2),
    "Amdahl": law(1, 0.1, 0),
    "linear": USERS,
    "pool of five": np.minimum(USERS, 5) / 0.16,
}


@given(st.floats(0.1, 1e4), st.floats(0, 0.9), st.floats(0, 0.1))
def test_a_planted_law_is_found_again(rate: float, sigma: float, kappa: float) -> None:
    """Without noise, to rounding; its peak where the sweep passes it."""
    found = fit_law(USERS, law(rate, sigma, kappa))
    assert found is not None
    assert (found.rate, found.sigma, found.kappa) == pytest.approx(
        (rate, sigma, kappa), rel=1e-6, abs=1e-9
    )
    assert found.misfit < 1e-6
    assert found.fits
    assert found.throughput(USERS) == pytest.approx(law(rate, sigma, kappa))
    if kappa > 1e-6:
        best = math.sqrt((1 - sigma) / kappa)
        if 1 < best < 64 / PASSES * 0.99:
            top = float(law(rate, sigma, kappa, np.array(best)))
            assert found.peak is not None
            assert (found.peak.users, found.peak.throughput) == pytest.approx((best, top), rel=1e-4)
        if not 0.99 < best < 64 / PASSES * 1.01:
            assert found.peak is None


def test_a_planted_law_is_found_under_noise(rng: np.random.Generator) -> None:
    """At 3 % the median is on the spot, and single blocks are near."""
    planted = law(100, 0.05, 0.95 / 16**2)
    fits = [fit_law(USERS, block) for block in noisy(rng, planted)]
    rate, sigma, kappa = (
        np.array([getattr(fit, name) for fit in fits]) for name in ("rate", "sigma", "kappa")
    )
    assert np.median(rate) == pytest.approx(100, rel=0.01)
    assert np.median(sigma) == pytest.approx(0.05, abs=0.005)
    assert np.median(kappa) == pytest.approx(0.95 / 16**2, rel=0.03)
    peaks = np.array([fit.peak.users for fit in fits if fit and fit.peak])
    assert len(peaks) == BLOCKS
    assert np.abs(peaks / 16 - 1).max() < 0.15
    tops = np.array([fit.peak.throughput for fit in fits if fit and fit.peak])
    assert tops == pytest.approx(float(law(100, 0.05, 0.95 / 16**2, np.array(16.0))), rel=0.1)


def test_intervals_over_blocks_cover_the_planted_peak(rng: np.random.Generator) -> None:
    """In 95 % of the runs of six blocks, within three standard errors."""
    runs = 300
    curve = law(100, 0.05, 0.95 / 16**2)
    covered = 0
    for _ in range(runs):
        blocks = curve * np.exp(rng.normal(0, NOISE, (6, len(USERS))))
        fits = [fit_law(USERS, block) for block in blocks]
        interval = over([fit.peak.users if fit and fit.peak else None for fit in fits], 0.025)
        assert interval is not None
        covered += interval.low <= 16 <= interval.high
    assert covered / runs == pytest.approx(0.95, abs=3 * math.sqrt(0.05 * 0.95 / runs))


@pytest.mark.parametrize("curve", SATURATING.values(), ids=SATURATING)
def test_what_only_saturates_has_no_peak(rng: np.random.Generator, curve: Values) -> None:
    """Rarely in a block, never over six; the law alone would tell one in nearly each."""
    fits = [fit_law(USERS, block) for block in noisy(rng, curve)]
    peaks = [fit.peak.users if fit and fit.peak else None for fit in fits]
    assert sum(peak is not None for peak in peaks) <= 0.05 * BLOCKS
    assert all(over(peaks[k : k + 6], 0.01) is None for k in range(0, BLOCKS - 6, 6))
    assert np.mean([fit is not None and fit.rises for fit in fits]) > 0.9


@pytest.mark.parametrize("name", ["round", "M/M/8, as much delay as service"])
def test_the_laws_own_peak_would_be_false(rng: np.random.Generator, name: str) -> None:
    """It lies within the sweep and the law fits: only the rival curve tells that it is none."""
    fits = [fit_law(USERS, block) for block in noisy(rng, SATURATING[name])]
    told = [fit for fit in fits if fit and fit.fits and fit.kappa > 0]
    alone = [fit for fit in told if math.sqrt((1 - fit.sigma) / fit.kappa) < 64 / PASSES]
    assert len(alone) > 0.5 * BLOCKS
    assert np.mean([fit.saturating_misfit < fit.misfit for fit in alone]) > 0.95


def test_a_hard_corner_is_outside_the_law(rng: np.random.Generator) -> None:
    """So that the caller can refuse its parameters; the rival curve describes it."""
    for block in noisy(rng, np.minimum(USERS, 8.0)):
        found = fit_law(USERS, block)
        assert found is not None
        assert not found.fits
        assert found.saturating_misfit < 0.75 * found.misfit


def test_a_sweep_that_stops_short_shows_no_peak() -> None:
    """A peak at 50 lies within 64, but 64 does not pass it one and a half times."""
    found = fit_law(USERS, law(100, 0.05, 0.95 / 50**2))
    assert found is not None
    assert found.kappa == pytest.approx(0.95 / 50**2)
    assert found.peak is None


@pytest.mark.parametrize(
    "curve",
    [
        law(100, 0.05, 0.95 / 16**2),
        np.array([6.0, 12, 24, 31, 31, 15, 5]),  # collapses: no curve describes it
        np.array([1.0, 2, 4, 8, 7.4, 6.9, 6.4]),  # a hard corner, then a slow decline
        1 / USERS,
    ],
    ids=["a peak", "collapse", "decline", "only falls"],
)
def test_what_falls_never_shows_that_there_is_no_peak(
    rng: np.random.Generator, curve: Values
) -> None:
    """Not to fit a peak is not to have seen that there is none."""
    fits = [fit_law(USERS, block) for block in noisy(rng, curve)]
    assert np.mean([fit is not None and fit.rises for fit in fits]) < 0.25


def test_a_peak_is_ruled_out_by_enough_blocks() -> None:
    """A quarter may miss one: four blocks of four are chance once in 256, five once in 1024."""
    assert not ruled_out(4, 4, 0.0022)
    assert ruled_out(5, 5, 0.0022)
    assert not ruled_out(5, 6, 0.0022)
    assert ruled_out(6, 7, 0.0022)
    assert ruled_out(4, 4, 1 / 256)
    assert not ruled_out(0, 0, 0.4)
    assert not ruled_out(0, 12, 0.4)


def test_looking_after_every_block_rarely_rules_a_peak_out(rng: np.random.Generator) -> None:
    """A peak that a quarter of the blocks miss: over all looks, less than one run in a hundred."""
    missed = np.cumsum(rng.random((20_000, 12)) < 0.25, axis=1)
    looks = range(4, 13)
    least = {n: min(k for k in range(n + 2) if k > n or ruled_out(k, n, 0.0022)) for n in looks}
    wrong = np.any([missed[:, n - 1] >= least[n] for n in looks], axis=0)
    assert 0 < wrong.mean() < 0.01


def test_a_sweep_that_only_falls_may_have_no_law() -> None:
    """Without small levels the best curve begins at infinity: there is no fit, and no guess."""
    users = np.array([8.0, 16, 32, 64])
    assert fit_law(users, 1 / (users - 1)) is None
    assert isinstance(fit_law(USERS, 1 / USERS), ScalabilityLaw)


@given(st.permutations(range(len(USERS))))
def test_the_order_of_the_levels_does_not_matter(order: list[int]) -> None:
    """They are run in random order."""
    curve = law(100, 0.05, 0.004)
    found = fit_law(USERS[order], curve[order])
    assert found is not None
    assert found.peak is not None
    assert found.peak.users == pytest.approx(math.sqrt(0.95 / 0.004))
    shown = measured_bounds(USERS[order], curve[order], (USERS / curve)[order])
    assert shown == measured_bounds(USERS, curve, USERS / curve)


def test_the_shipped_service_shows_its_pool(rng: np.random.Generator) -> None:
    """Five connections held for .16 s: 31 a second and five users, in every block."""
    truth = asymptotic_bounds([(0.16, 5)])
    curve = truth.throughput(USERS)
    shown = [measured_bounds(USERS, block, USERS / block) for block in noisy(rng, curve)]
    capacities = [bounds.capacity for bounds in shown if bounds]
    knees = [bounds.knee for bounds in shown if bounds]
    assert len(knees) == BLOCKS
    assert capacities == pytest.approx([31.25] * BLOCKS, rel=0.1)
    assert knees == pytest.approx([5.0] * BLOCKS, rel=0.2)
    for k in range(0, BLOCKS, 5):
        capacity, knee = over(capacities[k : k + 5], 0.01), over(knees[k : k + 5], 0.01)
        assert capacity is not None
        assert knee is not None
        assert capacity.estimate == pytest.approx(31.25, rel=0.05)
        assert knee.estimate == pytest.approx(5, rel=0.1)


def test_a_peak_saturates_too() -> None:
    """The plateau around it gives the capacity, however far the throughput falls behind it."""
    curve = law(100, 0.02, 0.98 / 10**2)
    shown = measured_bounds(USERS, curve, USERS / curve)
    assert shown is not None
    assert shown.capacity == pytest.approx(curve.max(), rel=0.05)
    assert shown.response == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("users", "curve"),
    [
        (USERS, USERS),  # linear to the end
        (USERS, law(1, 0.02, 0)),  # still rising by half
        (np.array([8.0, 16, 32]), np.array([31.0, 31, 31])),  # saturated from the begin
        (np.array([30.0, 31, 32]), np.array([30.0, 31, 32])),  # hardly a sweep
    ],
)
def test_no_knee_where_none_was_passed(users: Values, curve: Values) -> None:
    """Neither before the corner nor beyond it alone."""
    assert measured_bounds(users, curve, users / curve) is None


def test_one_user_may_saturate() -> None:
    """A single server: whoever is second waits, and the knee is at one."""
    shown = measured_bounds([1, 2, 4, 8], [10, 10, 10, 10], [0.1, 0.2, 0.4, 0.8])
    assert shown is not None
    assert shown.knee == pytest.approx(1)


def test_pauses_move_the_knee() -> None:
    """As many users more as pause while one is served."""
    curve = asymptotic_bounds([(0.16, 5)], think=0.16).throughput(USERS)
    shown = measured_bounds(USERS, curve, USERS / curve - 0.16, think=0.16)
    assert shown is not None
    assert shown.knee == pytest.approx(10)


def test_pauses_are_told_by_the_closed_law(rng: np.random.Generator) -> None:
    """All levels below the plateau together, so that a single user's coarse count hardly weighs."""
    cycle = asymptotic_bounds([(0.16, 5)], think=0.25)
    curve = cycle.throughput(USERS)
    response = USERS / curve - 0.25
    assert measured_think(USERS, curve, response) == pytest.approx(0.25)
    coarse = curve.copy()
    coarse[0] = 9 / 4  # of 9.76 requests in four seconds, nine ended
    assert USERS[0] / coarse[0] - response[0] == pytest.approx(0.284, abs=0.001)
    assert measured_think(USERS, coarse, response) == pytest.approx(0.25, abs=0.003)
    found = [measured_think(USERS, block, response) for block in noisy(rng, curve)]
    assert np.mean(found) == pytest.approx(0.25, abs=0.003)
    assert measured_think(USERS, USERS / 0.1, np.full(7, 0.1)) == pytest.approx(0, abs=1e-12)
    assert measured_think([1, 2, 4, 8], [10.0] * 4, [0.05, 0.2, 0.4, 0.8]) == pytest.approx(0.05)


@given(st.lists(st.floats(0.01, 1e4), min_size=2, max_size=12), st.floats(0.1, 1e3))
def test_intervals_over_blocks_scale(values: list[float], factor: float) -> None:
    """They are those of the logarithms, so that the unit does not matter."""
    interval = over(values, 0.01)
    scaled = over([factor * value for value in values], 0.01)
    assert interval is not None
    assert scaled is not None
    assert interval.low <= interval.estimate <= interval.high
    logs = t_interval([math.log(value) for value in values], 0.01)
    assert interval.estimate == pytest.approx(math.exp(logs.estimate))
    assert scaled.estimate == pytest.approx(factor * interval.estimate)


def test_blocks_that_show_nothing_count() -> None:
    """One in four may; more make the rest a choice."""
    three, two = [5.0, 5.1, 4.9, None], [5.0, 5.1, None, None]
    assert over(three, 0.01) == over([5.0, 5.1, 4.9], 0.01)
    assert over(two, 0.01) is None
    assert over([None] * 4, 0.01) is None
    assert over([], 0.01) is None
    assert over([5.0], 0.01) == ConfidenceInterval(pytest.approx(5), 0, math.inf)
    assert over([1e-300, 1e300], 0.001) == ConfidenceInterval(pytest.approx(1), 0, math.inf)


@pytest.mark.parametrize(
    ("users", "throughput"),
    [
        ([1, 2, 4], [1, 2, 4]),
        ([1, 2, 4, 4], [1, 2, 4, 4]),
        ([1, 2, 4, 8], [1, 2, 4]),
        ([1, 2, 4, 8], [1, 2, 4, 0]),
        ([0, 2, 4, 8], [1, 2, 4, 8]),
        ([1, 2, 4, 8], [1, 2, 4, math.nan]),
        ([], []),
    ],
)
def test_sweeps_that_tell_nothing_are_refused(users: list[float], throughput: list[float]) -> None:
    """Too few levels, unpaired, zero, missing, empty."""
    with pytest.raises(ValueError, match=r"four different|one value for each|positive, finite"):
        fit_law(users, throughput)


def test_estimates_on_a_log_scale_are_positive() -> None:
    """A kappa of 0 has no logarithm."""
    with pytest.raises(ValueError, match="positive, finite"):
        over([1.0, 0.0], 0.01)
