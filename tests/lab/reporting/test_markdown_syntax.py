from __future__ import annotations

import pytest

from lab.reporting.markdown_syntax import bullets, code_block, escaped, markdown_table, prose
from lab.reporting.table import Table


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("a|b\nc", r"a\|b c"),
        ("pool_wait_share _x_", r"pool_wait_share \_x\_"),
        ("<b> & `c`", r"&lt;b&gt; &amp; \`c\`"),
        ("# no heading", r"\# no heading"),
    ],
)
def test_text_has_no_markup(raw: str, shown: str) -> None:
    assert escaped(raw) == shown


def test_a_code_block_outlasts_its_content() -> None:
    assert code_block("```\nx") == "````text\n```\nx\n````"


def test_a_table_aligns_its_columns() -> None:
    table = Table(("arm", "p50"), (("a|b", "1 s"),), "lr")
    assert markdown_table(table) == "| arm | p50 |\n| --- | ---: |\n| a\\|b | 1 s |"
    assert markdown_table(Table(("arm",), (), "l")) == "None."


def test_a_list() -> None:
    assert bullets(["**a**", "b"]) == "- **a**\n- b"


def test_prose_lies_below_its_section_and_fetches_nothing() -> None:
    raw = "# Mechanism\n\nWhat to do\n---\n\n<script>x</script> ![picture](https://example.org/x)"
    shown = prose(raw)
    assert shown.startswith("### Mechanism\n\n### What to do\n")
    assert "&lt;script&gt;" in shown
    assert "!\\[picture]" in shown
