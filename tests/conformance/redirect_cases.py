"""Redirects, and what goes along with them."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Answer, Ask, Case, Failure
from tests.conformance.steps import Close, Read, Reset, Send, Step, answer

OK = Answer()
SECRETS = {
    "headers": {"Authorization": "Bearer secret-token", "X-Mine": "kept"},
    "cookies": {"session": "secret-cookie"},
}
_BASIC = "Authorization: Basic dXNlcjpzZWNyZXQ="  # user:secret


def _to(location: str, status: int = 302, body: bytes = b"moved") -> Send:
    return Send(answer(body, f"Location: {location}", status=f"{status} Moved"))


def _hops(*steps: Step) -> tuple[Step, ...]:
    return tuple(each for step in steps for each in (Read(), step))


def _method(status: int, method: str, becomes: str, *, body: bool) -> Case:
    """What a request becomes on the way."""
    kept = rf"^{becomes} /new HTTP/1.1\r\n"
    second = kept + (
        r"(?s:.*)Content-Length: 3\r\n(?s:.*)\r\npay$" if body else r"(?s:.*)\r\n\r\n$"
    )
    return Case(
        f"{method} with {status} becomes {becomes}",
        (_hops(_to("/new", status), Send(answer())),),
        (Ask(Answer(url="/new", history=(status,)), method, "/old", {"data": b"pay"}),),
        requests=2,
        sent=(rf"^{method} /old HTTP/1.1\r\n(?s:.*)pay{second[1:]}",),
    )


def _elsewhere(name: str, options: dict[str, Any], userinfo: str = "") -> Case:
    """Another host gets no secrets; the first has had them."""
    return Case(
        name,
        (_hops(_to("{other}/there", 307)),),
        (Ask(Answer(url="/there", history=(307,)), options=options),),
        other=(_hops(Send(answer())),),
        other_requests=1,
        sent=("secret|dXNlcjpzZWNyZXQ=",),
        other_sent=("^GET /there HTTP/1.1",),
        other_not_sent=("secret", "Authorization", "Cookie", "dXNlcjpzZWNyZXQ="),
        userinfo=userinfo,
    )


CASES = (
    _method(301, "POST", "GET", body=False),
    _method(302, "POST", "GET", body=False),
    _method(303, "POST", "GET", body=False),
    _method(303, "PUT", "GET", body=False),
    _method(307, "POST", "POST", body=True),
    _method(308, "POST", "POST", body=True),
    _method(301, "PUT", "PUT", body=True),
    _method(307, "PATCH", "PATCH", body=True),
    Case(
        "HEAD with 303 stays HEAD",
        (
            (
                Read(),
                Send(answer(b"", "Location: /new", status="303 See")),
                Read(),
                Send(answer(b"")),
            ),
        ),
        (
            Ask(
                Answer(content=b"", url="/new", history=(303,)),
                "HEAD",
                options={"allow_redirects": True},
            ),
        ),
        requests=2,
        sent=(r"HEAD /new HTTP/1.1",),
    ),
    Case(
        "a chain",
        (_hops(_to("/b", 301), _to("/c", 302), _to("/d", 307), Send(answer())),),
        (Ask(Answer(url="/d", history=(301, 302, 307))),),
        requests=4,
    ),
    Case(
        "relative addresses",
        (_hops(_to("next"), _to("../up?q=1"), _to("?q=2"), Send(answer())),),
        (Ask(Answer(url="/one/up?q=2", history=(302, 302, 302)), url="/one/two/three"),),
        requests=4,
        sent=(r"GET /one/two/next HTTP", r"GET /one/up\?q=1 ", r"GET /one/up\?q=2 "),
    ),
    Case(
        "an address with spaces and accents",
        (_hops(_to("/a b/\u00e9"), Send(answer())),),
        (Ask(Answer(history=(302,))),),
        requests=2,
        sent=(r"GET /a%20b/%C3%(A9|83%C2%A9) HTTP",),
    ),
    Case(
        "a loop ends",
        (_hops(*[_to("/again")] * 40),),
        (Ask(Failure("^TooManyRedirects: ", history=(302,) * 31)),),
        requests=31,
    ),
    Case(
        "redirects are not followed where that is not wanted",
        (_hops(_to("/b")),),
        (Ask(Answer(302, b"moved", history=(), url="/"), options={"allow_redirects": False}),),
    ),
    Case(
        "no Location: the answer itself",
        (_hops(Send(answer(b"ok", status="302 Found"))),),
        (Ask(Answer(302, history=())),),
    ),
    Case(
        "300 and 304 are no redirects",
        (_hops(Send(answer(b"ok", "Location: /b", status="300 Choices"))),),
        (Ask(Answer(300, history=())),),
    ),
    Case(
        "a later hop closes: the history is kept",
        ((*_hops(_to("/b")), Read(), Close()),),
        (Ask(Failure("^NoAnswerError: .*clos", history=(302,))),),
        requests=2,
    ),
    Case(
        "a later hop is reset: the history is kept",
        ((*_hops(_to("/b")), Read(), Reset()),),
        (Ask(Failure("^NoAnswerError: .*reset", history=(302,))),),
        requests=2,
    ),
    Case(
        "a hop whose connection closes goes on with a new one",
        (
            (Read(), Send(answer(b"", "Location: /b", "Connection: close", status="302 Found"))),
            _hops(Send(answer())),
        ),
        (Ask(Answer(url="/b", history=(302,))),),
        requests=2,
    ),
    Case(
        "a scheme that is not HTTP is refused",
        (_hops(_to("ftp://127.0.0.1/")),),
        (Ask(Failure("ftp|scheme|schema|adapter", history=(302,))),),
    ),
    Case(
        "a file is not read",
        (_hops(_to("file:///etc/hostname")),),
        (Ask(Failure("file|scheme|schema|adapter", history=(302,))),),
    ),
    _elsewhere("another host gets no Authorization and no cookies", SECRETS),
    _elsewhere("another host gets no name and password", {"auth": ("user", "secret")}),
    _elsewhere("another host gets no name and password of the base address", {}, "user:secret"),
    Case(
        "other headers go along to another host",
        (_hops(_to("{other}/there")),),
        (Ask(Answer(history=(302,)), options=SECRETS),),
        other=(_hops(Send(answer())),),
        other_requests=1,
        other_sent=("X-Mine: kept",),
    ),
    Case(
        "another host and back: no secrets on the way back",
        ((*_hops(_to("{other}/there")), *_hops(Send(answer()))),),
        (Ask(Answer(url="/back", history=(302, 302)), options={"auth": ("user", "secret")}),),
        other=(_hops(_to("{self}/back")),),
        other_requests=1,
        requests=2,
        not_sent=(r"GET /back(?s:.*)Authorization",),
        other_not_sent=("Authorization",),
    ),
    Case(
        "within a host name and password go along",
        (_hops(_to("/b"), Send(answer())),),
        (Ask(Answer(history=(302,)), options={"auth": ("user", "secret")}),),
        requests=2,
        sent=(rf"{_BASIC}(?s:.*){_BASIC}",),
    ),
    Case(
        "within a host own cookies go along",
        (_hops(_to("/b"), Send(answer())),),
        (Ask(Answer(history=(302,)), options={"cookies": {"a": "1"}}),),
        requests=2,
        sent=(r"Cookie: a=1(?s:.*)Cookie: a=1",),
    ),
    Case(
        "a cookie of a redirect is sent on the next hop",
        (
            _hops(
                Send(answer(b"", "Location: /b", "Set-Cookie: a=1", status="302 Found")),
                Send(answer()),
            ),
        ),
        (Ask(Answer(history=(302,))),),
        requests=2,
        sent=(r"GET /b (?s:.*)Cookie: a=1",),
    ),
    Case(
        "the host of an absolute address is in Host",
        (),
        (Ask(Answer(url="/x"), url="{other}/x"),),
        connections=0,
        requests=0,
        other=(_hops(Send(answer())),),
        other_requests=1,
        other_sent=(r"Host: 127\.0\.0\.1:\d+",),
    ),
)
