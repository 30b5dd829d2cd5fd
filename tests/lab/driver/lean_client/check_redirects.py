"""Redirects and cookies, and where secrets go."""

from __future__ import annotations

from typing import Any

import gevent
from requests import exceptions

from lab.driver.client import (
    BadAnswerError,
    NotConnectedError,
)
from tests.lab.driver.lean_client.scripted_server import (
    answering,
    asking,
    ok,
    read_request,
    serving,
    session_of,
    status,
)


def check_redirects_are_followed_and_reported_once() -> None:
    answers = (status(302, "Location: /b", "Set-Cookie: c=1"), status(307, "Location: c?d=ä"), ok())
    with asking(*answers) as (server, session, events):
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
        with asking(status(code, "Location: /b"), status(204)) as (server, session, _):
            body = None if method == "HEAD" else {"a": 1}
            session.request(method, "/a", json=body)
            second = server.requests[1]
            assert second.startswith(f"{then} /b ".encode()), (code, method, second)
            assert second.endswith(b'{"a": 1}') == (then in ("PUT", "POST", "PATCH"))
            assert (b"Content-Type" in second) == (then in ("PUT", "POST", "PATCH"))


def check_secrets_stay_with_their_host() -> None:
    secrets: list[tuple[dict[str, Any], bytes]] = [
        ({"auth": ("a", "b")}, b"authorization: "),
        ({"cookies": {"own": "1"}}, b"cookie: own=1"),
        ({"headers": {"Authorization": "x"}}, b"authorization: "),
        ({"headers": {"Cookie": "own=1"}}, b"cookie: own=1"),
        ({}, b"authorization: "),  # of the address of the session
    ]
    with answering(ok()) as other:
        for to, kept in (("/b", True), (f"{other.url}/b", False)):
            for options, secret in secrets:
                with answering(status(307, f"Location: {to}"), ok()) as server:
                    address = server.url.replace("http://", "http://user:word@")
                    with session_of(address) as (session, _):
                        assert session.get("/a", **options).status_code == 200
                    first, second = [*server.requests, *other.requests[-1:]][:2]
                    assert secret in first.lower()
                    assert (secret in second.lower()) == kept, (options, to, second)


def check_a_chain_that_comes_back_gets_no_secret_either() -> None:
    back: list[str] = []

    def away(connection: Any, _: int) -> None:
        read_request(connection)
        connection.sendall(status(307, f"Location: {back[0]}/home", "Connection: close"))

    with serving(away) as elsewhere:
        leave = status(307, f"Location: {elsewhere.url}/")
        with asking(leave, ok()) as (server, session, _):
            back.append(server.url)
            answer = session.get("/", auth=("a", "b"), cookies={"own": "1"})
            assert [each.status_code for each in answer.history] == [307, 307]
            assert b"authorization" in server.requests[0].lower()
            assert b"authorization" not in server.requests[1].lower()
            assert b"own=1" not in server.requests[1]


def check_a_chain_that_fails_keeps_its_history() -> None:
    with asking(status(302, "Location: http://127.0.0.1:9/")) as (server, session, events):
        answer = session.get("/")
        assert (answer.status_code, [each.status_code for each in answer.history]) == (0, [302])
        assert isinstance(events.last["exception"], NotConnectedError)
    with asking(status(302, "Location: ftp://h/")) as (server, session, events):
        answer = session.get("/")
        assert isinstance(answer.error, BadAnswerError)
        assert "redirects to 'ftp://h/'" in str(answer.error)
        assert len(answer.history) == 1
    with asking(status(302, "Location: /")) as (server, session, events):
        answer = session.get("/")
        assert isinstance(answer.error, exceptions.TooManyRedirects)
        assert len(answer.history) == len(server.requests) == 31
        assert len(events.fired) == 1


def check_cookies_of_answers_are_kept_and_expire() -> None:
    first = ok(
        b"", "Set-Cookie: a=1; Path=/", "Set-Cookie: b=2; Max-Age=1", "Set-Cookie: c=3; Path=/x"
    )
    with asking(first, ok()) as (server, session, _):
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
