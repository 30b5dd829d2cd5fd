"""Recorded sessions (HAR 1.2): what of one becomes a scenario, which har2locust then writes."""

from __future__ import annotations

import ast
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from lab.scaffolding.openapi import SAFE_METHODS
from lab.scaffolding.scenario_text import in_docstring

_TYPES = ("document", "xhr", "fetch", "other")  # no images, no fonts: what a browser would cache
_ASSETS = re.compile(
    r"(image|font|audio|video)/|text/css|application/manifest\+json"
    r"|.*(javascript|ecmascript|font|wasm)"
)
_CALLS = ("self.client.", "self.rest", "run_single_user")  # that a scenario may make
_CREDENTIALS = frozenset({"authorization", "cookie", "proxy-authorization"})
_OF_THE_RECORDING = _CREDENTIALS | {  # of its host, its connections and what its browser had cached
    *("host", "origin", "referer", "connection", "content-length", "range"),
    *("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range"),
}


class Recording(NamedTuple):
    """A session without what is not to be sent.

    Attributes:
        text: As har2locust reads it.
        left_out: What was left out, in words.
    """

    text: str
    left_out: tuple[str, ...]


def read_recording(text: str, *, with_writes: bool) -> Recording:
    """The requests of a session to its first host.

    Args:
        text: Of a HAR file.
        with_writes: Whether requests that may change something are kept.

    Raises:
        ValueError: It is no recording, or nothing of it can be sent; with a clause why.
    """
    entries = _entries(text)
    hosts = [urlsplit(each["request"]["url"]).netloc for each in entries]
    kept: list[dict[str, Any]] = []
    others, writes, secrets = Counter[str](), Counter[str](), Counter[str]()
    for entry, host in zip(entries, hosts, strict=True):
        request = entry["request"]
        method = request["method"]
        if host != hosts[0]:
            others[host] += 1
        elif method.lower() not in SAFE_METHODS and not with_writes:
            writes[f"{method} {urlsplit(request['url']).path}"] += 1
        else:
            kept.append(entry)
            secrets.update(_CREDENTIALS & {each["name"].lower() for each in request["headers"]})
    if not kept:
        raise ValueError("none of its requests can be sent without writing")
    left_out = [f"{name}: it writes" for name in writes]
    left_out += [f"{_times(count)} to {host}: another host" for host, count in others.items()]
    for name, count in sorted(secrets.items()):
        left_out.append(f"{name} of {_times(count)}: a credential")
    scheme = urlsplit(kept[0]["request"]["url"]).scheme
    sent = [{**each, "request": _repeatable(each["request"], scheme)} for each in kept]
    log = {"version": "1.2", "creator": {}, "pages": [], "entries": sent}
    return Recording(json.dumps({"log": log}), tuple(left_out))


def refuse_other_code(scenario: str) -> None:
    """ValueError if a scenario does more than send requests: a recording is data of others."""
    try:
        tree = ast.parse(scenario)
    except SyntaxError:
        raise ValueError("what har2locust made of it is no Python") from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and not ast.unparse(node.func).startswith(_CALLS):
            raise ValueError(f"a request of it became code that calls {ast.unparse(node.func)}")


def described(scenario: str, left_out: Sequence[str]) -> str:
    """The scenario with a docstring that says what it is, and what it leaves out."""
    more = "".join(f"    {in_docstring(each)}\n" for each in left_out)
    end = f"\n\nLeft out:\n\n{more}" if more else "\n"
    return f'"""Users who repeat a recorded session. har2locust made it.{end}"""\n\n{scenario}'


def _entries(text: str) -> list[dict[str, Any]]:
    """Those of requests by HTTP, of the kinds that a scenario sends."""
    try:
        entries = json.loads(text)["log"]["entries"]
        found = [_entry(each) for each in entries if _is_http(each)]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise ValueError(
            "it is no HAR file, which is JSON with `log`, its `entries`, and a `request` in each"
        ) from None
    sent = [each for each in found if each["_resourceType"] in _TYPES]
    if not sent:
        raise ValueError("it has no requests")
    return sent


def _entry(entry: Mapping[str, Any]) -> dict[str, Any]:
    """With all that is read of it."""
    request = entry["request"]
    headers = [
        {"name": str(each["name"]), "value": str(each["value"])}
        for each in request.get("headers") or ()
    ]
    kind = entry.get("_resourceType") or _kind(entry.get("response") or {})
    read = {**request, "method": str(request["method"]).upper(), "headers": headers}
    return {**entry, "_resourceType": kind, "request": read}


def _kind(answer: Mapping[str, Any]) -> str:
    """The kind of a request of which the browser recorded none, by its answer."""
    mime_type = str((answer.get("content") or {}).get("mimeType", ""))
    return "asset" if _ASSETS.match(mime_type.lower()) else "other"


def _repeatable(request: Mapping[str, Any], scheme: str) -> dict[str, Any]:
    """Without headers of the recording, and those that har2locust does not escape."""
    headers = [
        each
        for each in request["headers"]
        if each["name"].lower() not in _OF_THE_RECORDING
        and not any(odd in f"{each['name']}{each['value']}" for odd in "'\\\n")
    ]
    url = request["url"]  # har2locust takes another scheme for another host
    url = scheme + url[url.index(":") :]
    return {**request, "url": url, "headers": headers, "cookies": []}


def _is_http(entry: Mapping[str, Any]) -> bool:
    return urlsplit(str(entry["request"]["url"])).scheme in ("http", "https")


def _times(count: int) -> str:
    return "a request" if count == 1 else f"{count} requests"
