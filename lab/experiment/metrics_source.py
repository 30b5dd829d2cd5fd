"""Where the metrics of an arm are read, and which of them a hypothesis needs beside counters."""

from __future__ import annotations

from lab.hypothesis import Hypothesis, MetricGauge, MetricQuantile
from lab.instruments.instrument_interfaces import Source
from lab.prometheus.selector import Selector
from lab.targets.target_interface import Target


def metrics_source(target: Target, arm: str, hypothesis: Hypothesis) -> Source:
    """The metrics of an arm's loaded process."""
    measures = hypothesis.measures.values()
    quantiles = (each for each in measures if isinstance(each, MetricQuantile))
    return Source(
        target.url(arm),
        target.loaded.metrics,
        gauges=tuple(each.metric for each in measures if isinstance(each, MetricGauge)),
        buckets=frozenset(Selector.parse(each.buckets).metric for each in quantiles),
    )
