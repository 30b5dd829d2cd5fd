"""Cookies, codings and characters, and requests that a client may not make."""

from __future__ import annotations

import gzip
import zlib

from tests.conformance.case import Answer, Ask, Case, Failure, Refused, Right
from tests.conformance.steps import Read, Send, Step, answer, message

OK = Answer()
TEXT = ("words, words; " * 200).encode()
_RAW = zlib.compressobj(wbits=-15)
RAW_DEFLATE = _RAW.compress(TEXT) + _RAW.flush()
BOMB = gzip.compress(bytes(1 << 20), 9) * 300  # 300 MiB of zeros


def _coded(name: str, body: bytes, coding: str, right: Right) -> Case:
    return Case(name, ((Read(), Send(answer(body, f"Content-Encoding: {coding}"))),), (Ask(right),))


def _cookies(
    name: str, set_cookie: tuple[str, ...], second: Ask, *, sent: str = "", not_sent: str = ""
) -> Case:
    headers = [f"Set-Cookie: {each}" for each in set_cookie]
    script: tuple[Step, ...] = (Read(), Send(answer(b"ok", *headers)), Read(), Send(answer()))
    return Case(
        name,
        (script,),
        (Ask(url="/in/here"), second),
        sent=(rf"GET /second(?s:.*){sent}",) if sent else (),
        not_sent=(rf"GET /second(?s:.*){not_sent}",) if not_sent else (),
    )


def _refused(name: str, error: str, url: str = "/", **options: object) -> Case:
    """Nothing is sent."""
    return Case(
        name, (), (Ask(Refused(error), url=url, options=options),), connections=0, requests=0
    )


