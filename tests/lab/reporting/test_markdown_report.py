from __future__ import annotations

import re

from markdown_it import MarkdownIt

from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.made_up_runs import HOSTILE, Run


def test_hostile_text_is_shown_as_text(rendered: dict[str, Run]) -> None:
    parser = MarkdownIt("commonmark", {"html": True}).enable("table")
    shown = HtmlPage(parser.render(rendered["CONFIRMED"].markdown))
    assert not {"script", "img"} & {tag for tag, _ in shown.tags}
    assert shown.text.count(HOSTILE) > 5


def test_tables_are_well_formed(rendered: dict[str, Run]) -> None:
    for run in rendered.values():
        tables = re.findall(r"(?:^\|.*\n)+", run.markdown, re.M)
        assert len(tables) > 5
        for table in tables:
            bars = {len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}
            assert len(bars) == 1
