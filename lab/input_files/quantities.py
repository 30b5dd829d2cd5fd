"""Numbers with a unit: durations, shares, amounts, and slopes per hour or minute."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.input_files.node import Node

MAX_DURATION_S = 7 * 24 * 3600.0

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h)")
_DURATION_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_AMOUNT = re.compile(r"([-+]?[0-9]+(?:\.[0-9]+)?) ?(B|KB|MB|GB|ms|s|)")
_UNITS = {"": 1.0, "B": 1.0, "KB": 1e3, "MB": 1e6, "GB": 1e9, "ms": 1e-3, "s": 1.0}
_SLOPE = re.compile(rf"{_AMOUNT.pattern} ?/ ?(h|min)")
_PER_HOUR = {"h": 1.0, "min": 60.0}


class Quantity(NamedTuple):
    """A number as it was written.

    Attributes:
        value: In seconds, bytes or plain numbers; of a slope, per hour.
        unit: As written ("MB", "ms", ...), without the time of a slope; "" for none.
        is_slope: Whether it is written per hour or per minute.
    """

    value: float
    unit: str = ""
    is_slope: bool = False


def duration_s(node: Node) -> float:
    """Reads a duration such as `4s`, in seconds."""
    match = _DURATION.fullmatch(node.written)
    if not match:
        raise node.wrong_type("a duration", "a number and its unit (ms, s, m or h), as in 4s")
    seconds = float(match[1]) * _DURATION_UNITS_S[match[2]]
    if seconds > MAX_DURATION_S:
        raise node.flaw(f"{node.title} is longer than seven days", "Write a shorter time.")
    return seconds


def share(node: Node) -> float:
    """Reads a number from 0 to 1."""
    found = node.number()
    if not 0 <= found <= 1:
        raise node.flaw(f"{node.title} is {found:g}, not a share", "Write a number from 0 to 1.")
    return found


def positive_amount(node: Node) -> float:
    """Reads an amount above 0 such as `512 MB` or `1000`, in base units."""
    match = _AMOUNT.fullmatch(node.written)
    if not match or float(match[1]) <= 0:
        raise node.wrong_type("an amount above 0", "512 MB, or 1000")
    return float(match[1]) * _UNITS[match[2]]


def number_or_slope(node: Node) -> Quantity:
    """Reads a plain number, or a slope such as `5 MB/h`."""
    if not isinstance(node.value, str):
        return Quantity(node.number())
    match = _SLOPE.fullmatch(node.exact())
    if not match:
        raise node.wrong_type("a number, or a slope with its unit", "0.5, or 5 MB/h")
    per_hour = float(match[1]) * _UNITS[match[2]] * _PER_HOUR[match[3]]
    return Quantity(per_hour, match[2], is_slope=True)
