"""Schedules follow their stages, and their seed."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from lab.stats.arrival_schedule import ArrivalProcess, RateSegment, Values, expected, schedule

RATES = st.sampled_from([0, 0.5, 1, 7.3, 30, 200])
STAGES = st.lists(
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


def expected_until(stages: list[RateSegment], times: Values) -> Values:
    """Integrate the rate by its trapezes, apart from the code."""
    total = np.zeros_like(times)
    start = 0.0
    for stage in stages:
        inside = np.clip(times - start, 0, stage.duration)
        rate = stage.begin + (stage.end - stage.begin) * inside / stage.duration
        total += inside * (stage.begin + rate) / 2
        start += stage.duration
    return total


@given(STAGES)
def test_constant_arrivals_are_due_where_the_integral_is_whole(stages: list[RateSegment]) -> None:
    """The n-th is due when n are expected, the first of them at once."""
    times = schedule(stages, "constant", 1)
    assert expected_until(stages, times) == pytest.approx(np.arange(len(times)), abs=1e-6)
    assert len(times) == math.ceil(round(expected(stages), 9))


@given(STAGES, st.sampled_from(KINDS), st.integers())
def test_a_schedule_ascends_and_stays_in_its_stages(
    stages: list[RateSegment], arrivals: ArrivalProcess, seed: int
) -> None:
    """Whatever the stages."""
    times = schedule(stages, arrivals, seed)
    assert times.ndim == 1
    assert (np.diff(times) >= 0).all()
    if len(times):
        assert 0 <= times[0] <= times[-1] <= sum(stage.duration for stage in stages) + 1e-12


@given(STAGES, STAGES, st.text())
def test_what_is_appended_changes_nothing_before(
    stages: list[RateSegment], more: list[RateSegment], seed: str
) -> None:
    """The earlier arrivals are the same to the bit."""
    short = schedule(stages, "poisson", seed)
    long = schedule([*stages, *more], "poisson", seed)
    assert short.tobytes() == long[: len(short)].tobytes()


@pytest.mark.parametrize("arrivals", KINDS)
def test_the_same_seed_is_the_same_schedule(arrivals: ArrivalProcess) -> None:
    """To the byte; another seed is another one, where there is chance."""
    first = schedule(SPIKE, arrivals, "block 3")
    assert first.tobytes() == schedule(SPIKE, arrivals, "block 3").tobytes()
    again = schedule(SPIKE, arrivals, "block 4")
    assert (first.tobytes() == again.tobytes()) == (arrivals == "constant")
    assert schedule(SPIKE, arrivals, 7).tobytes() == schedule(SPIKE, arrivals, "7").tobytes()


def test_the_seed_outlives_versions() -> None:
    """A schedule that was written down once: whoever changes it breaks repeated runs."""
    times = schedule([RateSegment(1, 5, 5)], "poisson", "bottleneck")
    assert times == pytest.approx([0.245226067967323, 0.819998528791462], abs=1e-12)


def test_evenly_spaced_means_evenly_spaced() -> None:
    """2,000 in ten seconds at 200 a second, 5 ms apart."""
    times = schedule([RateSegment(10, 200, 200)], "constant", 1)
    assert times == pytest.approx(np.arange(2000) * 0.005)


def test_decimals_are_taken_as_written() -> None:
    """.1 s at 30 a second are three, though in binary it is a little more."""
    assert len(schedule([RateSegment(0.1, 30, 30)], "constant", 1)) == 3


def test_a_ramp_has_its_closed_form() -> None:
    """From 0 to 4 in four seconds t²/2 are expected, and the way down mirrors it."""
    up = schedule([RateSegment(4, 0, 4)], "constant", 1)
    assert up == pytest.approx(np.sqrt(2 * np.arange(8)))
    down = schedule([RateSegment(4, 4, 0)], "constant", 1)
    assert down == pytest.approx(4 - np.sqrt(2 * np.arange(8, 0, -1)))


def test_nothing_is_due_in_a_pause() -> None:
    """What the integral leaves at its edge is due when the rate is back."""
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
@pytest.mark.parametrize("stages", [[], [RateSegment(3, 0, 0)]])
def test_no_rate_no_arrivals(stages: list[RateSegment], arrivals: ArrivalProcess) -> None:
    """An empty schedule is one."""
    assert schedule(stages, arrivals, 1).shape == (0,)
    assert expected(stages) == 0


def test_poisson_counts_have_their_mean_and_their_spread() -> None:
    """Stage by stage, within exact bounds that chance leaves once in a million."""
    runs = 400
    edges = np.array([0, *itertools.accumulate(stage.duration for stage in SPIKE)])
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
    """The integral at each arrival has independent exponential gaps, across every edge."""
    times = np.concatenate([[0.0], schedule(SPIKE, "poisson", 5)])
    gaps = np.diff(expected_until(SPIKE, times))
    assert stats.kstest(gaps, "expon").pvalue > 1e-4
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 4 / math.sqrt(len(gaps))


def test_four_thousand_a_second() -> None:
    """For ten seconds: none is lost, and none is far from where it belongs."""
    stages = [RateSegment(10, 4000, 4000)]
    assert len(schedule(stages, "constant", 1)) == expected(stages) == 40_000
    low, high = stats.poisson.interval(1 - 1e-6, 40_000)
    assert low <= len(schedule(stages, "poisson", 1)) <= high


@pytest.mark.parametrize(
    "stage", [(0, 1, 1), (-1, 1, 1), (math.inf, 1, 1), (1, -1, 1), (1, 1, math.nan)]
)
def test_stages_that_cannot_be_are_refused(stage: tuple[float, float, float]) -> None:
    """No time, endless time, negative rates, no rates."""
    with pytest.raises(ValueError, match=r"last some seconds|rates must be"):
        RateSegment(*stage)
