"""Asks what the cases ask with the lean client: `python -m tests.conformance.ask_client FOLDER`.

In a process of its own, because Locust patches sockets. Standard input is the ports of the cases as
JSON, standard output what was seen of every request.
"""

from __future__ import annotations

import json
import os
import ssl
import sys
import time
from pathlib import Path
from typing import Any

# Locust first: it patches sockets and threads
import gevent
from gevent.monkey import get_original
from locust.env import Environment

from lab.driver.client import LeanHttpUser
from tests.conformance.all_cases import CASES
from tests.conformance.case import Answer, Ask, Case
from tests.conformance.certificates import AUTHORITY

_HANGS_S = 8.0  # longer than any request may take
_TIMEOUT_S = 5.0  # of a request that says none


class OwnTimeout(gevent.Timeout):
    """Of the scenario's own class."""


class Asker:
    """The user of a case."""

    def __init__(self, case: Case, ports: list[int], authority: Path) -> None:
        host = case.named or (f"[{case.host}]" if ":" in case.host else case.host)
        scheme = "https" if case.tls else "http"
        at = f"{case.userinfo}@" if case.userinfo else ""
        self._port, self._other = ports
        attributes = {"host": f"{scheme}://{at}{host}:{self._port}", **case.user}
        if case.tls and not case.user:
            attributes["ssl_context_factory"] = staticmethod(
                lambda: ssl.create_default_context(cafile=authority)
            )
        environment = Environment()
        environment.events.request.add_listener(self._note)  # type: ignore[no-untyped-call]
        self.events: list[dict[str, Any]] = []
        self._user = type("Asker", (LeanHttpUser,), attributes)(environment)

    def close(self) -> None:
        """Close its connections."""
        self._user.client.close()

    def ask(self, ask: Ask) -> dict[str, Any]:
        """Make a request, and what came of it."""
        gevent.sleep(ask.pause_s)
        if ask.computes_s:
            get_original("time", "sleep")(ask.computes_s)
        if ask.client_headers is not None:
            self._user.client.headers = dict(ask.client_headers)
        url = ask.url.replace("{other}", f"http://127.0.0.1:{self._other}")
        url = url.replace("{port}", str(self._port))
        options = {"timeout": _TIMEOUT_S, **ask.options}
        if ask.cut_off_s is not None:
            del options["timeout"]
        seen: dict[str, Any] = {}
        self.events, began = [], time.monotonic()
        try:
            with gevent.Timeout(_HANGS_S), OwnTimeout(ask.cut_off_s):  # type: ignore[no-untyped-call]
                response = self._user.client.request(ask.method, url, **options)
                seen |= _of_response(response, ask)
        except (Exception, gevent.Timeout) as error:
            seen["raised"] = f"{type(error).__name__}: {error}"
        seen["took_s"] = time.monotonic() - began
        return seen | {"events": self.events}

    def _note(self, **event: Any) -> None:
        error = event["exception"]
        self.events.append(
            {
                "method": event["request_type"],
                "name": event["name"],
                "length": event["response_length"],
                "ms": event["response_time"],
                "error": None if error is None else f"{type(error).__name__}: {error}",
                "status": getattr(event["response"], "status_code", None),
            }
        )


def _of_response(response: Any, ask: Ask) -> dict[str, Any]:
    headers = ask.right.headers if isinstance(ask.right, Answer) else {}
    return {
        "status": response.status_code,
        "content": (response.content or b"").decode("latin-1"),
        "text": response.text,
        "reason": response.reason,
        "url": str(response.url),
        "headers": {name: response.headers.get(name) for name in headers},
        "history": [earlier.status_code for earlier in response.history],
    }


def run(case: Case, ports: list[int], authority: Path) -> list[dict[str, Any]]:
    """What was seen of every request of a case."""
    asker = Asker(case, ports, authority)
    try:
        return [asker.ask(ask) for ask in case.asks]
    finally:
        asker.close()


def _descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - its own is among them, both times


def main(folder: Path) -> None:
    """Print what was seen, and how many descriptors were open before and after it."""
    ports: dict[str, list[int]] = json.load(sys.stdin)
    there = [case for case in CASES if case.name in ports]
    seen: dict[str, Any] = {}
    before = 0
    for case in there:
        try:
            seen[case.name] = run(case, ports[case.name], folder / AUTHORITY)
        except Exception as error:  # the others are still to be seen
            seen[case.name] = f"{type(error).__name__}: {error}"
        before = before or _descriptors()  # the first case has opened what stays open
    gevent.sleep(0.1)
    print(json.dumps({"seen": seen, "descriptors": [before, _descriptors()]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
