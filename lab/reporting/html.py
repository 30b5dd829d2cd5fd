"""The report as one page that asks for nothing beyond itself."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from lab import verdict_wording
from lab.reporting import charts, wording
from lab.reporting.report_data import View


def page(view: View) -> str:
    """Fill the page's template."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    pictures = _pictures(view)
    return environment.get_template("report.html").render(
        view=view,
        wording=wording,
        symbols=verdict_wording.SYMBOLS,
        prose=_prose(view.prose),
        pictures={name: Markup(charts.with_ids(svg, name)) for name, svg in pictures.items()},
    )


def _pictures(view: View) -> dict[str, str]:
    pictures = {f"f{i}": svg for i, svg in enumerate(charts.strips(view.findings))}
    pictures |= {f"a{i}": charts.swatch(i) for i in range(len(view.arms))}
    for i, curve in enumerate(view.curves):
        pictures[f"c{i}"] = charts.curve(curve)
    if any(view.throughput.values()):
        pictures["throughput"] = charts.throughput(view.throughput)
    if any(histogram.count for histogram in view.latency.values()):
        pictures["latency"] = charts.latency(view.latency)
    for i, breakdown in enumerate(view.breakdowns):
        pictures[f"b{i}"] = charts.breakdown(breakdown)
    if view.soak and view.soak.panels:
        pictures["soak"] = charts.soak(view.soak, view.arms)
    if view.series:
        pictures["series"] = charts.series(view.series, view.arms)
    if (bench := view.benchmark) and any(any(own.values()) for own in bench.processes.values()):
        pictures["rounds"] = charts.rounds(bench.processes, bench.parameter)
        if bench.growth and bench.parameter:
            for name, draw in (
                ("linear", charts.growth_linear),
                ("log", charts.growth_log),
            ):
                pictures[name] = draw(bench.growth, bench.parameter, view.arms)
    return pictures


def _prose(text: str) -> Markup:
    """Markdown without HTML, images or links: nothing in it can reach out.

    Headings move down by one, below the heading of their section.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.disable(["image", "link", "autolink", "reference", "html_block", "html_inline"])
    tokens = parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{max(3, min(int(token.tag[1]) + 1, 6))}"
    return Markup(parser.renderer.render(tokens, parser.options, {}))
