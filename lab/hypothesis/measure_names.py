"""The words of measures and metrics, as predictions and definitions name them."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.input_files import shown

PER_REQUEST = ("throughput", "error_rate", "latency_mean", "service_latency_mean")
PER_CALL = ("time",)  # of a benchmark, and nothing else of it
PER_PROCESS = ("cpu", "rss_bytes", "descriptors", "throttled")
PER_STAGE = ("recovery",)  # seconds
OF_SWEEPS = ("peak_throughput", "knee", "peak")  # of all levels together
SHARES = ("error_rate", "throttled")  # between 0 and 1, both included
_SERVICE = "service_"  # latency from the actual send, not from the intended one
_QUANTILE = re.compile(r"(?:service_)?latency_p((?:0|[1-9][0-9]?)(?:\.[0-9]*[1-9])?)")
_QUOTED = r'"((?:[^"\\\n]|\\[\\"n])*)"'
_LABEL = re.compile(rf"([a-zA-Z_][a-zA-Z0-9_]*)={_QUOTED}(?:, *(?=[a-zA-Z_])|\Z)")
_MEASURE = re.compile(rf"([a-z][a-z0-9_.]*)(?:\{{name={_QUOTED}\}})?")
_METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?")


class Measure(NamedTuple):
    """What a prediction names: a measure, and the one request that it is taken of, if so."""

    base: str
    request: str | None = None

    @property
    def quantile(self) -> float | None:
        """99.9 of `latency_p99.9`; None where the measure is no quantile."""
        match = _QUANTILE.fullmatch(self.base)
        return (float(match[1]) or None) if match else None

    @property
    def of_requests(self) -> bool:
        """Whether it is built in and can be taken of one request name."""
        return self.base in PER_REQUEST or self.quantile is not None

    @property
    def from_actual_send(self) -> bool:
        """Whether it is a latency of the service alone, without what the arrival was late."""
        return self.base.startswith(_SERVICE)

    @property
    def is_share(self) -> bool:
        """Whether it is built in and lies between 0 and 1."""
        return self.base in SHARES

    @property
    def of_sweep(self) -> bool:
        """Whether it is what a whole sweep yields, not a trial."""
        return self.base in OF_SWEEPS

    @property
    def built_in(self) -> bool:
        """Whether every trial, stage or sweep yields it, so that no file has to define it."""
        known = (*PER_PROCESS, *PER_CALL, *PER_STAGE)
        return self.of_requests or self.of_sweep or self.base in known


class Selector(NamedTuple):
    """A Prometheus metric, and the labels that its samples must carry."""

    metric: str
    labels: dict[str, str]


def parse_measure(text: str) -> Measure:
    """Reads `name` or `name{name="request"}`; ValueError if it is neither."""
    match = _MEASURE.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)} is not the name of a measure")
    return Measure(match[1], None if match[2] is None else _unescaped(match[2]))


def parse_selector(text: str) -> Selector:
    """Reads `metric` or `metric{label="value", ...}`; ValueError if it is neither."""
    match = _METRIC.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)} is not the name of a metric")
    labels: dict[str, str] = {}
    inner, place = match[2] or "", 0
    while place < len(inner):
        label = _LABEL.match(inner, place)
        if not label or label[1] in labels:
            raise ValueError(f'the labels of {shown(text)} are not of the form label="value"')
        labels[label[1]] = _unescaped(label[2])
        place = label.end()
    return Selector(match[1], labels)


def _unescaped(quoted: str) -> str:
    return re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), quoted)


def in_words(quantity: str, value: float) -> str:
    """A figure with three digits; of a slope with its unit, per hour."""
    if not quantity.startswith("slope of "):
        return f"{value:.3g}"
    if "bytes" in quantity:
        return f"{_plain(value / 1e6)} MB/h"
    if "latency" in quantity or "seconds" in quantity:
        return f"{_plain(value * 1e3)} ms/h"
    return f"{_plain(value)}/h"


def series_of_unit(unit: str) -> tuple[str, ...]:
    """Words, one of which is in the name of every series in this unit; none for a plain number."""
    if unit in ("B", "KB", "MB", "GB"):
        return ("rss_bytes", "bytes", "memory", "heap")
    return ("latency_p99", "latency", "seconds") if unit else ()


def _plain(value: float) -> str:
    """Three digits, and no powers of ten; what rounding left over is none."""
    if abs(value) < 1e-6:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 999.5 else f"{value:.3g}"
