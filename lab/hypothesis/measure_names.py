"""How a prediction spells a measure: its name, and the one request name that it is taken of."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.input_files import shown
from lab.measure_table import MeasureDefinition, Scope, built_in
from lab.prometheus.selector import QUOTED, unescaped

_MEASURE = re.compile(rf"([a-z][a-z0-9_.]*)(?:\{{name={QUOTED}\}})?")


class Measure(NamedTuple):
    """A measure as a prediction names it; `request` is None for all requests together."""

    base: str
    request: str | None = None

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
    """Reads `name` or `name{name="request"}`; ValueError if it is neither."""
    match = _MEASURE.fullmatch(text)
    if not match:
        raise ValueError(f"{shown(text)} is not the name of a measure")
    return Measure(match[1], None if match[2] is None else unescaped(match[2]))
