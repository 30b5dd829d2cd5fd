"""Requests over real connections to servers that do exactly what a check says."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import gevent
from gevent.pool import Group
from locust.exception import CatchResponseError, LocustError
from requests import exceptions

from lab.driver.client import (
    AnswerCutOffError,
    BadAnswerError,
    LeanHttpSession,
    NoAnswerError,
    NotConnectedError,
)
from tests.lab.driver.lean_client.scripted_server import (
    Events,
    answering,
    ok,
    read_request,
    reset,
    serving,
    session_of,
    status,
)


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def check_a_request_is_reported_once_with_all_that_locust_reports() -> None:
    with answering(ok(b"hello", "X-A: b")) as server, session_of(server.url) as (session, events):
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


def check_a_connection_is_kept() -> None:
    with answering(ok()) as server, session_of(server.url) as (session, _):
        for number in range(5):
            assert session.post("/", json={"n": number}).status_code == 200
        assert server.connections == 1
        assert [each.rpartition(b"\r\n\r\n")[2] for each in server.requests][-1] == b'{"n": 4}'


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
    with answering(status(404)) as server, session_of(server.url) as (session, events):
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
    with answering(status(404)) as server, session_of(server.url) as (session, events):
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


def check_what_became_of_a_connection_is_told() -> None:
    def end(data: bytes, by_reset: bool) -> str:
        def answer(connection: Any, _: int) -> None:
            read_request(connection)
            if data:
                connection.sendall(data)
                gevent.sleep(0.02)
            if by_reset:
                reset(connection)

        with serving(answer) as server, session_of(server.url) as (session, events):
            answer_ = session.get("/")
            assert answer_.status_code == 0
            assert server.connections == 1  # never sent twice
            return f"{type(events.last['exception']).__name__}: {events.last['exception']}"

    half = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"
    assert end(b"", False) == "NoAnswerError: the connection was closed before the answer"
    assert end(b"", True) == "NoAnswerError: the connection was reset before the answer"
    assert end(half, False).endswith("was closed in the middle of the answer's body")
    assert end(half, True).endswith("was reset in the middle of the answer's body")
    assert end(half[:20], False).endswith("was closed in the middle of the answer's head")
    assert end(b"HTTP/1.1 200 OK\r\n\r\nuntil", True).endswith("of the answer's body")


def check_stray_bytes_and_a_close_while_idle_answer_nothing() -> None:
    for stray in (b"", ok(b"stray")):

        def answer(connection: Any, number: int, stray: bytes = stray) -> None:
            read_request(connection)
            connection.sendall(ok(b"%d" % number))
            if number == 0:
                gevent.sleep(0.02)
                if stray:
                    connection.sendall(stray)
                    gevent.sleep(5)

        with serving(answer) as server, session_of(server.url) as (session, events):
            assert session.get("/").text == "0"
            gevent.sleep(0.05)
            assert session.get("/").text == "1"
            assert server.connections == 2
            assert [each["exception"] for each in events.fired] == [None, None]


def check_a_close_that_the_event_loop_has_not_seen_is_seen_before_the_send() -> None:
    from tests.lab.driver.lean_client.raw_peer import RawPeer

    with RawPeer(closes_after=1) as peer, session_of(peer.url) as (session, events):
        assert session.get("/").status_code == 200
        peer.wait_until_closed()  # no other greenlet runs meanwhile
        assert session.get("/").status_code == 200
        assert peer.connections == 2
        assert [each["exception"] for each in events.fired] == [None, None]


def check_a_surplus_answer_is_not_that_of_the_next_request() -> None:
    with answering(ok(b"1") + ok(b"stray"), ok(b"2")) as server:
        with session_of(server.url) as (session, _):
            assert session.get("/").text == "1"
            assert session.get("/").text == "2"
            assert server.connections == 2


def check_a_timeout_is_kept() -> None:
    def answer(connection: Any, _: int) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        for _ in range(100):
            gevent.sleep(0.02)
            connection.sendall(b"x")  # slowly: no single wait is long

    with serving(answer) as server, session_of(server.url) as (session, events):
        began = time.monotonic()
        answer_ = session.get("/", timeout=0.2)
        assert 0.2 <= time.monotonic() - began < 0.4
        assert isinstance(answer_.error, exceptions.ReadTimeout)
        assert str(answer_.error) == "the answer did not end before the timeout"
        assert answer_.status_code == 0
        assert 200 <= events.last["response_time"] < 400


def check_a_class_has_its_own_timeouts() -> None:
    def answer(connection: Any, _: int) -> None:
        read_request(connection)
        gevent.sleep(5)

    with serving(answer) as server:
        with session_of(server.url, network_timeout=0.1) as (session, _):
            assert str(session.get("/").error) == "there was no answer before the timeout"


def check_who_cuts_a_request_off_is_told_and_the_connection_is_gone() -> None:
    class Own(Exception):
        pass

    def answer(connection: Any, number: int) -> None:
        read_request(connection)
        if number == 0:
            gevent.sleep(0.2)
        connection.sendall(ok(b"%d" % number))

    noted: list[tuple[str, str]] = []
    for timeout in (gevent.Timeout(0.05), gevent.Timeout(0.05, Own("late"))):
        with serving(answer) as server, session_of(server.url) as (session, events):
            LeanHttpSession.abandoned = staticmethod(
                lambda request, error: noted.append((request, type(error).__name__))
            )
            try:
                with timeout:
                    session.get("/slow")
            except (gevent.Timeout, Own):
                assert events.fired == []
            else:
                raise AssertionError
            finally:
                LeanHttpSession.abandoned = None
            gevent.sleep(0.25)
            assert session.get("/").text == "1"
    assert noted == [("GET /slow", "Timeout"), ("GET /slow", "Own")]


def check_redirects_are_followed_and_reported_once() -> None:
    answers = (status(302, "Location: /b", "Set-Cookie: c=1"), status(307, "Location: c?d=ä"), ok())
    with answering(*answers) as server, session_of(server.url) as (session, events):
        answer = session.get("/a", name="chain")
        assert answer.status_code == 200
        assert [each.status_code for each in answer.history] == [302, 307]
        assert [each.url.removeprefix(server.url) for each in answer.history] == ["/a", "/b"]
        assert answer.url == f"{server.url}/c?d=%C3%A4"
        (event,) = events.fired
        assert (event["name"], event["url"]) == ("chain", f"{server.url}/a")
        assert b"Cookie: c=1" in server.requests[1]
        assert session.get("/d", allow_redirects=False).status_code == 200


def check_which_method_a_redirect_gets() -> None:
    for code, method, then in (
        (301, "POST", "GET"),
        (302, "POST", "GET"),
        (303, "PUT", "GET"),
        (301, "PUT", "PUT"),
        (307, "POST", "POST"),
        (308, "PATCH", "PATCH"),
        (302, "HEAD", "HEAD"),
    ):
        with answering(status(code, "Location: /b"), status(204)) as server:
            with session_of(server.url) as (session, _):
                body = None if method == "HEAD" else {"a": 1}
                session.request(method, "/a", json=body)
                second = server.requests[1]
                assert second.startswith(f"{then} /b ".encode()), (code, method, second)
                assert second.endswith(b'{"a": 1}') == (then in ("PUT", "POST", "PATCH"))
                assert (b"Content-Type" in second) == (then in ("PUT", "POST", "PATCH"))


def check_secrets_stay_with_their_host() -> None:
    with answering(ok()) as other:
        for to, kept in (("/b", True), (f"{other.url}/b", False)):
            answers = (status(307, f"Location: {to}"), ok())
            with answering(*answers) as server:
                address = server.url.replace("http://", "http://user:word@")
                for options in (
                    {"auth": ("a", "b")},
                    {"cookies": {"own": "1"}},
                    {"headers": {"Authorization": "x"}},
                    {"headers": {"Cookie": "own=1"}},
                    {},
                ):
                    left = list(answers)
                    del server.requests[:], other.requests[:], left
                    with session_of(address) as (session, _):
                        with answering(*answers) as fresh:
                            session.base_url = fresh.url.replace("http://", "http://user:word@")
                            answer = session.get("/a", **options)
                            assert answer.status_code == 200
                            second = (fresh.requests[1:] or other.requests)[0].lower()
                            secret = (
                                b"own=1" if b"own" in repr(options).encode() else b"authorization"
                            )
                            assert (secret in second) == kept, (options, to, second)


def check_a_chain_that_fails_keeps_its_history() -> None:
    with answering(status(302, "Location: http://127.0.0.1:9/")) as server:
        with session_of(server.url) as (session, events):
            answer = session.get("/")
            assert (answer.status_code, [each.status_code for each in answer.history]) == (0, [302])
            assert isinstance(events.last["exception"], NotConnectedError)
    with answering(status(302, "Location: ftp://h/")) as server:
        with session_of(server.url) as (session, events):
            answer = session.get("/")
            assert isinstance(answer.error, BadAnswerError)
            assert "redirects to 'ftp://h/'" in str(answer.error)
            assert len(answer.history) == 1
    with answering(status(302, "Location: /")) as server:
        with session_of(server.url) as (session, events):
            answer = session.get("/")
            assert isinstance(answer.error, exceptions.TooManyRedirects)
            assert len(answer.history) == len(server.requests) == 31
            assert len(events.fired) == 1


def check_cookies_of_answers_are_kept_and_expire() -> None:
    first = ok(
        b"", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Max-Age=1", "Set-Cookie: c=3; Path=/x"
    )
    with answering(first, ok()) as server, session_of(server.url) as (session, _):
        answer = session.get("/")
        assert dict(answer.cookies) == {"a": "1", "b": "2", "c": "3"}
        session.get("/")
        assert b"Cookie: a=1; b=2\r\n" in server.requests[1]
        session.get("/x")
        assert b"c=3" in server.requests[2]
        gevent.sleep(1.2)
        session.get("/")
        assert b"Cookie: a=1\r\n" in server.requests[3]
        session.cookies.clear()
        session.get("/")
        assert b"Cookie" not in server.requests[4]
        session.cookies = {"by": "hand"}
        session.get("/")
        assert b"Cookie: by=hand\r\n" in server.requests[5]


def check_requests_side_by_side_have_a_connection_each() -> None:
    def answer(connection: Any, _: int) -> None:
        while request := read_request(connection):
            gevent.sleep(0.05)
            connection.sendall(ok(request.split(b" ")[1]))

    with serving(answer) as server, session_of(server.url) as (session, events):
        group = Group()
        jobs = [group.spawn(session.get, f"/{number}") for number in range(20)]
        group.join()
        assert [job.value.text for job in jobs] == [f"/{number}" for number in range(20)]
        assert server.connections == 20
        assert len(events.fired) == 20


def check_a_large_body_is_sent_in_parts_and_read_whole() -> None:
    body = os.urandom(8 * 1024 * 1024)

    def answer(connection: Any, _: int) -> None:
        gevent.sleep(0.05)  # the socket's buffers are full by now
        connection.sendall(ok(read_request(connection).partition(b"\r\n\r\n")[2]))

    with serving(answer) as server, session_of(server.url) as (session, _):
        assert session.post("/", data=body).content == body


def check_an_early_answer_to_a_large_body_counts() -> None:
    def answer(connection: Any, _: int) -> None:
        connection.recv(1000)
        connection.sendall(status(413))
        gevent.sleep(0.1)

    with serving(answer) as server, session_of(server.url) as (session, _):
        assert session.post("/", data=bytes(32 * 1024 * 1024)).status_code == 413
        assert session.get("/").status_code == 413
        assert server.connections == 2


def check_no_descriptor_is_left() -> None:
    before = descriptors()
    with answering(ok()) as server:
        for _ in range(20):
            session = LeanHttpSession(server.url, Events())
            session.get("/")
            session.connect()
            session.close()
        session = LeanHttpSession("http://127.0.0.1:9", Events())
        session.get("/")
    gevent.sleep(0.1)
    assert descriptors() <= before


def check_a_killed_user_leaves_no_connection() -> None:
    def answer(connection: Any, _: int) -> None:
        read_request(connection)
        gevent.sleep(5)

    with serving(answer) as server, session_of(server.url) as (session, events):
        before = descriptors()
        greenlet = gevent.spawn(session.get, "/")
        gevent.sleep(0.1)
        assert descriptors() > before
        greenlet.kill()
        gevent.sleep(0.05)
        assert events.fired == []
        assert descriptors() <= before + 1  # the server's end


def check_a_client_that_is_closed_ends_what_waits_only_by_its_own_end() -> None:
    def answer(connection: Any, _: int) -> None:
        while read_request(connection):
            gevent.sleep(0.1)
            connection.sendall(ok())

    with serving(answer) as server, session_of(server.url) as (session, _):
        greenlet = gevent.spawn(session.get, "/")
        gevent.sleep(0.05)
        session.close()
        assert greenlet.get().status_code == 200
        assert session._builder.endpoints[0].idle == []


def check_what_is_not_supported_is_refused_by_name() -> None:
    with answering(ok()) as server, session_of(server.url) as (session, events):
        for options, text in (
            ({"stream": True}, "does not support stream="),
            ({"proxies": {"http": "x"}}, "does not support proxies="),
            ({"cert": "x"}, "does not support cert="),
            ({"timout": 1}, "knows no argument timout="),
        ):
            try:
                session.get("/", **options)
            except TypeError as error:
                assert text in str(error)
            else:
                raise AssertionError(options)
        assert session.get("/", stream=False, proxies=None).status_code == 200
        assert len(events.fired) == 1


def check_ipv6() -> None:
    with answering(ok(), host="::1") as server, session_of(server.url) as (session, _):
        assert session.get("/").status_code == 200
        assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def check_a_name_is_resolved() -> None:
    with answering(ok()) as server:
        with session_of(server.url.replace("127.0.0.1", "localhost")) as (session, _):
            assert session.get("/").status_code == 200
    with session_of("http://no-such-host.invalid") as (session, _):
        assert "cannot be resolved" in str(session.get("/").error)


def check_what_a_server_says_before_it_is_asked_answers_nothing() -> None:
    def answer(connection: Any, _: int) -> None:
        connection.sendall(ok(b"unasked"))
        gevent.sleep(0.5)

    with serving(answer) as server, session_of(server.url) as (session, _):
        session.get("/")  # it may come between the look and the send: whose answer it is, is unsure
        gevent.sleep(0.05)
        assert session.get("/").text != "unasked" or server.connections > 1


def check_both_kinds_of_error_are_seen_by_a_recorder_as_without_an_answer() -> None:
    for kind in (NoAnswerError, AnswerCutOffError, NotConnectedError):
        assert issubclass(kind, exceptions.ConnectionError)
        assert issubclass(kind, OSError)
