"""How values of measures and slopes are written, by the units in the table of measures."""

from __future__ import annotations

from collections.abc import Mapping

from lab.measure_table import Unit, series_unit
from lab.number_format import (
    NumberFormat,
    cores,
    megabytes,
    per_second,
    percentage,
    plain,
    seconds,
)

UNIT_FORMATS: Mapping[Unit, NumberFormat] = {
    "s": seconds,
    "1/s": per_second,
    "share": percentage,
    "bytes": megabytes,
    "cores": cores,
    "": plain,
}
_SLOPE_OF = "slope of "  # as `Prediction.quantity` and `verdict.json` have it


def format_value(quantity: str, value: float) -> str:
    """A value with three digits; that of a slope per hour, with its unit.

    Args:
        quantity: A measure, or "slope of SERIES".
        value: In the unit of the measure, or of the series per hour.
    """
    if not quantity.startswith(_SLOPE_OF):
        return f"{value:.3g}"
    match series_unit(quantity.removeprefix(_SLOPE_OF)):
        case "bytes":
            return f"{_plain_slope(value / 1e6)} MB/h"
        case "s":
            return f"{_plain_slope(value * 1e3)} ms/h"
        case _:
            return f"{_plain_slope(value)}/h"


def series_format(series: str) -> NumberFormat:
    """How a value of a soak's time series is written."""
    return UNIT_FORMATS[series_unit(series)]


def _plain_slope(value: float) -> str:
    return "0" if abs(value) < 1e-6 else plain(value)  # no remainders of floating point
