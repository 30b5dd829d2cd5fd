"""The answers to generated requests, as JSON.

`python -m tests.conformance.real.take_answers lean|httpx KIND URL SEED COUNT`; a client each, in
processes of their own, because Locust patches sockets. What is printed: a list of answers, and how
many requests were reported to Locust.
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.conformance.real.generated_requests import Generator, Request

_NOT_COMPARED = {"date"}


def taken_with_lean(url: str, requests: list[Request]) -> tuple[list[dict[str, Any]], int]:
    """The answers that the lean client gets, and the number of events."""
    from locust.env import Environment  # first: it patches sockets and threads

    from lab.driver.client import LeanHttpUser

    environment = Environment()
    events: list[Any] = []
    listener = environment.events.request.add_listener
    listener(lambda **event: events.append(event))  # type: ignore[no-untyped-call]
    user: Any = type("Asker", (LeanHttpUser,), {"host": url})(environment)

    def ask(request: Request) -> dict[str, Any]:
        data = request.body if request.form is None else request.form
        response = user.client.request(
            request.method,
            request.path,
            params=request.params,
            headers=request.headers,
            cookies=request.cookies or None,
            data=data,
            json=request.json,
            allow_redirects=request.follow,
        )
        names = {name.lower() for name in response.headers}
        headers = {name: response.headers[name] for name in names}
        return _shown(response, headers, response.cookies)

    return list(map(ask, requests)), len(events)


def taken_with_httpx(url: str, requests: list[Request]) -> tuple[list[dict[str, Any]], int]:
    """The answers that httpx gets, and the number of requests."""
    import httpx

    warnings.simplefilter("ignore", DeprecationWarning)  # of cookies for one request
    with httpx.Client(base_url=url, timeout=30) as client:

        def ask(request: Request) -> dict[str, Any]:
            response = client.request(
                request.method,
                request.path,
                params=request.params or None,
                headers=request.headers,
                cookies=dict(request.cookies) or None,
                content=request.body,
                data=request.form,
                json=request.json,
                follow_redirects=request.follow,
            )
            return _shown(response, dict(response.headers), response.cookies.jar)

        return list(map(ask, requests)), len(requests)


def _shown(response: Any, headers: dict[str, str], cookies: Iterable[Any]) -> dict[str, Any]:
    address = urlsplit(str(response.url))
    try:
        parsed = response.json()
    except ValueError:
        parsed = "no JSON"
    return {
        "status": response.status_code,
        "headers": {name: headers[name] for name in sorted(headers) if name not in _NOT_COMPARED},
        "content": response.content.hex(),
        "text": response.text,
        "json": parsed,
        "cookies": {cookie.name: cookie.value for cookie in cookies},
        "path": unquote(address.path),
        "query": parse_qsl(address.query, keep_blank_values=True),
        "history": [earlier.status_code for earlier in response.history],
    }


CLIENTS: dict[str, Callable[[str, list[Request]], tuple[list[dict[str, Any]], int]]] = {
    "lean": taken_with_lean,
    "httpx": taken_with_httpx,
}

if __name__ == "__main__":
    client, kind, url, seed, count = sys.argv[1:]
    answers, reported = CLIENTS[client](url, Generator(kind, int(seed)).requests(int(count)))
    print(json.dumps({"answers": answers, "reported": reported}))
