"""Latencies as HdrHistogram logs: an interval for each trial, in nanoseconds.

https://hdrhistogram.org; any of its readers adds intervals up, and shows their percentiles.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogWriter

from lab.hypothesis import LoadTest, Step
from lab.runs.judged_run import JudgedRun
from lab.stats.latency_histogram import ACCURACY, Histogram
from lab.trials.measure_values import total
from lab.trials.trial import Trial

_NS = 1e9
_LONGEST_NS = 24 * 3600 * 10**9
_DIGITS = 3


def latency_logs(run: JudgedRun) -> dict[str, str]:
    """A log for each arm (and level) with the latencies of its counted trials, by file name.

    They differ from what was measured by half a per cent at most, as all that the lab keeps, and by
    the three digits of the format. An interval begins after the warm-up, and does not know how long
    the reset before it took.
    """
    counted = sorted(run.counted(run.run_folder.trials()), key=lambda trial: trial.started_at)
    logs: dict[str, str] = {}
    for step in dict.fromkeys(run.hypothesis.steps):
        text = _log(run, step, [trial for trial in counted if trial.step == step])
        if text is not None:
            logs[f"latencies-{re.sub(r'[^A-Za-z0-9.-]+', '-', str(step))}.hlog"] = text
    return logs


def _log(run: JudgedRun, step: Step, trials: Sequence[Trial]) -> str | None:
    """The log of the trials of one step; None without any latency."""
    text = io.StringIO()
    writer = HistogramLogWriter(text)
    writer.output_log_format_version()
    writer.output_comment(
        f"{run.hypothesis.name}, run {run.run_folder.run}, {step}: nanoseconds, an interval for "
        f"each trial, relative error at most {ACCURACY:.1%}"
    )
    writer.output_legend()
    kind, found = run.hypothesis.kind, False
    warmup_s = kind.warmup_s if isinstance(kind, LoadTest) else 0.0
    for trial in trials:
        latency = total(trial).latency
        if not latency.count:
            continue
        found = True
        begin = trial.started_at + warmup_s
        writer.output_interval_histogram(_hdr(latency), begin, begin + trial.window_s)
    return text.getvalue() if found else None


def _hdr(latency: Histogram) -> HdrHistogram:
    converted = HdrHistogram(1, _LONGEST_NS, _DIGITS)
    for seconds, count in latency.points():
        converted.record_value(min(round(seconds * _NS), _LONGEST_NS), count)
    return converted
