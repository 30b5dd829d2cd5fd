"""Prometheus series and selectors: one parser, one match, one writer.

A series is written as it is kept, `name{label="value",...}`. A selector has the same form and
matches every series of that name that has at least its labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from lab.input_files import shown

QUOTED = r'"((?:[^"\\\n]|\\[\\"n])*)"'  # a label value, escaped as in the text format
_LABEL = re.compile(rf"([a-zA-Z_][a-zA-Z0-9_]*)={QUOTED}(?:, *(?=[a-zA-Z_])|\Z)")
_METRIC = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?")

Value = TypeVar("Value")


@dataclass(frozen=True)
class Selector:
    """A metric, and the labels that its series must have; also the identity of a series."""

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Selector:
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
            labels[label[1]] = unescaped(label[2])
            place = label.end()
        return cls(match[1], labels)

    def __str__(self) -> str:
        labels = ",".join(f'{key}="{_escaped(value)}"' for key, value in self.labels.items())
        return f"{self.metric}{{{labels}}}" if labels else self.metric

    def matches(self, series: str) -> bool:
        """Whether a series, as it is written, is one of those that are selected."""
        if series.partition("{")[0] != self.metric:
            return False
        return self.labels.items() <= Selector.parse(series).labels.items()


def select(series: Mapping[str, Value], selector: str) -> list[Value]:
    """The values of the series that a selector matches; ValueError if it is none."""
    wanted = Selector.parse(selector)
    return [value for name, value in series.items() if wanted.matches(name)]


def unescaped(quoted: str) -> str:
    """The value between two quotes, as matched by `QUOTED`."""
    return re.sub(r"\\(.)", lambda escape: {"n": "\n"}.get(escape[1], escape[1]), quoted)


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
