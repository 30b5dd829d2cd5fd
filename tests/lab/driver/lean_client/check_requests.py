"""Requests as they are built: addresses, header fields, bodies, names and passwords, cookies."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

from requests import Request, Session
from requests.exceptions import InvalidHeader, InvalidJSONError, InvalidSchema, InvalidURL

from lab.driver.client.request_builder import RequestBuilder
from lab.driver.client.request_options import PLAIN, Options
from lab.driver.client.sent_request import SentRequest

BASE = "http://127.0.0.1:8000"


def build(url: str, method: str = "GET", base: str = BASE, **options: Any) -> SentRequest:
    return RequestBuilder(base, None, True, None).build(method, url, Options(**options))


def refuses(kind: type[Exception], text: str, *arguments: Any, **options: Any) -> None:
    try:
        build(*arguments, **options)
    except kind as error:
        assert text in str(error), error
    else:
        raise AssertionError("not refused")


def check_urls_are_encoded_as_requests_encodes_them() -> None:
    for url in (
        "http://h/",
        "http://h",
        "http://h?x=1",
        "http://h/a/b.txt?q=1&r=2",
        "http://h:8080/a",
        "http://h:80/a",
        "http://H.example/A",
        "http://h/a b",
        "http://h/ä?ö=ü",
        "http://h/a/../b/./c",
        "http://h/%7euser/%41%2f",
        "http://h/a?b=c d&e=ö#part",
        "http://h/a\r\nX: y",
        'http://h/|"<>^`{}',
        "http://[::1]:8000/a",
        "http://bücher.example/a",
        "http://h//a//b",
        "http://h/.well-known/x",
        "http://h/a?",
    ):
        for params in (None, {"p": "ä &/", "q": [1, 2], "r": None}, "raw=1", [("a", "b")]):
            wanted = Session().prepare_request(Request("GET", url, params=params))
            sent = build(url, params=params)
            assert sent.path_url == wanted.path_url, (url, params, sent.path_url, wanted.path_url)
            assert sent.url == wanted.url, (sent.url, wanted.url)
            assert sent.data.startswith(f"GET {wanted.path_url} HTTP/1.1\r\n".encode())


def check_the_host_header_names_a_port_that_is_not_the_usual_one() -> None:
    for url, host in {
        "http://h/": "h",
        "http://h:80/": "h",
        "http://h:8080/": "h:8080",
        "https://h:443/": "h",
        "https://h:80/": "h:80",
        "http://[::1]/": "[::1]",
        "http://[::1]:81/": "[::1]:81",
        "http://u:p@h:81/": "h:81",
    }.items():
        assert build(url).headers["host"] == host
    assert build("/", headers={"host": "other"}).data.count(b"ost: ") == 1


def check_addresses_that_are_none_are_refused() -> None:
    refuses(InvalidSchema, "no address of http", "ftp://h/", base="")
    refuses(InvalidURL, "at most 65535", "http://h:70000/")
    refuses(InvalidURL, "", "http://")
    refuses(InvalidURL, "is no method", "/", "GET /x HTTP/1.1\r\nX:")
    refuses(InvalidURL, "is no method", "/", "CONNECT")


def check_header_fields_cannot_break_out_of_their_line() -> None:
    for value in ("a\r\nX: y", "a\nb", "a\rb", "a\0b", b"a\nb"):
        refuses(InvalidHeader, "a line end or a NUL", "/", headers={"X-A": value})
        cookie = value.decode() if isinstance(value, bytes) else value
        refuses(InvalidHeader, "a line end or a NUL", "/", cookies={"a": cookie})
    refuses(InvalidHeader, "no name of a header", "/", headers={"X A": "b"})
    refuses(InvalidHeader, "no name of a header", "/", headers={"X:\r\nY": "b"})
    refuses(InvalidHeader, "a int: text is right", "/", headers={"X-A": 1})
    refuses(InvalidHeader, "not Latin-1", "/", headers={"X-A": "€"})
    refuses(InvalidHeader, "cannot be set", "/", headers={"Transfer-Encoding": "chunked"})


def check_header_fields_of_session_and_request_are_merged() -> None:
    builder = RequestBuilder(BASE, {"X-Shop": "north", "accept": "a/b"}, True, None)
    sent = builder.build("GET", "/", Options(headers={"x-shop": "south", "User-Agent": None}))
    assert sent.headers["X-Shop"] == "south"
    assert sent.headers["Accept"] == "a/b"
    assert "User-Agent" not in sent.headers
    builder.set_headers({"X-Only": "1"})
    assert set(builder.build("GET", "/", Options()).headers) == {"Host", "X-Only"}
    builder.headers["X-More"] = "2"
    assert builder.build("GET", "/", Options()).headers["x-more"] == "2"
    del builder.headers["x-only"]
    assert "x-only" not in builder.build("GET", "/", Options()).headers


def check_bodies_are_those_of_requests() -> None:
    every: tuple[dict[str, Any], ...] = (
        {"data": "text"},
        {"data": b"bytes"},
        {"data": {"a": "ä", "b": [1, 2], "c": None}},
        {"data": [("a", "1"), ("a", "2")]},
        {"json": {"a": [1, None, "ä"]}},
        {"json": {}},
        {"json": 0},
        {"data": {}, "json": {"a": 1}},
        {},
    )
    for options in every:
        for method in ("POST", "GET", "DELETE"):
            wanted = Session().prepare_request(Request(method, BASE + "/", **options))
            sent = build("/", method, **options)
            body = wanted.body.encode() if isinstance(wanted.body, str) else wanted.body
            assert sent.body == (body or None), options
            for name in ("Content-Type", "Content-Length"):
                assert sent.headers.get(name) == wanted.headers.get(name), (method, options)
    assert build("/", "POST", data=io.BytesIO(b"file")).body == b"file"
    sent = build("/", "POST", files={"f": ("n.txt", b"content")}, data={"a": "1"})
    assert sent.headers["Content-Type"].startswith("multipart/form-data; boundary=")
    assert b'filename="n.txt"' in sent.data
    sent = build("/", "POST", json={}, headers={"content-type": "x/y"})
    assert sent.headers.get_all("Content-Type") == ["x/y"]
    refuses(InvalidJSONError, "json= cannot be written", "/", json=float("nan"))
    refuses(TypeError, "data= is a generator", "/", data=(each for each in b"ab"))


def check_which_name_and_password_are_sent() -> None:
    def sent(url: str, base: str = BASE, auth: Any = None, **options: Any) -> str | None:
        builder = RequestBuilder(base, None, True, None)
        builder.auth = auth
        return builder.build("GET", url, Options(**options)).headers.get("Authorization")

    own, session, in_url = "Basic bzpv", "Basic czpz", "Basic dTp1"  # o:o, s:s, u:u
    assert sent("/", auth=("o", "o")) == own
    assert sent("/", headers={"Authorization": "x"}) == "x"
    builder = RequestBuilder(BASE, None, True, None)
    options = Options(auth=("o", "o"), headers={"Authorization": "x"})
    assert builder.build("GET", "/", options).headers["Authorization"] == own
    assert sent("/", auth=("s", "s")) == session
    assert sent("http://u:u@h/") == in_url
    assert sent("http://u:u@h/", headers={"authorization": "x"}) == in_url
    based = "http://u:u@h:81"
    assert sent("/", based) == in_url
    assert sent("http://h:81/other", based) == in_url
    assert sent("http://h:82/", based) is None
    assert sent("http://elsewhere/", based) is None
    assert "u:u@" not in build("/a", base=based).url
    refuses(TypeError, "pass a (name, password) pair", "/", auth=lambda request: request)


def check_a_request_is_kept_until_something_changes() -> None:
    builder = RequestBuilder(BASE, None, True, None)
    builder.build("GET", "/a", PLAIN)
    assert not builder.kept  # it may be one of many
    second = builder.build("GET", "/a", PLAIN)
    assert builder.kept["GET", "/a"] is second
    changes: tuple[Callable[[], Any], ...] = (
        lambda: builder.headers.update({"X": "y"}),
        lambda: builder.cookies.set("a", "b"),
        lambda: builder.cookies.clear(),
        lambda: builder.set_base_url("http://h"),
        lambda: setattr(builder, "auth", ("a", "b")),
    )
    for change in changes:
        builder.build("GET", "/a", PLAIN)
        assert builder.build("GET", "/a", PLAIN) is builder.kept["GET", "/a"]
        change()
        assert not builder.kept


def check_cookies_go_where_they_belong() -> None:
    builder = RequestBuilder("http://h.example", None, True, None)
    builder.cookies.set("all", "1", domain="h.example", path="/")
    builder.cookies.set("deep", "2", domain="h.example", path="/deep")
    builder.cookies.set("safe", "3", domain="h.example", path="/", secure=True)
    builder.cookies.set("old", "4", domain="h.example", path="/", expires=1)

    def sent(url: str, **options: Any) -> set[str]:
        header = builder.build("GET", url, Options(**options)).headers.get("Cookie", "")
        return set(filter(None, header.split("; ")))

    assert sent("/") == {"all=1"}
    assert sent("/deep/x") == {"all=1", "deep=2"}
    assert sent("https://h.example/") == {"all=1", "safe=3"}
    assert sent("http://other.example/") == set()
    assert sent("/", cookies={"own": "5"}) == {"all=1", "own=5"}
    assert sent("/", headers={"Cookie": "by=hand"}) == {"by=hand"}
