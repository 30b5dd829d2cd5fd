"""How values of measures and slopes are written, by the units in the table of measures."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lab.measures.number_format import (
    DIGITS,
    ScalableFormat,
    cores,
    data_rate,
    data_size,
    per_second,
    percentage,
    plain,
    seconds,
)
from lab.measures.table import Unit, series_unit

UNIT_FORMATS: Mapping[Unit, ScalableFormat] = {
    "s": seconds,
    "1/s": per_second,
    "share": percentage,
    "bytes": data_size,
    "bytes/s": data_rate,
    "cores": cores,
    "": plain,
}
_SLOPE_OF = "slope of "  # as `Prediction.quantity` and `verdict.json` have it
_FIGURE = re.compile(r"-?[0-9][0-9,]*(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")


def format_value(quantity: str, value: float, digits: int = DIGITS) -> str:
    """A value; that of a slope per hour, with its unit.

    Args:
        quantity: A measure, or "slope of SERIES".
        value: In the unit of the measure, or of the series per hour.
        digits: How many are significant.
    """
    if not quantity.startswith(_SLOPE_OF):
        return f"{value:.{digits}g}"
    size, unit = _slope_unit(quantity)
    value /= size
    figure = "0" if abs(value) < 1e-6 else plain(value, digits)  # no remainders of floating point
    return f"{figure}{unit}"


def figures_in(quantity: str, words: str) -> tuple[float, ...]:
    """The values in words that have them as `format_value` writes them: its inverse."""
    size = _slope_unit(quantity)[0] if quantity.startswith(_SLOPE_OF) else 1.0
    return tuple(float(figure.replace(",", "")) * size for figure in _FIGURE.findall(words))


def series_format(series: str) -> ScalableFormat:
    """How a value of a soak's time series is written."""
    return UNIT_FORMATS[series_unit(series)]


def _slope_unit(quantity: str) -> tuple[float, str]:
    """The unit in which a slope is written, and its size."""
    match series_unit(quantity.removeprefix(_SLOPE_OF)):
        case "bytes":
            return 1e6, " MB/h"
        case "s":
            return 1e-3, " ms/h"
        case _:
            return 1.0, "/h"
