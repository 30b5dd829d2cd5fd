"""One block by second or slice: load, processes, service metrics, database sessions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab.hypothesis import Hypothesis, LoadTest, MetricGauge, OpenLoad, Step
from lab.measures.number_format import NumberFormat, low_to_high, percentage, plain
from lab.prometheus.selector import Selector
from lab.reporting.table import Table
from lab.reporting.trials_of_run import RunTrials, roles_in_order
from lab.runs.run_folder import RunFolder
from lab.stats.latency_histogram import Histogram
from lab.trials.trial import LoadEvidence

Row = Mapping[str, Any]
Line = list[tuple[float, float | None]]  # seconds, value
Reader = Callable[[Row], float | None]

MAX_PANELS = 14  # if there are gauges that no measure names: the table has all


@dataclass(frozen=True)
class TimelinePanel:
    """One quantity over time, a line for each arm."""

    title: str
    lines: Mapping[str, Line]
    unit: str
    value_format: NumberFormat
    is_level: bool = False  # of the service or the database, not of the load

    @property
    def is_zero(self) -> bool:
        """Whether it was zero throughout in every arm."""
        return not any(value for line in self.lines.values() for _, value in line)

    @property
    def movement(self) -> float:
        """How far it moved, as a share of its highest value."""
        values = [value for line in self.lines.values() for _, value in line if value is not None]
        highest = max(map(abs, values), default=0.0)
        return (max(values) - min(values)) / highest if highest else 0.0

    @property
    def label(self) -> str:
        """Title and unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title


@dataclass(frozen=True)
class TimelineSection:
    """The panels of one block, and the measured window."""

    block: int
    counts: bool
    is_sliced: bool  # a row is a slice: times are those under load, not since the trial began
    window: tuple[float, float] | None
    stages: tuple[tuple[str, float, float], ...]  # name, begin and end of each, if several
    panels: tuple[TimelinePanel, ...]
    undrawn: int  # how many more the table has
    zero_series: str  # names of what the service and the database never had any of
    table: Table
    waits: Table  # of PostgreSQL sessions

    @property
    def row(self) -> str:
        """What a row of the recorded series is."""
        return "slice" if self.is_sliced else "second"

    @property
    def title(self) -> str:
        """Which block it is."""
        return f"Block {self.block}{'' if self.counts else ', which does not count'}"

    @property
    def caption(self) -> str:
        """What the chart shows, and what it leaves out."""
        text = f"The service and its processes, {self.row} by {self.row}."
        if self.undrawn:
            text += f" The {self.undrawn} series that move least are in the table alone."
        return text


