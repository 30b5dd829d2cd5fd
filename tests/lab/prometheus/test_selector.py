"""Selectors of Prometheus series: parsed, matched, written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.prometheus.selector import Selector, select

names = st.from_regex(r"[a-zA-Z_][a-zA-Z0-9_]*", fullmatch=True)


def test_a_selector_is_a_metric_with_labels() -> None:
    assert Selector.parse("up") == Selector("up")
    assert Selector.parse("up{}") == Selector("up")
    text = r'http:sum{route="/a,\"b\"}", code="200"}'
    assert Selector.parse(text) == Selector("http:sum", {"route": '/a,"b"}', "code": "200"})


@pytest.mark.parametrize(
    "text",
    [
        *("", "1up", "{}", '{a="1"}', "up{", "up}", "up{a}", 'up{a="1"', 'up{a="1"}}', 'up{"a}'),
        *('up{,a="1"}', 'up{a="1"b="2"}', 'up{a="1",a="2"}', 'up{a="1","a"="2"}', 'up{a="1\n"}'),
    ],
)
def test_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not the name|are not of the form"):
        Selector.parse(text)


def test_what_prometheus_reads_is_read() -> None:
    one = Selector("up", {"a": "1"})
    for text in ('up{a="1",}', 'up { a = "1" , }', '{"up",a="1"}', '{a="1","up"}', 'up{"a"="1"}'):
        assert Selector.parse(text) == one
    named = Selector.parse('{__name__="http.requests",a="1"}')
    assert named == Selector("http.requests", {"a": "1"})


@pytest.mark.parametrize("text", ['up{"down"}', '{"up","down"}', 'up{__name__="down"}'])
def test_two_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="two names of metrics"):
        Selector.parse(text)


@pytest.mark.parametrize("operator", ["=~", "!=", "!~"])
def test_other_operators_of_promql_are_refused_by_name(operator: str) -> None:
    with pytest.raises(ValueError, match=f"by {operator}; only label="):
        Selector.parse(f'up{{a{operator}"1"}}')


def test_names_that_need_quotes_are_written_in_the_braces() -> None:
    selector = Selector("http.server.requests", {"http.route": '/"x"', "code": "200"})
    text = r'{"http.server.requests","http.route"="/\"x\"",code="200"}'
    assert str(selector) == text
    assert Selector.parse(text) == selector


def test_an_escape_that_there_is_not_stands_as_it_is() -> None:
    assert Selector.parse(r'up{a="\d\\n"}').labels == {"a": r"\d\n"}


anything = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
labels = st.dictionaries(
    names | anything, st.text(st.characters(exclude_categories=["Cs"])), max_size=4
)


@given(names | anything, labels.filter(lambda each: "__name__" not in each))
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


def test_an_empty_label_is_none() -> None:
    series = {'up{a="1",b="2"}': 1, 'up{a="1"}': 2, "up": 3}
    assert select(series, 'up{b=""}') == [2, 3]
    assert select(series, 'up{a="1",b=""}') == [2]
    assert Selector("up", {"b": "2", "c": "", "a": "1"}).series == 'up{a="1",b="2"}'


def test_series_with_quoted_names_are_selected() -> None:
    series = {
        '{"up.time",a="1"}': 1,
        '{"up.time"}': 2,
        '{"up.times"}': 3,
        'up{"a.b"="1"}': 4,
        "up": 5,
    }
    assert select(series, '{"up.time"}') == [1, 2]
    assert select(series, '{"up.time",a="1"}') == [1]
    assert select(series, "up") == [4, 5]
    assert select(series, 'up{"a.b"="1"}') == [4]
