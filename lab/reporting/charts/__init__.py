"""Every chart of the report as SVG text; the only package that imports matplotlib."""

from lab.reporting.charts.arm_swatch import arm_swatch
from lab.reporting.charts.benchmark_rounds import benchmark_rounds
from lab.reporting.charts.benchmark_time_by_size import time_by_size_linear, time_by_size_log
from lab.reporting.charts.estimates_over_runs import estimates_over_runs
from lab.reporting.charts.latency_distribution import latency_distribution
from lab.reporting.charts.prediction_strips import prediction_strips
from lab.reporting.charts.soak_series import soak_series
from lab.reporting.charts.sweep_curve import sweep_curve
from lab.reporting.charts.throughput_per_block import throughput_per_block
from lab.reporting.charts.time_breakdown import time_breakdown
from lab.reporting.charts.timeline import timeline

__all__ = [
    "arm_swatch",
    "benchmark_rounds",
    "estimates_over_runs",
    "latency_distribution",
    "prediction_strips",
    "soak_series",
    "sweep_curve",
    "throughput_per_block",
    "time_breakdown",
    "time_by_size_linear",
    "time_by_size_log",
    "timeline",
]
