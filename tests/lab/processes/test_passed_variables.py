"""Values of passed variables are found however they are written."""

from __future__ import annotations

import json
from urllib.parse import quote, quote_plus

import pytest

from lab.driver_messages import Failed, Frame, RequestKey, RequestSummary
from lab.processes.passed_variables import PassedVariables
from lab.stats.latency_histogram import Histogram

SECRET = 'p"ss\\word & träume/x'
PASSED = PassedVariables({"A": SECRET, "B": "dev", "EMPTY": ""})


@pytest.mark.parametrize(
    "written",
    [SECRET, repr(SECRET)[1:-1], json.dumps(SECRET)[1:-1], quote(SECRET), quote_plus(SECRET)],
)
def test_a_value_is_redacted_in_every_form(written: str) -> None:
    assert PASSED.redact(f"GET /x?t={written} failed") == "GET /x?t=[value of A] failed"


def test_a_value_that_is_cut_off_at_the_end_is_redacted() -> None:
    passed = PassedVariables({"TOKEN": "abcdefghijklmnop"})
    assert passed.redact("no such token abcdefghijk...") == "no such token [value of TOKEN]..."
    assert passed.redact("abcdefghijk is a word") == "abcdefghijk is a word"


def test_each_line_of_a_value_is_redacted() -> None:
    passed = PassedVariables({"KEY": "first line\nsecond line"})
    assert passed.redact("ValueError: first line") == "ValueError: [value of KEY]"


def test_a_value_that_contains_another_goes_first() -> None:
    passed = PassedVariables({"HOST": "shop.test", "URL": "http://shop.test/a"})
    assert passed.redact("http://shop.test/a, shop.test") == "[value of URL], [value of HOST]"


def test_short_values_are_left() -> None:
    assert PASSED.redact("devices of dev") == "devices of dev"


def test_records_are_redacted_with_their_keys() -> None:
    passed = PassedVariables({"TOKEN": "t0ken"})
    summary = RequestSummary(1, 1, Histogram())
    frame = Frame(
        t=1.0,
        in_window=True,
        users=1,
        requests={RequestKey("/a?t0ken", "GET"): summary},
        errors={"t0ken refused": 1},
    )
    redacted = passed.redact_record(frame)
    assert redacted.requests == {RequestKey("/a?[value of TOKEN]", "GET"): summary}
    assert redacted.errors == {"[value of TOKEN] refused": 1}
    assert passed.redact_record(Failed("t0ken", 3)) == Failed("[value of TOKEN]", 3)
    assert PassedVariables().redact_record(frame) is frame


def test_the_values_are_not_shown_by_repr() -> None:
    assert repr(PASSED) == "PassedVariables(A, B, EMPTY)"
