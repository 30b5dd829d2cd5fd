"""Pages of metrics: what is read of them, and what is said of the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.prometheus.selector import Selector, select
from lab.prometheus.text_format import MAX_SAMPLES, decode, find_role, parse_page, unread_reasons

TEXT = """\
# HELP http_requests_total Requests.
# TYPE http_requests_total counter
http_requests_total{route="/orders",status="201"} 5.0
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.1",route="/orders"} 3.0
http_request_duration_seconds_bucket{le="+Inf",route="/orders"} 5.0
http_request_duration_seconds_sum{route="/orders"} 1.5
http_request_duration_seconds_count{route="/orders"} 5.0
# TYPE db_pool_in_use gauge
db_pool_in_use 4.0
# TYPE odd gauge
odd NaN
"""


def test_a_page_is_split_into_counters_and_gauges() -> None:
    page = parse_page(TEXT)
    assert page.counters == {
        'http_requests_total{route="/orders",status="201"}': 5.0,
        'http_request_duration_seconds_sum{route="/orders"}': 1.5,
        'http_request_duration_seconds_count{route="/orders"}': 5.0,
    }
    assert page.gauges == {"db_pool_in_use": 4.0}
    assert page.buckets == {
        'http_request_duration_seconds_bucket{le="0.1",route="/orders"}': 3.0,
        'http_request_duration_seconds_bucket{le="+Inf",route="/orders"}': 5.0,
    }
    assert page.unread == {"odd": "its value is NaN"}
    assert page.notes == ()


def test_types_decide_and_suffixes_do_not() -> None:
    page = parse_page(
        "# TYPE tokens_bucket counter\ntokens_bucket 1\n"
        "# TYPE things_created gauge\nthings_created 2\n"
        "# TYPE people_count gauge\npeople_count 3\n"
        "# TYPE debt_total gauge\ndebt_total 4\n"
        "# TYPE made counter\nmade 5\n"
    )
    assert page.counters == {"tokens_bucket": 1, "made": 5}
    assert page.gauges == {"things_created": 2, "people_count": 3, "debt_total": 4}


def test_when_something_was_created_is_no_gauge_beside_what_was() -> None:
    page = parse_page(
        "# TYPE a_total counter\na_total 1\n# TYPE a_created gauge\na_created 1.7e9\n"
        "# TYPE b summary\nb_count 1\nb_sum 1\n# TYPE b_created gauge\nb_created 1.7e9\n"
    )
    assert page.counters == {"a_total": 1, "b_count": 1, "b_sum": 1}
    assert page.gauges == {}


def test_labels_keep_their_values() -> None:
    (series,) = parse_page('# TYPE odd counter\nodd{path="a\\\\b\\"c"} 1.0\n').counters
    assert Selector.parse(series).labels == {"path": 'a\\b"c'}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<html>hello there</html>", 1),
        ("\n\n<!doctype html>\n", 3),
        ('{"detail": "not found"}', 1),
        ("OK", 1),
        ("# TYPE a counter\na 1\n??? 3\n", 3),
    ],
)
def test_what_is_no_page_of_metrics_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(ValueError, match=f"line {line} is not in the text format"):
        parse_page(text)


def test_a_spoiled_line_loses_its_metric_and_no_other() -> None:
    page = parse_page('# TYPE a counter\na{b="1"} 1\na{b="2"} one\n# TYPE c counter\nc 3\n')
    assert page.counters == {"c": 3}
    assert unread_reasons(page.unread, Selector("a", {"b": "1"})) == [
        'a: line 3 is not in the text format of Prometheus: `a{b="2"} one`'
    ]
    assert not unread_reasons(page.unread, Selector("c"))
    assert len(page.notes) == 1


def test_bytes_that_are_not_utf8_spoil_their_line_only() -> None:
    page = parse_page(decode(b'# HELP a caf\xe9\na{b="caf\xe9"} 1\nc 2\n'))
    assert page.counters == {"c": 2}
    assert list(page.unread) == ["a"]
    assert "caf\ufffd" in page.notes[0]


def test_openmetrics_that_was_cut_off_is_refused() -> None:
    text = "# TYPE a counter\na_total 1\n"
    with pytest.raises(ValueError, match="without `# EOF`"):
        parse_page(text, openmetrics=True)
    assert parse_page(f"{text}# EOF\nrest", openmetrics=True).counters == {"a_total": 1}


def test_what_follows_the_end_is_named_in_openmetrics_and_read_in_the_text_format() -> None:
    text = "# TYPE a counter\na_total 1\n# EOF\n\n# TYPE b counter\nb_total 2\n# EOF\n"
    page = parse_page(text, openmetrics=True)
    assert page.counters == {"a_total": 1}
    assert page.notes[0].startswith("line 6 comes after `# EOF`")
    page = parse_page(text)
    assert page.counters == {"a_total": 1, "b_total": 2}
    assert page.notes == ()


@pytest.mark.parametrize(
    ("value", "read"),
    [
        *(("1", 1.0), ("+1.5e3", 1500.0), (".5", 0.5), ("1.", 1.0), ("1 1700000000000", None)),
        *(("1_000", None), ("0x10", None), ("١", None), ("1 2 3", None), ("", None)),
        *(('1 # {a="b"} 0.5 1.2', 1.0), ("1 st@1700000000.1", 1.0)),
    ],
)
def test_values(value: str, read: float | None) -> None:
    page = parse_page(f"a {value}\nb 1\n", now=(0.0, 0.0))
    assert page.counters.get("a") == read


@pytest.mark.parametrize("at", ["1000", "999000", "1000000000000", "1000.5"])
def test_a_sample_has_to_be_of_now(at: str) -> None:
    now = 1000.0 if float(at) < 1e11 else 1e9
    read = parse_page(f"a 1 {at}\n", now=(now, now + 0.1))
    assert ("a" in read.counters) == (at != "999000")


def test_more_series_than_are_read_are_refused_with_their_number() -> None:
    with pytest.raises(ValueError, match=r"20,001 series \(0\.3 MB\)"):
        parse_page("".join(f'a{{b="{i}"}} 1\n' for i in range(MAX_SAMPLES + 1)))


def test_separators_of_lines_within_a_label_are_none() -> None:
    page = parse_page('a{b="x\u2028y\x85z"} 1\n')
    assert select(page.counters, 'a{b="x\u2028y\x85z"}') == [1]


names = st.from_regex(r"[a-zA-Z_:][a-zA-Z0-9_:]*", fullmatch=True)
text = st.text(st.characters(exclude_categories=["Cs"]))
series = st.builds(
    Selector,
    names | text.filter(bool),
    st.dictionaries(text.filter(lambda each: each not in ("", "__name__")), text, max_size=4),
)


@given(series, st.sampled_from(["counter", "gauge", None]))
def test_any_series_that_the_format_allows_is_selected_as_it_was_written(
    written: Selector, kind: str | None
) -> None:
    name = str(Selector(written.metric)).strip("{}")
    page = parse_page((f"# TYPE {name} {kind}\n" if kind else "") + f"{written} 4\n")
    values = page.gauges if kind == "gauge" else page.counters
    assert values == {written.series: 4.0}
    assert select(values, str(written)) == [4.0]
    assert find_role(written.metric, page.types) == (kind or "untyped")
