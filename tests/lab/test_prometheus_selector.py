"""Selectors of Prometheus series: parsed, matched, written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.prometheus_selector import Selector, select

names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True)


def test_a_selector_is_a_metric_with_labels() -> None:
    assert Selector.parse("up") == Selector("up")
    assert Selector.parse("up{}") == Selector("up")
    text = r'http:sum{route="/a,\"b\"}", code="200"}'
    assert Selector.parse(text) == Selector("http:sum", {"route": '/a,"b"}', "code": "200"})


@pytest.mark.parametrize("text", ["", "1up", 'up{a="1",}', 'up{a="1"b="2"}', 'up{a="1",a="2"}'])
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not the name|are not of the form"):
        Selector.parse(text)


@given(names, st.dictionaries(names, st.text(), max_size=4))
def test_what_is_written_is_parsed_to_the_same(metric: str, labels: dict[str, str]) -> None:
    selector = Selector(metric, labels)
    assert Selector.parse(str(selector)) == selector
    assert selector.matches(str(selector))


def test_a_line_end_in_a_label_is_written_as_an_escape() -> None:
    selector = Selector("up", {"path": 'a\nb\\"c'})
    assert str(selector) == r'up{path="a\nb\\\"c"}'
    assert Selector.parse(str(selector)) == selector


def test_a_selector_matches_every_series_with_at_least_its_labels() -> None:
    series = {'up{a="1",b="2"}': 1, 'up{a="1"}': 2, 'up{a="2"}': 3, "up": 4, "upper": 5}
    assert select(series, "up") == [1, 2, 3, 4]
    assert select(series, 'up{a="1"}') == [1, 2]
    assert select(series, 'up{b="2", a="1"}') == [1]
    assert select(series, "down") == []
