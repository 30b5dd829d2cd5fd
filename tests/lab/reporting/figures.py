"""Charts as matplotlib draws them, before they become SVG."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any


def figure_of(chart: Callable[..., str], *arguments: object) -> Any:
    """The figure of a chart."""
    return inspect.unwrap(chart)(*arguments)


def legend_of(figure: Any) -> list[str]:
    """What its legend names."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]
