"""Numbers with a unit: durations, shares, sizes, rates, and slopes per hour or minute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from lab.input_files.flaw import Flaw, shown
from lab.input_files.node import Node

Dimension = Literal["duration", "size", "share", ""]  # "": a plain number

MAX_DURATION_S = 7 * 24 * 3600.0

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?(ms|s|m|h)")
_DURATION_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
UNITS: Mapping[Dimension, Mapping[str, float]] = {  # in seconds, bytes or plain numbers
    "duration": {
        "ns": 1e-9,
        "us": 1e-6,
        "µs": 1e-6,
        "μs": 1e-6,  # both signs for micro
        "ms": 1e-3,
        "s": 1.0,
        "m": 60.0,
        "min": 60.0,
        "h": 3600.0,
    },
    "size": {"B": 1.0, "KB": 1e3, "kB": 1e3, "MB": 1e6, "GB": 1e9},
    "share": {"%": 0.01},
    "": {"": 1.0},
}
_FACTORS = {unit: factor for units in UNITS.values() for unit, factor in units.items()}
_NUMBER = r"[-+]?[0-9]+(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?"
_UNIT = "|".join(sorted((unit for unit in _FACTORS if unit), key=len, reverse=True))
_QUANTITY = re.compile(rf"({_NUMBER}) ?({_UNIT}|)(?: ?/ ?(h|min|s))?")
_PER_HOUR = {"h": 1.0, "min": 60.0, "s": 3600.0}
_BINARY_UNITS = {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_BINARY = re.compile(rf"({_NUMBER}) ?({'|'.join(_BINARY_UNITS)})(?: ?/ ?(?:h|min|s))?")
_MEANT = {  # other spellings in lower case, and the unit that is meant
    "msec": "ms", "msecs": "ms", "millis": "ms", "milliseconds": "ms", "millisecond": "ms",
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "minutes": "min", "mins": "min",
    "usec": "us", "microseconds": "us", "kb": "KB", "m": "MB", "mb": "MB", "g": "GB",
    "gb": "GB", "bytes": "B", "b": "B", "percent": "%", "pct": "%", "rps": "/s", "req/s": "/s",
    "requests/s": "/s", "hz": "/s", "ops/s": "/s", "ms": "ms", "s": "s", "": "",
}  # fmt: skip
_OTHER = re.compile(rf"({_NUMBER}|\.[0-9]+|[0-9]+,[0-9]+) ?([A-Za-z/]*)")


class Quantity(NamedTuple):
    """A number as it was written.

    Attributes:
        value: In seconds, bytes or plain numbers; of what is written per time, per hour.
        unit: As written ("MB", "ms", ...), without the time of a slope; "" for none.
        per: The time of a slope or rate as written ("h", "min" or "s"); "" for none.
        number: The number as written, without its unit.
    """

    value: float
    unit: str = ""
    per: str = ""
    number: str = ""

    @property
    def dimension(self) -> Dimension:
        """Of the unit as written, without the time of a slope."""
        return next(dimension for dimension, units in UNITS.items() if self.unit in units)

    @property
    def is_bare(self) -> bool:
        """Whether it is written without any unit."""
        return not self.unit and not self.per

    @property
    def written_unit(self) -> str:
        """The unit as written, with the time: `MB/h`."""
        return f"{self.unit}/{self.per}" if self.per else self.unit

    @property
    def per_second(self) -> float:
        """The value; of what is written per time, per second."""
        return self.value / 3600.0 if self.per else self.value


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
    """Reads a share: a number from 0 to 1, or a percentage such as `5%`."""
    found = quantity(node, "a number from 0 to 1, or a percentage", "0.05, or 5%")
    if found.per or found.unit not in ("", "%"):
        raise node.flaw(
            f"{node.title} is a share, not measured in {found.written_unit}",
            "Write a number from 0 to 1, or a percentage, as in 5%.",
        )
    if not 0 <= found.value <= 1:
        remedy = f"Write a number from 0 to 1{percent_readings(found)}."
        raise node.flaw(f"{node.title} is {node.written}, not a share", remedy)
    return found.value


def percent_readings(found: Quantity) -> str:
    """The two ways to write a bare number of percent, to be added to a remedy; or nothing."""
    if found.is_bare and 1 <= found.value <= 100:
        return f": {found.value:g}% or {found.value / 100:g}, if percent is meant"
    return ""


def positive_amount(node: Node) -> Quantity:
    """Reads an amount above 0 such as `512 MB`, `80%` or `1000`."""
    found = _match(node)
    if found is None or found.per or found.value <= 0:
        raise _binary_flaw(node) or node.wrong_type("an amount above 0", "512 MB, or 1000")
    return found


def rate_per_second(node: Node) -> float:
    """Reads a number, or a rate such as `20/s` or `1200/min`."""
    found = quantity(node, "a number a second", "20, or 20/s")
    if found.unit:
        raise node.flaw(
            f"{node.title} is a rate, not measured in {found.written_unit}",
            "Write a number a second, as in 20 or 20/s.",
        )
    return found.per_second


def number_or_slope(node: Node) -> Quantity:
    """Reads a number with or without a unit, or a slope such as `5 MB/h`."""
    return quantity(node, "a number with or without a unit", "0.5, 500ms, 80%, 512MB or 5 MB/h")


def quantity(node: Node, wanted: str, example: str) -> Quantity:
    """Reads a number with or without a unit; a `Flaw` says what is wanted, with an example."""
    if not isinstance(node.value, str):
        return Quantity(node.number(), number=node.written)
    node.exact()  # empty text has a message of its own
    found = _match(node)
    if found is None or found.is_bare:  # a number in quotes is text
        raise _binary_flaw(node) or _other_flaw(node) or node.wrong_type(wanted, example)
    return found


def _other_flaw(node: Node) -> Flaw | None:
    """The flaw of a number or unit in another spelling, with the one that is meant."""
    match = _OTHER.fullmatch(node.written)
    unit = None if match is None else _MEANT.get(match[2].lower())
    if match is None or unit is None:
        return None
    number = match[1].replace(",", ".")
    number = f"0{number}" if number.startswith(".") else number
    return node.flaw(
        f"{node.title} is {shown(node.written)}, which is not written like a number and its unit",
        f"Write {number}{unit}, without quotes.",
    )


def _match(node: Node) -> Quantity | None:
    match = _QUANTITY.fullmatch(node.written)
    if match is None:
        return None
    number, unit, per = float(match[1]), match[2], match[3] or ""
    if per:
        return Quantity(number * _FACTORS[unit] * _PER_HOUR[per], unit, per, match[1])
    return Quantity(_scaled(number, _FACTORS[unit]), unit, per, match[1])


def _scaled(number: float, factor: float) -> float:
    """The product; 7 % is 0.07 and 300 ms is 0.3 to the last bit, as if written so."""
    return number / round(1 / factor) if factor < 1 else number * factor


def _binary_flaw(node: Node) -> Flaw | None:
    match = _BINARY.fullmatch(node.written)
    if match is None:
        return None
    decimal = match[2].replace("i", "")
    exact = float(match[1]) * _BINARY_UNITS[match[2]] / _FACTORS[decimal]
    written = node.written.replace(match[1], f"{exact:.12g}").replace(match[2], decimal)
    return node.flaw(
        f"{node.title} is {shown(node.written)}, in a unit of 1,024 bytes or a power of it",
        f"Write it in B, KB, MB or GB, which are powers of 1,000: {written}.",
    )
