"""What is wrong with what was seen of a case."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.conformance.case import Answer, Ask, Case, CutOff, Failure, Refused

Seen = Mapping[str, Any]
Log = Sequence[Mapping[str, Any]]  # a connection each


def flaws(case: Case, seen: Sequence[Seen], logs: Sequence[Log]) -> Iterator[str]:
    """Every difference between what was seen, by client and servers, and what is right."""
    if len(seen) != len(case.asks):
        yield f"{len(seen)} requests were made, not {len(case.asks)}"
    for number, (ask, found) in enumerate(zip(case.asks, seen, strict=False), 1):
        for flaw in _of_ask(ask, found):
            yield f"request {number}: {flaw}; seen: {_short(found)}"
    yield from _of_server(case, *logs)


def _of_ask(ask: Ask, seen: Seen) -> Iterator[str]:
    match ask.right:
        case Answer() as answer:
            yield from _of_answer(ask, answer, seen)
        case Failure() as failure:
            yield from _of_failure(ask, failure, seen)
        case Refused(error):
            errors = [seen.get("raised"), *(event["error"] for event in seen["events"])]
            if not any(re.search(error, each or "", re.I) for each in errors):
                yield f"it is not refused with {error!r}"
            if len(seen["events"]) > 1:
                yield "it has several events"
        case CutOff():
            if not seen.get("raised", "").startswith("OwnTimeout"):
                yield "the timeout does not come back to the scenario"


def _of_answer(ask: Ask, right: Answer, seen: Seen) -> Iterator[str]:
    if seen.get("raised"):
        yield "it raised"
        return
    expected: dict[str, Any] = {"status": right.status, "headers": dict(right.headers)}
    if right.content is not None:
        expected["content"] = right.content.decode("latin-1")
    for name in ("text", "reason"):
        if (value := getattr(right, name)) is not None:
            expected[name] = value
    if right.history is not None:
        expected["history"] = list(right.history)
    for name, value in expected.items():
        if seen[name] != value:
            yield f"{name} is not {_short(value)}"
    if right.url is not None and not seen["url"].endswith(right.url):
        yield f"the address does not end with {right.url}"
    yield from _of_time(right.within_s, seen)
    yield from _of_event(ask, seen, fails=right.status >= 400)


def _of_failure(ask: Ask, right: Failure, seen: Seen) -> Iterator[str]:
    if seen.get("raised"):
        yield "it raised"
        return
    if seen["status"] != 0:
        yield "the status is not 0"
    if right.history is not None and seen["history"] != list(right.history):
        yield f"history is not {right.history}"
    yield from _of_time(right.within_s, seen)
    yield from _of_event(ask, seen, fails=True)
    if seen["events"] and not re.search(right.error, seen["events"][0]["error"] or "", re.I):
        yield f"the error is not like {right.error!r}"


def _of_time(within_s: tuple[float, float], seen: Seen) -> Iterator[str]:
    low, high = within_s
    if not low <= seen["took_s"] <= high:
        yield f"it took {seen['took_s']:.3f} s, not {low:g} to {high:g}"


def _of_event(ask: Ask, seen: Seen, *, fails: bool) -> Iterator[str]:
    """Every request has one event, of the same answer and of no longer time."""
    if len(seen["events"]) != 1:
        yield f"it has {len(seen['events'])} events"
        return
    [event] = seen["events"]
    if (event["error"] is not None) != fails:
        yield "the event of a failed request has no error" if fails else "the event has an error"
    if event["method"] != ask.method:
        yield f"the event is of {event['method']}"
    if event["status"] != seen["status"]:
        yield f"the event has the status {event['status']}"
    if not fails and event["length"] != len(seen["content"]):
        yield f"the event has the length {event['length']}"
    if not 0 <= event["ms"] <= seen["took_s"] * 1000 + 1:
        yield f"the event has the time {event['ms']} ms"


def _of_server(case: Case, first: Log, other: Log) -> Iterator[str]:
    connections = len(case.script) if case.connections is None else case.connections
    if len(first) != connections:
        yield f"{len(first)} connections, not {connections}"
    wanted = len(case.asks) if case.requests is None else case.requests
    for log, right in ((first, wanted), (other, case.other_requests)):
        requests = sum(connection["requests"] for connection in log)
        if requests != right:
            yield f"{requests} requests reached a server, not {right}"
    for log, sent, not_sent in (
        (first, case.sent, case.not_sent),
        (other, case.other_sent, case.other_not_sent),
    ):
        received = "".join(connection["received"] for connection in log)
        for pattern in sent:
            if not re.search(pattern, received, re.I):
                yield f"{pattern!r} was not sent: {_short(received)}"
        for pattern in not_sent:
            if re.search(pattern, received, re.I):
                yield f"{pattern!r} was sent: {_short(received)}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) < 900 else f"{text[:450]} ... {text[-450:]}"
