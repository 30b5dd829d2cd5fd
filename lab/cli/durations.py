"""Durations as they are typed and as they are shown."""

from __future__ import annotations

import re
import time

from lab.errors import UsageError

_SECONDS = {"s": 1, "m": 60, "h": 3600}


def parse_duration(text: str) -> float:
    """Seconds of a duration such as 8h, 30m or 0.1h. UsageError if it is none, or zero."""
    match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?(s|m|h)", text)
    if not match or not float(match[1]):
        raise UsageError(f"{text!r} is not a duration. Write it as in 8h, 30m or 0.1h")
    return float(match[1]) * _SECONDS[match[2]]


def clock(seconds: float) -> str:
    """A duration as 1:02:03, or as 2:03 if it is less than an hour."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def time_of_day_in(seconds: float) -> str:
    """Day and time of day after so many seconds from now, such as Mon 14:05."""
    return time.strftime("%a %H:%M", time.localtime(time.time() + seconds))
