"""The text in which services export metrics: Prometheus' own format, and OpenMetrics.

Both are read alike. Series keep the names that they are exposed with. Their families' types, never
their names, decide what they are. A line that cannot be read makes its metric unread, and no other.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from lab.input_files import shown
from lab.prometheus.selector import Selector

MAX_SAMPLES = 20_000  # on a page: more would keep the lab busy and its files growing
MAX_AGE_S = 2.0  # of a sample with a time of its own, for a value of now
MAX_NOTES = 20
TYPES = ("counter", "gauge", "histogram", "summary", "untyped")

Role = Literal["counter", "gauge", "untyped", "bucket", "composite", "created"]

LEFT_OUT: Mapping[Role, str] = {
    "bucket": (
        "a bucket of a histogram, which is read for a `histogram:` alone; use that, or its _sum "
        "and _count"
    ),
    "composite": "a histogram, of which the lab records the _sum and the _count alone",
    "created": "when a metric was created, which the lab does not record",
}
"""What is exposed and not recorded, in words."""

_MEMBERS: Mapping[str, Mapping[str, Role]] = {
    "counter": {"": "counter", "_total": "counter", "_created": "created"},
    "gauge": {"": "gauge"},
    "histogram": {
        "": "composite",
        "_bucket": "bucket",
        "_sum": "counter",
        "_count": "counter",
        "_created": "created",
    },
    "summary": {"": "gauge", "_sum": "counter", "_count": "counter", "_created": "created"},
    "untyped": {"": "untyped"},
    "unknown": {"": "untyped"},
    "info": {"": "gauge", "_info": "gauge"},
    "stateset": {"": "gauge"},
    "gaugehistogram": {"": "composite", "_bucket": "bucket", "_gcount": "gauge", "_gsum": "gauge"},
}
"""By the type of a family, the samples that it has by what follows its name."""
_SUFFIXES = tuple(sorted({each for members in _MEMBERS.values() for each in members if each}))

_EXPONENT = r"(?:e[+-]?[0-9]+)?"
_NUMBER = rf"[+-]?(?:[0-9]+(?:\.[0-9]*)?{_EXPONENT}|\.[0-9]+{_EXPONENT}|inf|infinity|nan)"
_REST = re.compile(
    rf"[ \t]*({_NUMBER})(?:[ \t]+({_NUMBER}))?(?:[ \t]+st@{_NUMBER})?[ \t]*(?:#[ \t]*\{{.*)?",
    re.IGNORECASE,
)
_SIMPLE = re.compile(rf"([a-zA-Z_:][a-zA-Z0-9_:]*)[ \t]+({_NUMBER})", re.IGNORECASE)
_TYPE = re.compile(r"#[ \t]+TYPE[ \t]+(.*)")
_TYPED = re.compile(r'([^ \t"]+|"(?:[^"\\]|\\.)*")[ \t]+([^ \t]+)[ \t]*')
_BEGIN = re.compile(r'[a-zA-Z_:][a-zA-Z0-9_:]*(?=[ \t{])|\{[ \t]*"(?:[^"\\]|\\.)*"(?=[ \t]*[,}])')
_UNDECODED = re.compile("[\udc80-\udcff]")
_MILLISECONDS = 1e11  # a larger timestamp is in them: seconds do not get there for 3,000 years


@dataclass(frozen=True)
class Page:
    """The metrics of a service at one moment; series as `Selector.series` writes them.

    Attributes:
        counters: What may be asked for as one: counters, sums and counts, series without a type.
        buckets: Cumulative counts of histograms, with the label `le`.
        gauges: Values as they are: gauges, quantiles, series without a type.
        types: By name of a family.
        unread: By series or by metric, why it has no value here.
        notes: What the page does that it should not, with its line; the first of them.
    """

    counters: Mapping[str, float] = field(default_factory=dict)
    gauges: Mapping[str, float] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    buckets: Mapping[str, float] = field(default_factory=dict)


def decode(body: bytes) -> str:
    """The text of a page. What is not UTF-8 stays visible to `parse_page`, line by line."""
    return body.decode("utf-8", errors="surrogateescape")


def parse_page(
    text: str, openmetrics: bool = False, now: tuple[float, float] | None = None
) -> Page:
    """Reads a page of metrics.

    Args:
        text: As `decode` has it.
        openmetrics: Whether the service says that it is OpenMetrics, which has an end.
        now: When it was asked for and when it had arrived, seconds since the epoch: samples with
            an older time of their own are no values of now.

    Raises:
        ValueError: If it is no page of metrics, is cut off, or has more than `MAX_SAMPLES`.
    """
    lines = [line.removesuffix("\r") for line in text.removeprefix("\ufeff").split("\n")]
    beyond: int | None = None
    if openmetrics:  # in Prometheus' own format it is a comment
        if "# EOF" not in lines:
            raise ValueError("it ends without `# EOF`: OpenMetrics that was cut off")
        end = lines.index("# EOF")
        beyond = next(
            (number for number, line in enumerate(lines[end:], end + 1) if _holds(line)), None
        )
        lines = lines[:end]
    samples = sum(1 for line in lines if line and not line.startswith("#"))
    if samples > MAX_SAMPLES:
        raise ValueError(
            f"{samples:,} series ({len(text) / 1e6:.1f} MB), and the lab reads at most "
            f"{MAX_SAMPLES:,}: export fewer of them"
        )
    page = _Reader(lines, now).page()
    if beyond is None:
        return page
    note = (
        f"line {beyond} comes after `# EOF`, which ends OpenMetrics: nothing is read from there on"
    )
    return replace(page, notes=(note, *page.notes[: MAX_NOTES - 1]))


def _holds(line: str) -> bool:
    """Whether it is more than blank or a comment."""
    return bool(line) and not line.startswith("#") and not line.isspace()


class _Reader:
    """Reads the lines of one page: the types first, since they may follow their samples."""

    def __init__(self, lines: list[str], now: tuple[float, float] | None) -> None:
        self._lines, self._now = lines, now
        self._types: dict[str, str] = {}
        self._roles: dict[str, Role] = {}  # by metric
        self._seen: dict[str, float] = {}
        self._counters: dict[str, float] = {}
        self._gauges: dict[str, float] = {}
        self._buckets: dict[str, float] = {}
        self._spoiled: dict[str, str] = {}  # metrics that have a line which cannot be read
        self._unread: dict[str, str] = {}  # series that have no value
        self._notes: list[str] = []

    def page(self) -> Page:
        for number, line in enumerate(self._lines, 1):
            if line.startswith("#") and (match := _TYPE.match(line)):
                self._read_type(number, match[1])
        for number, line in enumerate(self._lines, 1):
            if line and not line.startswith("#") and not line.isspace():
                self._read_sample(number, line.lstrip(" \t"))
        if self._notes and not self._seen:
            raise ValueError(self._notes[0])
        return Page(
            self._without_spoiled(self._counters),
            self._without_spoiled(self._gauges),
            self._types,
            self._spoiled | self._unread,
            tuple(self._notes[:MAX_NOTES]),
            self._without_spoiled(self._buckets),
        )

    def _without_spoiled(self, values: dict[str, float]) -> dict[str, float]:
        if not self._spoiled:
            return values
        return {
            series: value
            for series, value in values.items()
            if Selector.parse(series).metric not in self._spoiled
        }

    def _read_type(self, number: int, text: str) -> None:
        match = _TYPED.fullmatch(text)
        if match is None or _UNDECODED.search(text):
            self._notes.append(f"line {number} is no `# TYPE name type`: {shown(_decoded(text))}")
            return
        name, kind = match[1], match[2]
        if name.startswith('"'):
            name = Selector.parse(f"{{{name}}}").metric
        if kind not in _MEMBERS:
            self._notes.append(
                f"line {number} gives {name} the type {shown(kind)}, which is none of "
                f"{', '.join(TYPES)}: it is read as untyped"
            )
            kind = "untyped"
        elif self._types.get(name, kind) != kind:
            self._notes.append(f"line {number} gives {name} another type: the last one counts")
        self._types[name] = kind

    def _read_sample(self, number: int, line: str) -> None:
        timestamp = None
        if simple := _SIMPLE.fullmatch(line):
            metric = series = simple[1]
            value = float(simple[2])
        else:
            try:
                selector, end = Selector.parse_start(line)
                rest = _REST.fullmatch(line, end)
                if rest is None or (line[end - 1] != "}" and line[end] not in " \t"):
                    raise ValueError("no value")
            except ValueError:
                rest = None
            if rest is None or _UNDECODED.search(line):
                self._spoil(number, _decoded(line))
                return
            metric, series, value = selector.metric, selector.series, float(rest[1])
            timestamp = None if rest[2] is None else float(rest[2])
        if series in self._seen:
            if self._seen[series] != value:
                self._notes.append(
                    f"line {number} has {series} again, with another value: the first one counts"
                )
            return
        self._seen[series] = value
        if (role := self._roles.get(metric)) is None:
            role = self._roles[metric] = find_role(metric, self._types)
        if role in LEFT_OUT and role != "bucket":
            return
        if reason := self._no_value(number, value, timestamp):
            self._unread[series] = reason
            return
        if role == "bucket":
            self._buckets[series] = value
            return
        if role != "gauge":
            self._counters[series] = value
        if role != "counter":
            self._gauges[series] = value

    def _spoil(self, number: int, line: str) -> None:
        """A line that cannot be read, and so its metric: a sum without it would be wrong."""
        reason = f"line {number} is not in the text format of Prometheus: {shown(line)}"
        self._notes.append(reason)
        begin = _BEGIN.match(line)
        if begin is None:
            raise ValueError(reason)
        name = begin[0]
        self._spoiled[name if name[0] != "{" else str(Selector.parse(f"{name}}}"))] = reason

    def _no_value(self, number: int, value: float, timestamp: float | None) -> str | None:
        if not math.isfinite(value):
            return f"its value is {'NaN' if math.isnan(value) else f'{value:+g}'.title()}"
        if timestamp is None or self._now is None:
            return None
        at = timestamp / 1000 if abs(timestamp) > _MILLISECONDS else timestamp
        began, ended = self._now
        if began - MAX_AGE_S <= at <= ended + MAX_AGE_S:
            return None
        off = began - at
        when = f"{off:,.0f} s ago" if off > 0 else f"{-off:,.0f} s ahead"
        return f"line {number} dates it {when}: it is no value of now"


def find_role(metric: str, types: Mapping[str, str]) -> Role:
    """What a metric of a page is, by the types of the page's families."""
    own = types.get(metric)
    if own == "gauge" and metric.endswith("_created"):
        # clients write it beside a counter or a histogram in Prometheus' own format
        base = metric.removesuffix("_created")
        beside = {types.get(base), types.get(f"{base}_total")}
        if beside & {"counter", "histogram", "summary"}:
            return "created"
    if own is not None:
        return _MEMBERS[own][""]
    for suffix in _SUFFIXES:
        if metric.endswith(suffix):
            family = types.get(metric.removesuffix(suffix), "")
            if role := _MEMBERS.get(family, {}).get(suffix):
                return role
    return "untyped"


def _decoded(text: str) -> str:
    """As it can be shown: what is not UTF-8 is replaced."""
    return text.encode("utf-8", errors="surrogateescape").decode("utf-8", errors="replace")


def unread_reasons(unread: Mapping[str, str], selector: Selector) -> list[str]:
    """Why what a selector matches has no value, as far as that is so.

    Args:
        unread: As a page has it, by series or by metric.
        selector: Of a measure, or a series.
    """
    found = []
    for name, reason in unread.items():
        entry = Selector.parse(name)
        if entry.metric == selector.metric and (not entry.labels or selector.matches(name)):
            found.append(f"{name}: {reason}")
    return found
