"""Numbers and their units as text, for people: three significant digits."""

from __future__ import annotations

from collections.abc import Callable, Sequence

NumberFormat = Callable[[float], str]

MISSING = "–"


def plain(value: float) -> str:
    """Three significant digits; never a power of ten for 1000 and more."""
    if abs(value) >= 999.5:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def seconds(value: float) -> str:
    """A duration, in the unit that leaves at least one digit before the point."""
    if abs(value) >= 0.9995:
        return f"{plain(value)} s"
    for unit, per_s in (("ms", 1e3), ("µs", 1e6)):
        if abs(value) * per_s >= 0.9995:
            return f"{value * per_s:.3g} {unit}"
    return f"{value * 1e9:.3g} ns" if value else "0 s"


def percentage(value: float) -> str:
    """A share of one."""
    return f"{value * 100:.3g}%"


def measured_ratio(value: float) -> str:
    """A ratio with its trailing zeros, which are digits that were measured."""
    figure = plain(value) if abs(value) >= 1000 else f"{value:#.3g}".rstrip(".")
    return f"{figure}×"


def round_ratio(value: float) -> str:
    """A ratio that was chosen: a bound, or a tick of an axis."""
    return f"{plain(value)}×"


def megabytes(value: float) -> str:
    """A number of bytes."""
    return f"{value / 1e6:,.1f} MB"


def cores(value: float) -> str:
    """CPU seconds per second."""
    return f"{value:.2f} cores"


def per_second(value: float) -> str:
    """A rate."""
    return f"{plain(value)} /s"


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
