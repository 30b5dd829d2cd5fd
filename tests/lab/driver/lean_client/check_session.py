"""Requests, what is reported of them, and how a scenario judges their answers."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import gevent
from locust.exception import CatchResponseError, LocustError
from requests import exceptions

from lab.driver.client import (
    AnswerCutOffError,
    LeanHttpSession,
    NoAnswerError,
    NotConnectedError,
)
from tests.lab.driver.lean_client.scripted_server import (
    Events,
    answering,
    asking,
    ok,
    read_request,
    serving,
    session_of,
    status,
)


def check_a_request_is_reported_once_with_all_that_locust_reports() -> None:
    with asking(ok(b"hello", "X-A: b")) as (server, session, events):
        before = time.time()
        answer = session.get("/page?a=1")
        (event,) = events.fired
        assert {
            each: event[each] for each in event if each not in ("response_time", "start_time")
        } == {
            "request_type": "GET",
            "name": "/page?a=1",
            "response_length": 5,
            "response": answer,
            "context": {},
            "exception": None,
            "url": f"{server.url}/page?a=1",
        }
        assert type(event["response_time"]) is float and 0 < event["response_time"] < 5000
        assert before <= event["start_time"] <= time.time()
        assert (answer.status_code, answer.ok, answer.reason) == (200, True, "OK")
        assert (answer.content, answer.text, answer.history) == (b"hello", "hello", [])
        assert answer.headers["x-a"] == "b"
        assert answer.url == f"{server.url}/page?a=1"
        assert timedelta(0) < answer.elapsed < timedelta(seconds=5)
        assert answer.request.method == "GET"


def check_names_and_contexts() -> None:
    class Owner:
        def context(self) -> dict[str, Any]:
            return {"who": "me", "what": 1}

    with answering(ok()) as server:
        events = Events()
        session = LeanHttpSession(server.url, events, Owner())
        session.get("/a/1", name="/a/[id]", context={"what": 2})
        assert events.last["name"] == "/a/[id]"
        assert events.last["context"] == {"who": "me", "what": 2}
        with session.rename_request("group"):
            session.get("/b")
            session.get("/c", name="own")
        assert [each["name"] for each in events.fired[1:]] == ["group", "own"]
        session.close()


def check_a_time_is_that_of_the_answer_alone() -> None:
    """Neither that of the user's context, nor of encoding the body, nor of reading a cookie."""

    class Slow(dict[str, int]):
        def items(self) -> Any:
            time.sleep(0.05)
            return super().items()

    class Owner:
        def context(self) -> dict[str, Any]:
            time.sleep(0.05)
            return {}

    def answer(connection: Any, _: int) -> None:
        while read_request(connection):
            gevent.sleep(0.1)
            connection.sendall(ok())

    with serving(answer) as server:
        events = Events()
        session = LeanHttpSession(server.url, events, Owner())
        session.post("/", data=Slow(a=1))
        assert 100 <= events.last["response_time"] < 145
        session.close()


def check_a_failure_is_worded_as_by_requests() -> None:
    with asking(status(404)) as (server, session, events):
        answer = session.get("/x/1", name="/x/[id]")
        error = events.last["exception"]
        assert isinstance(error, exceptions.HTTPError)
        assert str(error) == "404 Client Error: Because for url: /x/[id]"
        assert not answer.ok
        try:
            answer.raise_for_status()
        except exceptions.HTTPError as raised:
            assert str(raised).endswith(f"for url: {server.url}/x/1")
        else:
            raise AssertionError


def check_a_scenario_judges_an_answer() -> None:
    with asking(status(404)) as (_, session, events):
        with session.get("/", catch_response=True) as answer:
            assert events.fired == []
            answer.success()
        assert events.last["exception"] is None
        with session.get("/", catch_response=True) as answer:
            answer.failure("why")
        assert isinstance(events.last["exception"], CatchResponseError)
        assert str(events.last["exception"]) == "why"
        with session.get("/", catch_response=True, name="n") as answer:
            answer.request_meta["name"] = "other"
        assert str(events.last["exception"]).endswith("for url: other")
        count = len(events.fired)
        try:
            with session.get("/", catch_response=True):
                raise ValueError("of the scenario")
        except ValueError:
            assert len(events.fired) == count
        try:
            session.get("/", catch_response=True).success()
        except LocustError as error:
            assert "with-block" in str(error)
        else:
            raise AssertionError
        try:
            with session.get("/"):
                raise AssertionError
        except LocustError as error:
            assert "catch_response=True" in str(error)


def check_an_error_stands_in_place_of_an_answer() -> None:
    with session_of("http://127.0.0.1:9") as (session, events):
        answer = session.get("/")
        assert (answer.status_code, answer.content, answer.text) == (0, None, "")
        assert isinstance(events.last["exception"], NotConnectedError)
        assert "no connection to 127.0.0.1:9: connection refused" in str(answer.error)
        assert events.last["response_length"] == 0
        with session.get("/", catch_response=True) as caught:
            assert caught.status_code == 0
        assert isinstance(events.last["exception"], NotConnectedError)


def check_what_is_not_supported_is_refused_by_name() -> None:
    with asking(ok()) as (_, session, events):
        for options, text in (
            ({"stream": True}, "does not support stream="),
            ({"proxies": {"http": "x"}}, "does not support proxies="),
            ({"cert": "x"}, "does not support cert="),
            ({"timout": 1}, "unexpected keyword argument 'timout'"),
        ):
            try:
                session.get("/", **options)
            except TypeError as error:
                assert text in str(error)
            else:
                raise AssertionError(options)
        assert session.get("/", stream=False, proxies=None).status_code == 200
        assert len(events.fired) == 1


def check_both_kinds_of_error_are_seen_by_a_recorder_as_without_an_answer() -> None:
    for kind in (NoAnswerError, AnswerCutOffError, NotConnectedError):
        assert issubclass(kind, exceptions.ConnectionError)
        assert issubclass(kind, OSError)
