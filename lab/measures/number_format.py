"""Numbers and their units as text, for people: three significant digits unless more are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import Protocol

NumberFormat = Callable[[float], str]

DIGITS = 3
MOST_DIGITS = 12  # of what was chosen, such as a bound; beyond them are remainders of computing
MISSING = "–"


class ScalableFormat(Protocol):
    """A number format of which more digits can be wanted."""

    def __call__(self, value: float, digits: int = DIGITS, /) -> str:
        """The number with so many significant digits."""


def plain(value: float, digits: int = DIGITS) -> str:
    """Significant digits; never a power of ten for 1000 and more."""
    if abs(value) >= 10.0**digits - 0.5:
        return f"{value:,.0f}"
    return f"{value:,.{digits}g}"


def seconds(value: float, digits: int = DIGITS) -> str:
    """A duration, in the unit that leaves at least one digit before the point."""
    least = 1 - 0.5 * 10.0**-digits  # is rounded to 1
    if abs(value) >= least:
        return f"{plain(value, digits)} s"
    for unit, per_s in (("ms", 1e3), ("µs", 1e6)):
        if abs(value) * per_s >= least:
            return f"{value * per_s:.{digits}g} {unit}"
    return f"{value * 1e9:.{digits}g} ns" if value else "0 s"


def percentage(value: float, digits: int = DIGITS) -> str:
    """A share of one."""
    return f"{value * 100:.{digits}g}%"


def measured_ratio(value: float, digits: int = DIGITS) -> str:
    """A ratio with its trailing zeros, which are digits that were measured."""
    is_large = abs(value) >= 1000
    figure = plain(value, digits) if is_large else f"{value:#.{digits}g}".rstrip(".")
    return f"{figure}×"


def round_ratio(value: float, digits: int = DIGITS) -> str:
    """A ratio that was chosen: a bound, or a tick of an axis."""
    return f"{plain(value, digits)}×"


def data_size(value: float, digits: int = DIGITS) -> str:
    """A number of bytes, in the largest unit of which there is at least one; MB with a decimal."""
    least = 1 - 0.5 * 10.0**-digits  # is rounded to 1
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(value) >= least * size:
            scaled = value / size
            figure = _decimals(scaled, 1, digits) if unit == "MB" else plain(scaled, digits)
            return f"{figure} {unit}"
    return f"{plain(value, digits)} B"


def data_rate(value: float, digits: int = DIGITS) -> str:
    """Bytes per second."""
    return f"{data_size(value, digits)}/s"


def cores(value: float, digits: int = DIGITS) -> str:
    """CPU seconds per second."""
    return f"{_decimals(value, 2, digits)} cores"


def exponent(value: float, digits: int = DIGITS) -> str:
    """Of a growth."""
    return _decimals(value, 2, digits)


def per_second(value: float, digits: int = DIGITS) -> str:
    """A rate."""
    return f"{plain(value, digits)} /s"


def _decimals(value: float, places: int, digits: int) -> str:
    """So many decimals; if more than the usual digits are wanted, as many of them as there are."""
    usual = f"{value:,.{places}f}"
    return usual if digits <= DIGITS else max(usual, plain(value, digits), key=len)


def digits_apart(
    form: ScalableFormat, values: Iterable[float | None], edges: Sequence[float]
) -> int:
    """How many digits tell values from the edges of a bound.

    Args:
        form: Of both.
        values: None is no value.
        edges: A value that equals one takes no more digits than usual.
    """

    def same(pair: tuple[float, float], digits: int) -> bool:
        return form(pair[0], digits) == form(pair[1], digits)

    known = [value for value in values if value is not None]
    differing = [pair for pair in product(known, edges) if not same(pair, MOST_DIGITS)]
    enough = range(DIGITS, MOST_DIGITS)
    return next(
        (digits for digits in enough if not any(same(pair, digits) for pair in differing)),
        MOST_DIGITS,
    )


def or_missing(form: NumberFormat, value: float | None, missing: str = MISSING) -> str:
    """A number, or what stands in its place if there is none."""
    return missing if value is None else form(value)


def low_to_high(form: NumberFormat, values: Sequence[float]) -> str:
    """The lowest and the highest of some values; a unit that both share is written once."""
    if not values:
        return MISSING
    low, high = form(min(values)), form(max(values))
    if low == high:
        return low
    figure, _, unit = low.partition(" ")
    return f"{figure if unit and high.endswith(f' {unit}') else low} to {high}"
