"""How a prediction spells a measure: its name, and the requests that it is taken of."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.input_files import shown
from lab.measures.table import MeasureDefinition, Scope, built_in
from lab.prometheus.selector import QUOTED, unescaped

_MEASURE = re.compile(r"([a-z][a-z0-9_.]*)(?:\{(.+)\})?")
_LABEL = re.compile(rf"(name|method)={QUOTED}(?:, *(?=[a-z])|\Z)")


class Measure(NamedTuple):
    """A measure as a prediction names it; without name and method, of all requests together."""

    base: str
    request: str | None = None  # name of the requests, of every method if `method` is None
    method: str | None = None

    @property
    def of_some(self) -> bool:
        """Whether it is taken of requests of one name or method only."""
        return self.request is not None or self.method is not None

    @property
    def definition(self) -> MeasureDefinition | None:
        """Its row of the table of measures; None if the file defines it itself."""
        return built_in(self.base)

    @property
    def scope(self) -> Scope | None:
        """What it is taken of; None if the file defines it itself."""
        return None if self.definition is None else self.definition.scope

    @property
    def quantile(self) -> float | None:
        """99.9 of `latency_p99.9`; None if it is not a quantile."""
        return None if self.definition is None else self.definition.quantile

    @property
    def is_share(self) -> bool:
        """Whether it is built in and lies between 0 and 1."""
        return self.definition is not None and self.definition.domain == "from 0 to 1"


def parse_measure(text: str) -> Measure:
    """Reads `measure` or `measure{name="request", method="POST"}`, or with one of the two.

    Raises:
        ValueError: If the text is none of these.
    """
    match = _MEASURE.fullmatch(text)
    labels: dict[str, str] = {}
    place, inner = 0, (match[2] or "") if match else ""
    while match and place < len(inner):
        label = _LABEL.match(inner, place)
        if not label or label[1] in labels:
            match = None
        else:
            labels[label[1]] = unescaped(label[2])
            place = label.end()
    if not match:
        raise ValueError(f"{shown(text)} is not the name of a measure")
    return Measure(match[1], labels.get("name"), labels.get("method"))