def timeline_section(run_folder: RunFolder, trials: RunTrials) -> TimelineSection | None:
    """The middle block that counts, otherwise any block that was recorded; None without any."""
    counted = sorted(trials.counted_blocks)
    from_middle = counted[len(counted) // 2 :] + counted[: len(counted) // 2]
    others = sorted({trial.block for trial in trials.all} - set(counted))
    for block in (*from_middle, *others):
        rows = {
            arm: _with_lengths(run_folder.series(block, Step(arm, trials.shown_level)))
            for arm in trials.arms
        }
        recorded = _panels(rows, trials.loaded)
        if recorded:
            zero = [panel for panel in recorded if panel.is_level and panel.is_zero]
            listed = [panel for panel in recorded if not (panel.is_level and panel.is_zero)]
            panels = _drawn(listed, trials.hypothesis)
            inside = [row["t"] for own in rows.values() for row in own if row.get("window")]
            return TimelineSection(
                block=block,
                counts=block in counted,
                is_sliced=_is_sliced(trials, block),
                window=(min(inside), max(inside)) if inside else None,
                stages=_stages(trials.hypothesis),
                panels=panels,
                undrawn=len(listed) - len(panels),
                zero_series=", ".join(panel.title for panel in zero),
                table=_table(rows, listed),
                waits=_waits(rows),
            )
    return None


def _is_sliced(trials: RunTrials, block: int) -> bool:
    return any(
        isinstance(trial.evidence, LoadEvidence) and trial.evidence.slices
        for trial in trials.all
        if trial.block == block
    )


def _with_lengths(rows: list[dict[str, Any]]) -> list[Row]:
    """Rows with their length: one second, less at the edges of stages and of the window."""
    rows = [row for row in rows if "t" in row]
    begins = [0.0, *(row["t"] for row in rows)]
    return [
        {**row, "length": max(row["t"] - begin, 1e-9)}
        for row, begin in zip(rows, begins, strict=False)
    ]


def _stages(hypothesis: Hypothesis) -> tuple[tuple[str, float, float], ...]:
    test = hypothesis.kind
    if not isinstance(test, LoadTest) or not isinstance(test.load, OpenLoad):
        return ()
    if len(test.load.stages) == 1:
        return ()
    found, begin = [], test.warmup_s
    for stage in test.load.stages:
        end = begin + (stage.duration_s or 0.0)
        found.append((stage.name or "", begin, end))
        begin = end
    return tuple(found)


def _panels(rows: Mapping[str, Sequence[Row]], loaded: Sequence[str]) -> tuple[TimelinePanel, ...]:
    every = [row for own in rows.values() for row in own]
    roles = roles_in_order((role for row in every for role in row.get("usage", {})), loaded)
    metrics = sorted({metric for row in every for metric in row.get("metrics", {})})
    levels: list[tuple[str, str, NumberFormat, Reader]] = [
        *((metric, "", plain, _at("metrics", metric)) for metric in metrics),
        ("PostgreSQL sessions waiting", "", plain, _at("postgres", "waiting")),
    ]
    readers: list[tuple[str, str, NumberFormat, Reader]] = [
        ("throughput", "/s", plain, _throughput),
        ("median latency", "ms", plain, _median_ms),
        ("arrivals scheduled", "/s", plain, _arrivals("scheduled")),
        ("arrivals sent", "/s", plain, _arrivals("sent")),
        *(
            (f"CPU of {role}", "cores", "{:.2f}".format, _at("usage", role, "cpu"))
            for role in roles
        ),
        *(
            (
                f"throttled CPU periods of {role}",
                "share",
                percentage,
                reader,
            )
            for role in roles
            if any(map(reader := _at("usage", role, "throttled"), every))
        ),
        *levels,
    ]
    level_titles = {title for title, *_ in levels}
    panels = (
        TimelinePanel(
            title,
            {arm: [(row["t"], reader(row)) for row in own] for arm, own in rows.items()},
            unit,
            form,
            is_level=title in level_titles,
        )
        for title, unit, form, reader in readers
    )
    return tuple(
        panel
        for panel in panels
        if any(value is not None for line in panel.lines.values() for _, value in line)
    )


def _drawn(panels: Sequence[TimelinePanel], hypothesis: Hypothesis) -> tuple[TimelinePanel, ...]:
    """Those of the load, of the processes and of measures, and others that move most."""
    gauges = [
        Selector.parse(metric.metric)
        for metric in hypothesis.measures.values()
        if isinstance(metric, MetricGauge)
    ]
    others = [
        panel
        for panel in panels
        if panel.is_level and not any(gauge.matches(panel.title) for gauge in gauges)
    ]
    others.sort(key=lambda panel: panel.movement)
    left_out = {panel.title for panel in others[: max(0, len(panels) - MAX_PANELS)]}
    return tuple(panel for panel in panels if panel.title not in left_out)


def _throughput(row: Row) -> float | None:
    if "requests" not in row:
        return None
    succeeded = sum(seen["count"] - seen["errors"] for seen in row["requests"].values())
    return float(succeeded / row["length"])


def _arrivals(which: str) -> Reader:
    def read(row: Row) -> float | None:
        seen = row.get("arrivals")
        return None if seen is None else float(seen[which] / row["length"])

    return read


def _median_ms(row: Row) -> float | None:
    merged = Histogram()
    for seen in row.get("requests", {}).values():
        merged.merge(Histogram.from_dict(seen["latency"]))
    # One second of one trial is drawn, never judged: a thin sample may show.
    median = merged.quantile(0.5, beyond=0)
    return None if median is None else median * 1000


def _at(*keys: str) -> Reader:
    def read(row: Row) -> float | None:
        found: Any = row
        for key in keys:
            if not isinstance(found, Mapping) or key not in found:
                return None
            found = found[key]
        return None if found is None else float(found)

    return read


def _table(rows: Mapping[str, Sequence[Row]], panels: Sequence[TimelinePanel]) -> Table:
    """Lowest and highest second within the measured window."""
    inside = {arm: {row["t"] for row in own if row.get("window")} for arm, own in rows.items()}

    def figures(panel: TimelinePanel, arm: str) -> str:
        seen = [v for t, v in panel.lines[arm] if v is not None and t in inside[arm]]
        return low_to_high(panel.value_format, seen)

    return Table(
        ("quantity", *rows),
        tuple((panel.label, *(figures(panel, arm) for arm in rows)) for panel in panels),
        "l" + "r" * len(rows),
    )


def _waits(rows: Mapping[str, Sequence[Row]]) -> Table:
    found = []
    for arm, own in rows.items():
        seen: Counter[str] = Counter()
        for row in own:
            if row.get("window"):
                seen.update(row.get("postgres", {}).get("waits", {}))
        found += [(arm, wait, str(count)) for wait, count in seen.most_common(5)]
    return Table(("arm", "wait event or idle state", "samples"), tuple(found), "llr")
