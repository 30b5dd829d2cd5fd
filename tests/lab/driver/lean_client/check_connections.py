"""Connections: which is kept, how one ends, how long one is waited for."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gevent
from gevent.event import Event
from gevent.pool import Group
from greenlet import greenlet
from requests import exceptions

from lab.driver.client import (
    LeanHttpSession,
)
from lab.driver.client.resumption import CLOSED, resumption_of
from tests.lab.driver.lean_client.scripted_server import (
    Events,
    answering,
    asking,
    ok,
    read_request,
    reset,
    serving,
    session_of,
    status,
)


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def check_a_connection_is_kept() -> None:
    with asking(ok()) as (server, session, _):
        for number in range(5):
            assert session.post("/", json={"n": number}).status_code == 200
        assert server.connections == 1
        assert [each.rpartition(b"\r\n\r\n")[2] for each in server.requests][-1] == b'{"n": 4}'


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
        peer.wait_until_closed()
        assert peer.connections == 2
        assert [each["exception"] for each in events.fired] == [None, None]


def check_a_surplus_answer_is_not_that_of_the_next_request() -> None:
    with asking(ok(b"1") + ok(b"stray"), ok(b"2")) as (server, session, _):
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

    with serving(answer) as server, session_of(server.url, network_timeout=0.1) as (session, _):
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


def check_answers_that_come_together_are_read_before_a_user_goes_on() -> None:
    count = 150  # more than are resumed at once
    arrived: list[int] = []
    go = Event()

    def answer(connection: Any, number: int) -> None:
        read_request(connection)
        arrived.append(number)
        if len(arrived) == count:
            go.set()
        go.wait()
        connection.sendall(ok())

    seconds: list[float] = []
    computed: list[float] = []

    def ask() -> None:
        response = session.get("/")
        assert response.status_code == 200
        seconds.append(response.seconds)
        began = time.perf_counter()
        time.sleep(0.001)  # nobody else runs
        computed.append(time.perf_counter() - began)

    with serving(answer) as server, session_of(server.url) as (session, _):
        group = Group()
        for _ in range(count):
            group.spawn(ask)
        group.join()
    assert len(seconds) == count
    assert max(seconds) - min(seconds) < sum(computed) / 2


def check_a_greenlet_that_raises_keeps_none_of_the_others_waiting() -> None:
    def ask() -> None:
        session.get("/")
        raise RuntimeError("meant to be seen on standard error")

    together = Event()

    def answer(connection: Any, number: int) -> None:
        read_request(connection)
        if number == 5:
            together.set()
        together.wait()
        connection.sendall(ok())

    with serving(answer) as server, session_of(server.url) as (session, events):
        hub = gevent.get_hub()
        hub.loop.run_callback(greenlet(ask, parent=hub).switch)  # none of gevent's
        group = Group()
        jobs = [group.spawn(session.get, "/") for _ in range(5)]
        group.join(timeout=5)
        assert [job.value.status_code for job in jobs] == [200] * 5
        assert len(events.fired) == 6


def check_a_connection_that_was_closed_or_left_is_not_resumed() -> None:
    resumption = resumption_of(gevent.get_hub())
    closed = [SimpleNamespace(answered=None, silent_at=0.0, number=CLOSED) for _ in range(4)]
    for each in closed:
        resumption.add(each)
    gevent.sleep(0.01)
    assert {each.silent_at for each in closed} == {0.0}
    ends = socket.socketpair()
    heard, silent = (
        SimpleNamespace(answered=None, silent_at=0.0, number=end.fileno()) for end in ends
    )
    ends[1].send(b"more")
    for each in (heard, silent, *closed):
        resumption.add(each)
    gevent.sleep(0.01)
    assert heard.silent_at == 0.0 and silent.silent_at > 0
    for end in ends:
        end.close()


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


def check_what_outlives_its_user_keeps_no_connection() -> None:
    with asking(ok()) as (server, session, _):
        session.end()
        assert session.get("/").status_code == session.get("/").status_code == 200
        assert server.connections == 2
        assert session._builder.endpoints[0].idle == []


def check_a_killed_user_leaves_no_connection() -> None:
    def answer(connection: Any, _: int) -> None:
        read_request(connection)
        gevent.sleep(5)

    with serving(answer) as server, session_of(server.url) as (session, events):
        before = descriptors()
        user = gevent.spawn(session.get, "/")
        gevent.sleep(0.1)
        assert descriptors() > before
        user.kill()
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


def check_ipv6() -> None:
    with answering(ok(), host="::1") as server, session_of(server.url) as (session, _):
        assert session.get("/").status_code == 200
        assert f"Host: [::1]:{server.port}\r\n".encode() in server.requests[0]


def check_a_name_is_resolved() -> None:
    with answering(ok()) as server:
        named = server.url.replace("127.0.0.1", "localhost")
        with session_of(named) as (session, _):
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
