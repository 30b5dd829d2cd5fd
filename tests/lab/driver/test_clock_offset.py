"""Offsets of clocks: never wrong by more than what is stated, however long the ways took."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.driver.clock_offset import SHARED, ClockOffset, Exchange, begin_in, estimate

SECONDS = st.floats(0.0, 2.0)


@given(
    offset=st.floats(-1e5, 1e5),
    ways=st.lists(st.tuples(SECONDS, SECONDS, SECONDS), min_size=1, max_size=8),
)
def test_the_error_bounds_what_the_estimate_is_wrong_by(
    offset: float, ways: list[tuple[float, float, float]]
) -> None:
    exchanges, now = [], 1000.0
    for there, thinking, back in ways:
        received = now + there
        answered = received + thinking
        returned = answered + back
        exchanges.append(Exchange(now, received + offset, answered + offset, returned))
        now = returned + 0.1
    found = estimate(exchanges)
    assert abs(found.offset_s - offset) <= found.error_s + 1e-6
    shortest = min(there + back for there, _, back in ways)
    assert found.error_s == pytest.approx(shortest / 2, abs=1e-6)
    assert found.round_trip_s == pytest.approx(max(w[0] + w[2] for w in ways), abs=1e-6)


def test_equal_ways_tell_the_offset_exactly() -> None:
    found = estimate([Exchange(10.0, 1010.02, 1010.03, 10.05)])
    assert found.offset_s == pytest.approx(1000.0)
    assert found.error_s == pytest.approx(0.02)
    assert found.there(20.0) == pytest.approx(1020.0)


def test_one_clock_has_no_offset() -> None:
    assert SHARED.there(12.5) == 12.5
    assert SHARED.error_s == 0


def test_the_load_begins_after_the_slowest_worker_can_have_heard_of_it() -> None:
    slow = ClockOffset(0.0, 0.05, round_trip_s=0.4)
    assert begin_in([SHARED, slow]) > 0.4 / 2 + 0.2
    assert begin_in([SHARED]) < 0.5