SECOND = Ask(url="/second")
CASES = (
    _coded("gzip", gzip.compress(TEXT), "gzip", Answer(content=TEXT)),
    _coded("x-gzip", gzip.compress(TEXT), "x-gzip", Answer(content=TEXT)),
    _coded("gzip in capital letters", gzip.compress(TEXT), "GZip", Answer(content=TEXT)),
    _coded("gzip of two members", gzip.compress(TEXT) * 2, "gzip", Answer(content=TEXT * 2)),
    _coded("deflate", zlib.compress(TEXT), "deflate", Answer(content=TEXT)),
    _coded("deflate without its header", RAW_DEFLATE, "deflate", Answer(content=TEXT)),
    _coded("identity", TEXT, "identity", Answer(content=TEXT)),
    _coded(
        "two codings", gzip.compress(zlib.compress(TEXT)), "deflate, gzip", Answer(content=TEXT)
    ),
    _coded("a coding that is not known is left alone", b"xx", "zzz", Answer(content=b"xx")),
    _coded("corrupt gzip", b"nonsense" * 9, "gzip", Failure("gzip|decod|decompress|coding")),
    _coded(
        "gzip that is cut short",
        gzip.compress(TEXT)[:-12],
        "gzip",
        Failure("gzip|decod|decompress|coding"),
    ),
    _coded(
        "gzip with a wrong checksum",
        gzip.compress(TEXT)[:-8] + bytes(8),
        "gzip",
        Failure("gzip|decod|decompress|coding"),
    ),
    _coded("a bomb", BOMB, "gzip", Failure("large|limit|MiB|size")),
    Case(
        "HEAD of a compressed answer",
        (
            (
                Read(),
                Send(message("HTTP/1.1 200 OK", "Content-Encoding: gzip", "Content-Length: 40")),
            ),
        ),
        (Ask(Answer(content=b""), method="HEAD"),),
    ),
    Case(
        "characters as the header says",
        ((Read(), Send(answer(b"\xe9", "Content-Type: text/plain; charset=latin-1"))),),
        (Ask(Answer(content=b"\xe9", text="é")),),
    ),
    Case(
        "characters of JSON without a charset",
        ((Read(), Send(answer('"é"'.encode(), "Content-Type: application/json"))),),
        (Ask(Answer(content=None, text='"é"')),),
    ),
    # cookies
    _cookies("a cookie", ("a=1; Path=/",), SECOND, sent="Cookie: a=1\r"),
    _cookies(
        "two cookies", ("a=1; Path=/", "b=2; Path=/"), SECOND, sent="Cookie: (a=1; b=2|b=2; a=1)\r"
    ),
    _cookies("a cookie of a path", ("a=1; Path=/in",), SECOND, not_sent="a=1"),
    _cookies("a cookie without a path belongs to its folder", ("a=1",), SECOND, not_sent="a=1"),
    _cookies("a cookie that has expired", ("a=1; Path=/; Max-Age=0",), SECOND, not_sent="a=1"),
    _cookies(
        "a secure cookie is not sent in the clear",
        ("a=1; Path=/; Secure",),
        Ask(url="/second"),
        not_sent="a=1",
    ),
    _cookies(
        "a cookie of another domain", ("a=1; Path=/; Domain=example.com",), SECOND, not_sent="a=1"
    ),
    _cookies(
        "own cookies beside those of the jar",
        ("a=1; Path=/",),
        Ask(url="/second", options={"cookies": {"b": "2"}}),
        sent="Cookie: (a=1; b=2|b=2; a=1)\r",
    ),
    _cookies("a cookie that is none", ("=; ;;;",), SECOND),
    # requests
    _refused("CR LF in a header", "header", headers={"X": "a\r\nY: b"}),
    _refused("LF in a header", "header", headers={"X": "a\nY: b"}),
    _refused("NUL in a header of the request", "header", headers={"X": "a\0b"}),
    _refused("CR LF in the name of a header", "header", headers={"X\r\nY": "b"}),
    _refused("a colon in the name of a header", "header", headers={"X:Y": "b"}),
    _refused("CR LF in a cookie", "cookie|header", cookies={"a": "1\r\nX: y"}),
    _refused("a scheme that is not HTTP", "ftp|scheme|schema|adapter", url="ftp://127.0.0.1/"),
    _refused("a port that is no number", "port|url", url="http://127.0.0.1:port/"),
    _refused("an address without a host", "host|url", url="http:///x"),
    Case(
        "CR LF and spaces in a path are escaped",
        ((Read(), Send(answer())),),
        (Ask(url="/a b\r\nX: y"),),
        sent=(r"^GET /a%20b%0D%0AX:%20y HTTP/1.1\r\n",),
        not_sent=(r"\nX: y",),
    ),
    Case(
        "the fragment is not sent",
        ((Read(), Send(answer())),),
        (Ask(url="/a?b#c"),),
        sent=(r"^GET /a\?b HTTP/1.1\r\n",),
    ),
    Case(
        "name and password of the address",
        ((Read(), Send(answer())),),
        userinfo="user:secret",
        sent=(r"Authorization: Basic dXNlcjpzZWNyZXQ=\r\n",),
        not_sent=("user:secret",),
    ),
    Case(
        "auth goes before a header Authorization",
        ((Read(), Send(answer())),),
        (Ask(options={"auth": ("user", "secret"), "headers": {"Authorization": "no"}}),),
        sent=("Authorization: Basic dXNlcjpzZWNyZXQ=",),
        not_sent=("Authorization: no",),
    ),
    Case(
        "headers of the client",
        ((Read(), Send(answer())),),
        (Ask(client_headers={"X-Client": "1"}, options={"headers": {"X-Own": "2"}}),),
        sent=("X-Client: 1", "X-Own: 2"),
    ),
    Case(
        "one Host, and a length for an empty POST",
        ((Read(), Send(answer())),),
        (Ask(method="POST"),),
        sent=(r"\r\nHost: 127\.0\.0\.1:\d+\r\n", r"Content-Length: 0\r\n"),
        not_sent=(r"Host(?s:.*)\nHost",),
    ),
)
