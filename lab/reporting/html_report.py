"""The report as one HTML page that loads nothing from elsewhere."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

from lab.reporting import charts
from lab.reporting.charts.svg import with_ids
from lab.reporting.page_template import fill_template
from lab.reporting.report_content import ReportContent
from lab.reporting.sections import how_to_read
from lab.verdict import wording as verdict_wording


def html_report(content: ReportContent, evidence: str) -> str:
    """Fill the template of the page.

    Args:
        content: What it shows.
        evidence: The element with the data of the run; empty if it carries none.
    """
    return fill_template(
        "report.html",
        content=content,
        summary=content.summary,
        charts={name: Markup(with_ids(svg, name)) for name, svg in _charts(content).items()},
        how_to_read=how_to_read,
        symbols=verdict_wording.SYMBOLS,
        prose=_prose(content.prose),
        evidence=Markup(evidence),
    )


def _charts(content: ReportContent) -> dict[str, str]:
    """Every chart of the page by the name under which the template shows it, as SVG."""
    drawn = {
        f"prediction-{i}": svg for i, svg in enumerate(charts.prediction_strips(content.results))
    }
    drawn |= {f"arm-{i}": charts.arm_swatch(i) for i in range(len(content.arms))}
    for i, sweep in enumerate(content.sweep.arms if content.sweep else ()):
        drawn[f"sweep-{i}"] = charts.sweep_curve(sweep)
    if content.throughput.measured:
        drawn["throughput"] = charts.throughput_per_block(content.throughput)
    if content.latency.measured:
        drawn["latency"] = charts.latency_distribution(content.latency)
    for i, breakdown in enumerate(content.breakdowns):
        drawn[f"breakdown-{i}"] = charts.time_breakdown(breakdown)
    if content.timeline:
        drawn["timeline"] = charts.timeline(content.timeline, content.arms)
    if content.soak and content.soak.panels:
        drawn["soak"] = charts.soak_series(content.soak, content.arms)
    if content.benchmark and content.benchmark.has_rounds:
        drawn["rounds"] = charts.benchmark_rounds(content.benchmark)
        if content.benchmark.times_by_size:
            drawn["linear"] = charts.time_by_size_linear(content.benchmark, content.arms)
            drawn["log"] = charts.time_by_size_log(content.benchmark, content.arms)
    return drawn


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
