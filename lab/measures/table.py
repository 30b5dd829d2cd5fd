"""The table of measures: their units, what they are taken of, and which values they can have.

Everything else that depends on a measure looks it up here: what a prediction may say of it, how it
is read from a trial (`lab.trials.measure_values`) or a sweep, and how it is written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Literal, NamedTuple

from lab.input_files.quantities import UNITS, Dimension

if TYPE_CHECKING:
    from lab.stats.time_bins import Reduction  # numpy: too slow to import for `lab list`

Unit = Literal["s", "1/s", "share", "bytes", "bytes/s", "cores", ""]  # "": a plain number
Domain = Literal["above 0", "0 or more", "from 0 to 1"]


class Scope(Enum):
    """What a measure is taken of."""

    REQUEST = "all requests, those of one name, or those of one stage"
    PROCESS = "the processes of the service, over the window"
    STAGE = "the time after a stage of an open load"
    SWEEP = "all levels of a sweep together"
    CALL = "one call of a benchmark's function"
    SERIES = "an interval of a soak, and nothing else"


@dataclass(frozen=True)
class MeasureDefinition:
    """What is known of a built-in measure.

    Attributes:
        name: As a prediction names it, without a request name.
        words: As a report names it.
        unit: Of its values.
        scope: What it is taken of.
        domain: The values that it can have.
        quantile: 99.9 of `latency_p99.9`; None if it is not a quantile.
        from_actual_send: Whether it is a latency without the delay before the request was sent.
        more_is_better: Whether a higher value is the better one.
    """

    name: str
    words: str
    unit: Unit
    scope: Scope
    domain: Domain = "above 0"
    quantile: float | None = None
    from_actual_send: bool = False
    more_is_better: bool = False

    @property
    def has_ratio(self) -> bool:
        """Whether arms can be compared by its ratio, which values of 0 do not have."""
        return self.domain == "above 0"


_ROWS = (
    MeasureDefinition("throughput", "throughput", "1/s", Scope.REQUEST, more_is_better=True),
    MeasureDefinition("error_rate", "error rate", "share", Scope.REQUEST, "from 0 to 1"),
    MeasureDefinition("latency_mean", "mean latency", "s", Scope.REQUEST),
    MeasureDefinition(
        "service_latency_mean", "mean service latency", "s", Scope.REQUEST, from_actual_send=True
    ),
    MeasureDefinition("cpu", "cpu", "cores", Scope.PROCESS),
    MeasureDefinition("rss_bytes", "memory", "bytes", Scope.PROCESS),
    MeasureDefinition("descriptors", "open descriptors", "", Scope.PROCESS),
    MeasureDefinition("throttled", "throttled", "share", Scope.PROCESS, "from 0 to 1"),
    MeasureDefinition("recovery", "recovery", "s", Scope.STAGE, "0 or more"),
    MeasureDefinition(
        "peak_throughput", "peak throughput", "1/s", Scope.SWEEP, more_is_better=True
    ),
    MeasureDefinition("knee", "knee", "", Scope.SWEEP, more_is_better=True),
    MeasureDefinition("peak", "peak", "", Scope.SWEEP, more_is_better=True),
    MeasureDefinition("time", "time", "s", Scope.CALL),
    MeasureDefinition("threads", "threads", "", Scope.SERIES),
)
MEASURES: Mapping[str, MeasureDefinition] = {row.name: row for row in _ROWS}

# any quantile below 100 can be named: latency_p50, latency_p99.9
QUANTILES: Mapping[str, MeasureDefinition] = {
    row.name: row
    for row in (
        MeasureDefinition("latency_p", "p{} latency", "s", Scope.REQUEST),
        MeasureDefinition(
            "service_latency_p", "p{} service latency", "s", Scope.REQUEST, from_actual_send=True
        ),
    )
}
_QUANTILE = re.compile(r"((?:service_)?latency_p)((?:0|[1-9][0-9]?)(?:\.[0-9]*[1-9])?)")

_QUANTILE_MISSPELT = re.compile(
    r"(service_)?(?:(?:latency|response_time|duration)_?)?p?_?([1-9][0-9][0-9]*)(?:[._]([0-9]+))?"
)


def built_in(name: str) -> MeasureDefinition | None:
    """The definition of a measure that predictions can name; None if there is none."""
    row = MEASURES.get(name)
    if row is not None:
        return None if row.scope is Scope.SERIES else row
    match = _QUANTILE.fullmatch(name)
    if not match or not float(match[2]):
        return None
    family = QUANTILES[match[1]]
    return replace(
        family,
        name=name,
        words=family.words.format(match[2]),
        quantile=float(match[2]),
    )


def corrected_quantile(name: str) -> str | None:
    """`latency_p99.9` for `latency_p999`, `latency_p99_9`, `p99.9` or `latency_99.9`."""
    match = _QUANTILE_MISSPELT.fullmatch(name)
    if not match or match[2] == "100":  # the highest is no quantile
        return None
    digits = match[2] if match[3] or len(match[2]) < 3 else f"{match[2][:2]}.{match[2][2:]}"
    number = f"{digits}.{match[3]}".rstrip("0").rstrip(".") if match[3] else digits
    number = number.rstrip("0").rstrip(".") if "." in number else number
    corrected = f"{match[1] or ''}latency_p{number}"
    return corrected if built_in(corrected) and number != name else None


def names_of(*scopes: Scope) -> tuple[str, ...]:
    """The names of all measures of these scopes, without quantiles."""
    return tuple(row.name for row in _ROWS if row.scope in scopes)


class SeriesRule(NamedTuple):
    """What a word in the name of a soak's time series says about it.

    Attributes:
        word: Part of the name.
        dimension: Which units a bound on its slope may have.
        unit: In which its values are shown.
        reduction: How the values in a bin become one.
    """

    word: str
    dimension: Literal["size", "duration"]
    unit: Unit
    reduction: Reduction


SERIES_RULES = (
    SeriesRule("bytes", "size", "bytes", "minimum"),  # the least: garbage is collected late
    SeriesRule("memory", "size", "", "minimum"),  # shown without a unit: it may be in pages
    SeriesRule("heap", "size", "", "minimum"),  # or in objects
    SeriesRule("latency", "duration", "s", "median"),
    SeriesRule("seconds", "duration", "s", "median"),
)
_UNITS_OF: dict[Dimension, tuple[str, ...]] = {
    dimension: tuple(units) for dimension, units in UNITS.items() if dimension
}
_EXAMPLES = {"size": "rss_bytes", "duration": "latency_p99", "share": "error_rate"}
_SHARES = ("error_rate", "cpu")  # series that have no other unit


def series_unit(series: str) -> Unit:
    """The unit in which values of a series are shown."""
    return next((rule.unit for rule in _rules(series) if rule.unit), "")


def series_reduction(series: str) -> Reduction:
    """How the values of a series in one bin become one value."""
    lowest = any(rule.reduction == "minimum" for rule in _rules(series))
    return "minimum" if lowest else "median"


def series_has_unit(series: str, unit: str) -> bool:
    """Whether the slope of a series can be bounded in this unit, such as "MB"."""
    dimensions: set[Dimension] = {rule.dimension for rule in _rules(series)}
    if series in _SHARES:
        dimensions.add("share")
    return not unit or any(unit in _UNITS_OF[dimension] for dimension in dimensions)


def series_example(unit: str) -> str:
    """A series whose slope can be bounded in this unit."""
    return next(_EXAMPLES[dimension] for dimension, units in _UNITS_OF.items() if unit in units)


def _rules(series: str) -> list[SeriesRule]:
    return [rule for rule in SERIES_RULES if rule.word in series]
