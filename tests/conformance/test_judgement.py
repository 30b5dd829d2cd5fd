"""The judgement of a conformance case finds what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance.case import Answer, Ask, Case, CutOff, Failure, Refused
from tests.conformance.judgement import flaws

EVENT = {"method": "GET", "name": "/", "length": 2, "ms": 1.0, "error": None, "status": 200}
FAILED_EVENT = EVENT | {"error": "NoAnswerError: it was reset", "status": 0, "length": 0}
SEEN = {
    "status": 200, "content": "ok", "text": "ok", "reason": "OK", "url": "http://127.0.0.1/",
    "headers": {}, "history": [], "took_s": 0.01, "events": [EVENT],
}  # fmt: skip
FAILED = SEEN | {"status": 0, "content": "", "events": [FAILED_EVENT]}
CONNECTION = {"received": "GET / HTTP/1.1\r\n\r\n", "requests": 1, "end": ""}
PLAIN = Case("plain", ((),))


def found(case: Case, seen: dict[str, Any], connections: int = 1, other: int = 0) -> list[str]:
    logs = ([CONNECTION] * connections, [CONNECTION] * other)
    return [flaw.partition("; seen")[0] for flaw in flaws(case, [seen], logs)]


@pytest.mark.parametrize(
    ("change", "flaw"),
    [
        ({"status": 500}, "request 1: status is not 200"),
        ({"content": "okk"}, "request 1: content is not 'ok'"),
        ({"took_s": 9.0}, "request 1: it took 9.000 s, not 0 to 5"),
        ({"events": []}, "request 1: it has 0 events"),
        ({"events": [EVENT, EVENT]}, "request 1: it has 2 events"),
        ({"events": [FAILED_EVENT]}, "request 1: the event has an error"),
        ({"events": [EVENT | {"method": "POST"}]}, "request 1: the event is of POST"),
        ({"events": [EVENT | {"length": 3}]}, "request 1: the event has the length 3"),
        ({"events": [EVENT | {"ms": 99.0}]}, "request 1: the event has the time 99.0 ms"),
        ({"raised": "ValueError: x"}, "request 1: it raised"),
    ],
)
def test_a_wrong_answer_is_found(change: dict[str, Any], flaw: str) -> None:
    assert found(PLAIN, SEEN) == []
    assert flaw in found(PLAIN, SEEN | change)


@pytest.mark.parametrize(
    ("right", "flaw"),
    [
        (Answer(text="no"), "request 1: text is not 'no'"),
        (Answer(reason="Fine"), "request 1: reason is not 'Fine'"),
        (Answer(url="/x"), "request 1: the address does not end with /x"),
        (Answer(history=(302,)), "request 1: history is not [302]"),
        (Answer(headers={"a": "b"}), "request 1: headers is not {'a': 'b'}"),
        (Failure("reset"), "request 1: the status is not 0"),
        (Refused("header"), "request 1: it is not refused with 'header'"),
        (CutOff(), "request 1: the timeout does not come back to the scenario"),
    ],
)
def test_what_a_case_asks_for_beside_is_looked_at(right: Any, flaw: str) -> None:
    assert flaw in found(Case("one", ((),), (Ask(right),)), SEEN)


def test_failures_are_told_apart() -> None:
    assert found(Case("one", ((),), (Ask(Failure("^NoAnswer.*reset")),)), FAILED) == []
    assert found(Case("one", ((),), (Ask(Failure("closed")),)), FAILED) == [
        "request 1: the error is not like 'closed'"
    ]
    silent = FAILED | {"events": [FAILED_EVENT | {"error": None}]}
    assert "request 1: the event of a failed request has no error" in found(
        Case("one", ((),), (Ask(Failure("reset")),)), silent
    )


def test_a_request_that_was_sent_twice_is_found() -> None:
    assert found(PLAIN, SEEN, connections=2) == [
        "2 connections, not 1",
        "2 requests reached a server, not 1",
    ]
    assert found(PLAIN, SEEN, other=1) == ["1 requests reached a server, not 0"]


def test_what_was_sent_and_not_sent_is_looked_at() -> None:
    assert found(Case("one", ((),), sent=("^GET / ",), not_sent=("Cookie",)), SEEN) == []
    [missing, there] = found(Case("one", ((),), sent=("Cookie",), not_sent=("^GET",)), SEEN)
    assert missing.startswith("'Cookie' was not sent")
    assert there.startswith("'^GET' was sent")
