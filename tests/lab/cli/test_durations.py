"""Durations as they are typed and as they are shown."""

from __future__ import annotations

import re

import pytest

from lab.cli.durations import clock, parse_duration, time_of_day_in
from lab.errors import UsageError


@pytest.mark.parametrize(
    ("text", "seconds"), [("8h", 28800), ("30m", 1800), ("90s", 90), ("0.1h", 360), ("1.5 m", 90)]
)
def test_a_duration_is_a_number_and_a_unit(text: str, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "8", "h", "-1h", "0h", "8d", "1e3s", "8h30m"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"is not a duration\. Write it as in 8h, 30m or 0\.1h"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (9.9, "0:09"),
        (75, "1:15"),
        (3599, "59:59"),
        (3600, "1:00:00"),
        (90061, "25:01:01"),
    ],
)
def test_hours_are_shown_if_there_are_any(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_the_end_is_shown_as_a_time_of_day() -> None:
    assert re.fullmatch(r"\w+ \d\d:\d\d", time_of_day_in(3600))
