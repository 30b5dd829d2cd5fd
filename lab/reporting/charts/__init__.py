"""Every picture of the report, as SVG text; the only importer of matplotlib."""

from lab.reporting.charts.benchmark import growth_linear, growth_log, rounds
from lab.reporting.charts.load import breakdown, curve, latency, series, throughput
from lab.reporting.charts.prediction_strips import strips, swatch
from lab.reporting.charts.soak import soak
from lab.reporting.charts.style import with_ids

__all__ = [
    "breakdown",
    "curve",
    "growth_linear",
    "growth_log",
    "latency",
    "rounds",
    "series",
    "soak",
    "strips",
    "swatch",
    "throughput",
    "with_ids",
]
