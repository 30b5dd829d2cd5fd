"""Scenarios from recorded sessions: of one host, and nothing that writes."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from lab.scaffolding.recording import described, read_recording, refuse_other_code
from tests.runs import lab

SHOP = "https://shop.example.org"


def entry(method: str, url: str, **more: Any) -> dict[str, Any]:
    headers = [{"name": "accept", "value": "*/*"}]
    request = {"method": method, "url": url, "headers": headers, "queryString": [], "cookies": []}
    answer = {"status": 200, "headers": [], "cookies": [], "content": {}, "redirectURL": ""}
    return {"_resourceType": "xhr", "request": request, "response": answer, **more}


def with_headers(*headers: dict[str, str], **more: Any) -> dict[str, Any]:
    made = entry("GET", f"{SHOP}/", **more)
    made["request"]["headers"] += headers
    return made


def har(*entries: dict[str, Any]) -> str:
    log = {"version": "1.2", "creator": {"name": "a browser"}, "pages": [], "entries": entries}
    return json.dumps({"log": log})


SESSION = har(
    entry("GET", f"{SHOP}/", _resourceType="document"),
    entry("GET", f"{SHOP}/logo.png", _resourceType="image"),
    entry("GET", "https://count.example.net/hit?a=1"),
    entry("GET", "https://count.example.net/hit?a=2"),
    entry("GET", f"{SHOP}/orders?page=1"),
    entry("POST", f"{SHOP}/orders"),
    entry("GET", "data:text/plain,x"),
)


def sent(text: str) -> list[str]:
    kept = json.loads(text)["log"]["entries"]
    return [f"{each['request']['method']} {each['request']['url']}" for each in kept]


def test_what_reads_from_the_first_host_is_kept() -> None:
    found = read_recording(SESSION, with_writes=False)
    assert sent(found.text) == [f"GET {SHOP}/", f"GET {SHOP}/orders?page=1"]
    assert found.left_out == (
        "POST /orders: it writes",
        "2 requests to count.example.net: another host",
    )
    every = read_recording(SESSION, with_writes=True)
    assert sent(every.text)[-1] == f"POST {SHOP}/orders"
    assert every.left_out == ("2 requests to count.example.net: another host",)


def test_headers_that_would_end_their_text_are_left_out() -> None:
    odd = with_headers({"name": "x-note", "value": "a='b'"})
    (kept,) = json.loads(read_recording(har(odd), with_writes=False).text)["log"]["entries"]
    assert kept["request"]["headers"] == [{"name": "accept", "value": "*/*"}]


OF_THE_RECORDING = (
    *("Host", "cookie", "Authorization", "Proxy-Authorization", "Content-Length", "connection"),
    *("If-None-Match", "if-modified-since", "If-Match", "If-Unmodified-Since", "If-Range", "Range"),
    *("Origin", "referer"),
)


def test_headers_of_the_recording_are_left_out_and_credentials_named() -> None:
    first = with_headers(*({"name": name, "value": "x"} for name in OF_THE_RECORDING))
    second = with_headers({"name": "Cookie", "value": "a='b'"})
    written = with_headers({"name": "cookie", "value": "a=b"})
    written["request"]["method"] = "POST"
    first["request"]["cookies"] = [{"name": "a", "value": "b"}]
    found = read_recording(har(first, second, written), with_writes=False)
    for kept in json.loads(found.text)["log"]["entries"]:
        assert kept["request"]["headers"] == [{"name": "accept", "value": "*/*"}]
        assert kept["request"]["cookies"] == []
    assert found.left_out == (
        "POST /: it writes",
        "authorization of a request: a credential",
        "cookie of 2 requests: a credential",
        "proxy-authorization of a request: a credential",
    )


def test_without_a_type_the_answer_decides() -> None:
    def answered(path: str, mime_type: str) -> dict[str, Any]:
        made = entry("GET", f"{SHOP}{path}")
        del made["_resourceType"]
        made["response"]["content"] = {"mimeType": mime_type}
        return made

    session = har(
        answered("/logo", "image/png"),
        answered("/", "text/html; charset=utf-8"),
        answered("/app.js", "application/javascript"),
        answered("/style", "TEXT/CSS"),
        answered("/orders", "application/json"),
        answered("/empty", ""),
    )
    found = read_recording(session, with_writes=False)
    assert sent(found.text) == [f"GET {SHOP}/", f"GET {SHOP}/orders", f"GET {SHOP}/empty"]


def test_http_and_https_of_a_host_are_one() -> None:
    urls = ("http://shop.example.org/", f"{SHOP}/orders?next=http://a", "HTTP://shop.example.org/a")
    found = read_recording(har(*(entry("GET", url) for url in urls)), with_writes=False)
    assert sent(found.text) == [
        "GET http://shop.example.org/",
        "GET http://shop.example.org/orders?next=http://a",
        "GET http://shop.example.org/a",
    ]
    assert found.left_out == ()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no HAR file"),
        ("[]", "no HAR file"),
        ('{"log": {}}', "no HAR file"),
        ('{"log": {"entries": [{}]}}', "no HAR file"),
        (har({"request": {"url": f"{SHOP}/"}}), "no HAR file"),
        (har(with_headers({"name": "accept"})), "no HAR file"),
        (har(), "it has no requests"),
        (har(entry("GET", "ws://shop.example.org/")), "it has no requests"),
        (har(entry("POST", f"{SHOP}/orders")), "none of its requests can be sent without writing"),
    ],
)
def test_what_is_no_recording(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_recording(text, with_writes=False)


def test_code_in_a_recording_is_refused() -> None:
    task = "class A(FastHttpUser):\n    @task\n    def t(self):\n        "
    refuse_other_code(f"{task}with self.client.request('GET', '/') as resp:\n            pass\n")
    for code in ("self.client.request(exit(1))", "__import__('os')", "self.client.get(open('x'))"):
        with pytest.raises(ValueError, match="a request of it became code that calls"):
            refuse_other_code(f"{task}{code}\n")
    with pytest.raises(ValueError, match="no Python"):
        refuse_other_code("self.client.get('")


def test_the_docstring_says_what_is_left_out() -> None:
    text = described("import locust\n", ['POST /a""": it writes'])
    assert text.count('"""') == 2 and "    POST /a''': it writes\n" in text
    assert described("import locust\n", []).endswith('made it.\n"""\n\nimport locust\n')


@pytest.mark.slow
def test_new_makes_a_scenario_of_a_session(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from fastapi import FastAPI\napp = FastAPI()\n")
    (tmp_path / "session.har").write_text(SESSION)
    assert lab("init", project=tmp_path).returncode == 0
    done = lab("new", "shop", "--har", "session.har", project=tmp_path)
    if find_spec("har2locust") is None:
        assert done.returncode == 2 and "pip install har2locust" in done.stderr
        return
    assert done.returncode == 0, done.stderr
    assert "left out: POST /orders: it writes" in done.stdout
    checked = lab("check", "shop", project=tmp_path)
    assert checked.returncode == 0, checked.stderr
