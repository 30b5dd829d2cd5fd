"""Prometheus series and selectors: one parser, one match, one writer.

A series is written as in the text format, `name{label="value",...}`. A name that needs quotes
stands within the braces, `{"http.server.requests","http.route"="/item"}`. A selector has the same
form and matches every series of that name that has at least its labels.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from lab.input_files import shown

QUOTED = r'"((?:[^"\\\n]|\\[\\"n])*)"'  # a quoted text with the escapes of the text format
_QUOTED = r'"((?:[^"\\\n]|\\.)*)"'  # and with others, which Prometheus reads as they stand
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")  # a name that needs no quotes
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_ENTRY = re.compile(
    rf"[ \t]*(?:({_LABEL.pattern})|{_QUOTED})[ \t]*(?:=[ \t]*{_QUOTED})?[ \t]*(?:,[ \t]*|(?=\}}))"
)
_OPEN = re.compile(r"[ \t]*\{[ \t]*")
_OPERATOR = re.compile(rf'({_LABEL.pattern}|"[^"]*")[ \t]*(=~|!=|!~)')
_ESCAPE = re.compile(r'\\([\\"n])')
_NAME_LABEL = "__name__"  # in which Prometheus itself keeps the name of a metric

Value = TypeVar("Value")


@dataclass(frozen=True)
class Selector:
    """A metric, and the labels that its series must have; also the identity of a series.

    A label with an empty value is the same as none, as in Prometheus.
    """

    metric: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Selector:
        """Reads a selector, or a series as it is written; ValueError if it is neither."""
        selector, end = cls.parse_start(text)
        if end != len(text):
            raise ValueError(f"{shown(text)} is not the name of a metric")
        return selector

    @classmethod
    def parse_start(cls, text: str) -> tuple[Selector, int]:
        """Reads the series that a text begins with; returns where it ends, too.

        Raises:
            ValueError: If it begins with none.
        """
        name = _METRIC.match(text)
        metric = name[0] if name else None
        place = name.end() if name else 0
        labels: dict[str, str] = {}
        if opened := _OPEN.match(text, place):
            place = opened.end()
            while text[place : place + 1] != "}":
                entry = _ENTRY.match(text, place)
                if not entry:
                    raise _label_error(text)
                key = entry[1] if entry[2] is None else unescaped(entry[2])
                if entry[3] is None and entry[1] is None:
                    named = key
                elif entry[3] is not None and key == _NAME_LABEL:
                    named = unescaped(entry[3])
                elif entry[3] is None or key in labels:
                    raise _label_error(text)
                else:
                    labels[key] = unescaped(entry[3])
                    named = None
                if named is not None and metric is not None:
                    raise ValueError(f"{shown(text)} has two names of metrics")
                metric = metric if named is None else named
                place = entry.end()
            place += 1
        if not metric:
            raise ValueError(f"{shown(text)} is not the name of a metric")
        return cls(metric, labels), place

    def __str__(self) -> str:
        labels = [f'{_name(_LABEL, key)}="{_escaped(value)}"' for key, value in self.labels.items()]
        if not _METRIC.fullmatch(self.metric):
            return f"{{{','.join((_name(_METRIC, self.metric), *labels))}}}"
        return f"{self.metric}{{{','.join(labels)}}}" if labels else self.metric

    @property
    def series(self) -> str:
        """As a series is kept: without empty labels, the others in the order of their names."""
        labels = {key: value for key, value in sorted(self.labels.items()) if value}
        return str(Selector(self.metric, labels))

    def matches(self, series: str) -> bool:
        """Whether a series, as it is written, is one of those that are selected."""
        name = _name(_METRIC, self.metric)
        bare = series if name == self.metric else series.removeprefix("{")
        if not bare.startswith(name) or bare[len(name) : len(name) + 1] not in ("", "{", ",", "}"):
            return False
        if not self.labels:
            return True
        own = Selector.parse(series).labels
        return all(own.get(key, "") == value for key, value in self.labels.items())


def select(series: Mapping[str, Value], selector: str) -> list[Value]:
    """The values of the series that a selector matches; ValueError if it is none."""
    wanted = Selector.parse(selector)
    return [value for name, value in series.items() if wanted.matches(name)]


def unescaped(quoted: str) -> str:
    """The value between two quotes, as matched by `QUOTED`."""
    return _ESCAPE.sub(lambda escape: {"n": "\n"}.get(escape[1], escape[1]), quoted)


def _label_error(text: str) -> ValueError:
    if operator := _OPERATOR.search(text):
        return ValueError(
            f'{shown(text)} compares a label by {operator[2]}; only label="value" selects'
        )
    return ValueError(f'the labels of {shown(text)} are not of the form label="value"')


def _name(bare: re.Pattern[str], name: str) -> str:
    return name if bare.fullmatch(name) else f'"{_escaped(name)}"'


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
