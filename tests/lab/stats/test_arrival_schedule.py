"""Schedules follow their rates and their seed."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lab.stats.arrival_schedule import ArrivalProcess, RateSegment, Values, schedule

RATES = st.sampled_from([0, 0.5, 1, 7.3, 30, 200])
SEGMENTS = st.lists(
    st.builds(RateSegment, st.sampled_from([0.1, 0.3, 1, 2.5]), RATES, RATES),
    min_size=1,
    max_size=5,
)
KINDS: list[ArrivalProcess] = ["poisson", "constant"]
SPIKE = [
    RateSegment(2, 100, 100),
    RateSegment(0.5, 100, 900),
    RateSegment(1, 900, 900),
    RateSegment(3, 40, 0),
]


def expected_arrivals(segments: list[RateSegment]) -> Fraction:
    """The integral of the rate, exactly."""
    return sum(
        (
            Fraction(str(segment.duration))
            * (Fraction(str(segment.begin)) + Fraction(str(segment.end)))
            / 2
            for segment in segments
        ),
        Fraction(0),
    )


def expected_until(segments: list[RateSegment], times: Values) -> Values:
    """The integral of the rate by trapezes, independent of the code."""
    total = np.zeros_like(times)
    start = 0.0
    for segment in segments:
        inside = np.clip(times - start, 0, segment.duration)
        rate = segment.begin + (segment.end - segment.begin) * inside / segment.duration
        total += inside * (segment.begin + rate) / 2
        start += segment.duration
    return total


@given(SEGMENTS)
def test_constant_arrivals_are_at_the_integers_of_the_integral(segments: list[RateSegment]) -> None:
    """The n-th has the time at which n are expected, the first has time 0."""
    times = schedule(segments, "constant", 1)
    assert expected_until(segments, times) == pytest.approx(np.arange(len(times)), abs=1e-6)
    assert len(times) == math.ceil(expected_arrivals(segments))


@given(SEGMENTS, st.sampled_from(KINDS), st.integers())
def test_a_schedule_ascends_and_stays_in_its_segments(
    segments: list[RateSegment], arrivals: ArrivalProcess, seed: int
) -> None:
    """For any segments."""
    times = schedule(segments, arrivals, seed)
    assert times.ndim == 1
    assert (np.diff(times) >= 0).all()
    if len(times):
        assert 0 <= times[0] <= times[-1] <= sum(segment.duration for segment in segments) + 1e-12


@given(SEGMENTS, SEGMENTS, st.text())
def test_appended_segments_do_not_change_earlier_arrivals(
    segments: list[RateSegment], more: list[RateSegment], seed: str
) -> None:
    """They are the same to the bit."""
    short = schedule(segments, "poisson", seed)
    long = schedule([*segments, *more], "poisson", seed)
    assert short.tobytes() == long[: len(short)].tobytes()


@pytest.mark.parametrize("arrivals", KINDS)
def test_the_same_seed_gives_the_same_schedule(arrivals: ArrivalProcess) -> None:
    """To the byte; another seed gives another one if arrivals are random."""
    first = schedule(SPIKE, arrivals, "block 3")
    assert first.tobytes() == schedule(SPIKE, arrivals, "block 3").tobytes()
    again = schedule(SPIKE, arrivals, "block 4")
    assert (first.tobytes() == again.tobytes()) == (arrivals == "constant")
    assert schedule(SPIKE, arrivals, 7).tobytes() == schedule(SPIKE, arrivals, "7").tobytes()


def test_a_seed_gives_the_same_schedule_in_every_version() -> None:
    """A recorded schedule: a change of it would break repeated runs."""
    times = schedule([RateSegment(1, 5, 5)], "poisson", "bottleneck")
    assert times == pytest.approx([0.245226067967323, 0.819998528791462], abs=1e-12)


def test_constant_arrivals_are_evenly_spaced() -> None:
    """2,000 in ten seconds at 200 per second, 5 ms apart."""
    times = schedule([RateSegment(10, 200, 200)], "constant", 1)
    assert times == pytest.approx(np.arange(2000) * 0.005)


def test_decimals_are_taken_as_written() -> None:
    """.1 s at 30 per second are three, although in binary it is a little more."""
    assert len(schedule([RateSegment(0.1, 30, 30)], "constant", 1)) == 3


def test_a_ramp_has_its_closed_form() -> None:
    """From 0 to 4 in four seconds t²/2 are expected, and the way down mirrors it."""
    up = schedule([RateSegment(4, 0, 4)], "constant", 1)
    assert up == pytest.approx(np.sqrt(2 * np.arange(8)))
    down = schedule([RateSegment(4, 4, 0)], "constant", 1)
    assert down == pytest.approx(4 - np.sqrt(2 * np.arange(8, 0, -1)))


def test_a_pause_has_no_arrivals() -> None:
    """An arrival at the edge of a pause is scheduled for the end of the pause."""
    pause = [
        RateSegment(1, 0, 0),
        RateSegment(1, 3, 3),
        RateSegment(1, 0, 0),
        RateSegment(0.5, 2, 2),
        RateSegment(9, 0, 0),
    ]
    times = schedule(pause, "constant", 1)
    assert times == pytest.approx([1, 4 / 3, 5 / 3, 3])
    for seed in range(50):
        times = schedule(pause, "poisson", seed)
        assert (((times >= 1) & (times <= 2)) | ((times >= 3) & (times <= 3.5))).all()


@pytest.mark.parametrize("arrivals", KINDS)
@pytest.mark.parametrize("segments", [[], [RateSegment(3, 0, 0)]])
def test_without_a_rate_there_are_no_arrivals(
    segments: list[RateSegment], arrivals: ArrivalProcess
) -> None:
    """The schedule is empty."""
    assert schedule(segments, arrivals, 1).shape == (0,)
    assert expected_arrivals(segments) == 0


def test_poisson_counts_have_their_mean_and_their_spread() -> None:
    """Segment by segment, within exact bounds that chance leaves once in a million."""
    runs = 400
    edges = np.array([0, *itertools.accumulate(segment.duration for segment in SPIKE)])
    counts = np.array(
        [np.histogram(schedule(SPIKE, "poisson", seed), edges)[0] for seed in range(runs)]
    )
    for column, mean in zip(counts.T, (200, 250, 900, 60), strict=True):
        low, high = stats.poisson.interval(1 - 1e-6, runs * mean)
        assert low <= column.sum() <= high
        # Given their sum, equal Poisson counts are multinomial: this is Pearson's statistic.
        dispersion = ((column - column.mean()) ** 2).sum() / column.mean()
        low, high = stats.chi2.interval(1 - 1e-6, runs - 1)
        assert low <= dispersion <= high


def test_rescaled_poisson_arrivals_are_a_process_of_rate_one() -> None:
    """The integral at each arrival has independent exponential gaps, also across edges."""
    times = np.concatenate([[0.0], schedule(SPIKE, "poisson", 5)])
    gaps = np.diff(expected_until(SPIKE, times))
    assert stats.kstest(gaps, "expon").pvalue > 1e-4
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / math.sqrt(len(gaps))


def test_four_thousand_arrivals_per_second() -> None:
    """For ten seconds: none is lost."""
    segments = [RateSegment(10, 4000, 4000)]
    assert len(schedule(segments, "constant", 1)) == expected_arrivals(segments) == 40_000
    low, high = stats.poisson.interval(1 - 1e-6, 40_000)
    assert low <= len(schedule(segments, "poisson", 1)) <= high


@pytest.mark.parametrize(
    "segment", [(0, 1, 1), (-1, 1, 1), (math.inf, 1, 1), (1, -1, 1), (1, 1, math.nan)]
)
def test_impossible_segments_are_refused(segment: tuple[float, float, float]) -> None:
    """No duration, an infinite one, negative rates, NaN."""
    with pytest.raises(ValueError, match=r"last more than 0 s|rates must be"):
        RateSegment(*segment)
