"""Reads the Prometheus metrics of a service: growth of counters, and gauges as they are."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from lab.instruments.service_http_client import HttpClient, HttpError
from lab.prometheus_selector import Selector

_RUNTIME = ("python_", "process_")


@dataclass(frozen=True)
class Scrape:
    """All series at one moment: counters (with the parts of histograms) and gauges."""

    at: float  # monotonic seconds, middle of the request
    took_s: float
    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)

    def since(self, earlier: Scrape) -> dict[str, float]:
        """Growth of each counter. A counter that fell has been reset, and is left out."""
        deltas = {
            series: value - earlier.counters.get(series, 0.0)
            for series, value in self.counters.items()
        }
        return {series: delta for series, delta in deltas.items() if delta >= 0}


class MetricsScraper:
    """Reads `/metrics` of one service."""

    def __init__(self, base_url: str, path: str = "/metrics", timeout_s: float = 15.0) -> None:
        self._client = HttpClient(base_url, timeout_s)
        self._path = path

    def scrape(self) -> Scrape:
        """Read all series now; HttpError if the service does not answer."""
        began = time.monotonic()
        status, body = self._client.get(self._path)
        ended = time.monotonic()
        if status != 200:
            raise HttpError(f"GET {self._path}: status {status}")
        counters, gauges = parse(body.decode("utf-8", errors="replace"))
        return Scrape((began + ended) / 2, ended - began, counters, gauges)

    def close(self) -> None:
        """Close the connection."""
        self._client.close()


def parse(text: str) -> tuple[dict[str, float], dict[str, float]]:
    """Split Prometheus text into counters and gauges, keyed `name{label="value",...}`.

    Sums and counts of histograms and summaries are counters, quantiles of summaries are gauges.
    Buckets are left out.
    """
    from prometheus_client.parser import text_string_to_metric_families

    counters: dict[str, float] = {}
    gauges: dict[str, float] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name.endswith(("_bucket", "_created")) or not math.isfinite(sample.value):
                    continue
                series = str(Selector(sample.name, sample.labels))
                counting = family.type == "counter" or (
                    family.type in ("histogram", "summary") and "quantile" not in sample.labels
                )
                (counters if counting else gauges)[series] = sample.value
    except ValueError as error:
        raise HttpError(f"/metrics is not Prometheus text ({error})") from error
    return counters, gauges


def without_runtime_metrics(series: Mapping[str, float]) -> dict[str, float]:
    """The series without those that every Python client exports of its interpreter and process."""
    return {name: value for name, value in series.items() if not name.startswith(_RUNTIME)}
