"""Figures as SVG text to be embedded in a page: no fixed size, no styles or ids of their own.

Text stays text and takes the page's font. Placeholder colours become CSS variables.
"""

from __future__ import annotations

import functools
import io
import re
from collections.abc import Callable
from typing import ParamSpec

import matplotlib
from matplotlib.figure import Figure

from lab.reporting.charts.style import CSS_VARIABLES, RC_PARAMS

P = ParamSpec("P")


def as_svg(draw: Callable[P, Figure]) -> Callable[P, str]:
    """Make a function that draws a figure return it as SVG text, in the report's style."""

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> str:
        # the salt makes ids of elements the same in every rendering
        with matplotlib.rc_context({**RC_PARAMS, "svg.hashsalt": draw.__name__}):
            return _svg(draw(*args, **kwargs))

    return drawn


def with_ids(svg: str, prefix: str) -> str:
    """Make the ids of an SVG unique within a page."""

    def prefixed(tag: str) -> str:
        tag = re.sub(r'\bid="', f'id="{prefix}-', tag)
        return tag.replace("url(#", f"url(#{prefix}-").replace('href="#', f'href="#{prefix}-')

    return _in_tags(svg, prefixed)


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", metadata=no_metadata, transparent=True)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, count=1, flags=re.S)
    svg = re.sub(r"<svg[^>]*(viewBox=\"[^\"]*\")[^>]*>", r"<svg \1>", svg, count=1)
    used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', svg))

    def simplified(tag: str) -> str:
        tag = re.sub(r"font-family: [^;\"]*(?:; )?", "", tag).replace("xlink:href", "href")
        return re.sub(r' id="([^"]*)"', lambda found: found[0] if found[1] in used else "", tag)

    svg = _in_tags(svg, simplified)
    svg = re.sub(r"\s*\n\s*", " ", svg).strip()
    for colour, name in CSS_VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg


def _in_tags(svg: str, edit: Callable[[str], str]) -> str:
    """Edit the tags alone: labels, which may hold text of the service, stay as they are."""
    return re.sub(r"<[^>]+>", lambda tag: edit(tag[0]), svg)
