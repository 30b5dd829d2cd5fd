"""The functions that take margins, with those of a run that is planned now."""

from __future__ import annotations

from functools import partial

from lab import gates
from lab.analysis import (
    benchmark_scaling,
    estimate_prediction,
    soak_binning,
    soak_detectable_slope,
    soak_noise,
    soak_segment_fits,
    soak_slope,
    soak_summary,
    soak_time_to_exhaustion,
    sweep_capacity,
    sweep_summary,
)
from lab.analysis import (
    block_values as values,
)
from lab.analysis import (
    sweep_curve as curves,
)
from lab.decision_margins import DecisionMargins
from lab.stats import (
    asymptotic_bounds,
    leak_shape,
    missing_estimates,
    slope_regression,
    universal_scalability_law,
)
from lab.stats import (
    time_bins as bins,
)
from lab.system import MetricNames
from lab.trials import measure_values

MARGINS = DecisionMargins()

measure = partial(measure_values.measure, margins=MARGINS.measures)
NAMES = MetricNames(
    requests="http_request_duration_seconds_count",
    time="http_request_duration_seconds_sum",
    in_flight="http_in_flight_request_seconds_total",
)
inspect = partial(gates.inspect, margins=MARGINS, names=NAMES)
GATES = gates.gates_of(MARGINS.gates)

PredictionEstimator = partial(estimate_prediction.PredictionEstimator, margins=MARGINS)
block_values = partial(values.block_values, margins=MARGINS)
exponent_or_factor = partial(benchmark_scaling.exponent_or_factor, margins=MARGINS.growth)
estimate_complexity = partial(benchmark_scaling.estimate_complexity, margins=MARGINS.growth)

sweep_curve = partial(curves.sweep_curve, margins=MARGINS.sweep)
estimate_of_sweeps = partial(sweep_capacity.estimate_of_sweeps, margins=MARGINS.sweep)
ratio_of_sweeps = partial(sweep_capacity.ratio_of_sweeps, margins=MARGINS.sweep)
summarize_sweeps = partial(sweep_summary.summarize_sweeps, margins=MARGINS.sweep)
fit_law = partial(universal_scalability_law.fit_law, margins=MARGINS.sweep)
measure_bounds = partial(asymptotic_bounds.measure_bounds, margins=MARGINS.sweep)
measure_think = partial(asymptotic_bounds.measure_think, margins=MARGINS.sweep)
geometric_mean = partial(missing_estimates.geometric_mean, max_missing=MARGINS.sweep.max_missing)
shows_absence = partial(missing_estimates.shows_absence, max_missing=MARGINS.sweep.max_missing)

bin_series = partial(soak_binning.bin_series, margins=MARGINS.slope)
detectable_slope = partial(soak_detectable_slope.detectable_slope, margins=MARGINS.slope)
measure_noise = partial(soak_noise.measure_noise, margins=MARGINS.slope)
fit_segments = partial(soak_segment_fits.fit_segments, margins=MARGINS.slope)
estimate_slope = partial(soak_slope.estimate_slope, margins=MARGINS.slope)
summarize_series = partial(soak_summary.summarize_series, margins=MARGINS.slope)
time_to_exhaustion = partial(soak_time_to_exhaustion.time_to_exhaustion, margins=MARGINS.slope)
fit_slope = partial(slope_regression.fit_slope, margins=MARGINS.slope)
has_leak_shape = partial(leak_shape.has_leak_shape, margins=MARGINS.slope)
time_bins = partial(bins.time_bins, margins=MARGINS.slope)
