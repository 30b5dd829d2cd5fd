"""A server of metrics pages for the cases: the page that is asked for depends on a given time.

In a page, `@N` is a whole counter that grows by 100 a second, `@R` one that starts again from 0
every 50, `@T` the time now in ms, `@OLD` ten minutes ago in ms. A line with `@I` is repeated.
`answer.json` beside it says with which status, headers, compression and in which pieces it comes.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Pages:
    """The answers of one case."""

    def __init__(self, case: Path) -> None:
        self._case = case
        answer = case / "answer.json"
        self.settings: dict[str, Any] = json.loads(answer.read_text()) if answer.exists() else {}
        self.elapsed_s = 10.0  # since the service began; set by the test
        self.asked: list[tuple[str, str]] = []  # path and `Accept` of each request

    def answer(self, path: str, accept: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        settings = self.settings
        number = len(self.asked)
        self.asked.append((path, accept))
        plain = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        if path == "/metrics/":  # where a redirect leads to
            return 200, plain, self._body("metrics.txt")
        pages = settings.get("pages", ["metrics.txt"])
        body = self._body(pages[number % len(pages)])
        return settings.get("status", 200), settings.get("headers", plain), body

    def _body(self, name: str) -> bytes:
        repeat = self.settings.get("repeat", 1)
        lines = []
        for line in (self._case / name).read_text(encoding="utf-8").split("\n"):
            times = range(repeat if "@I" in line else 1)
            lines += [line.replace("@I", str(index)) for index in times]
        grown, now = 100 * self.elapsed_s, int(time.time() * 1000)
        text = "\n".join(lines)
        for sign, value in (
            ("@N", int(grown)),
            ("@R", int(grown % 50)),
            ("@T", now),
            ("@OLD", now - 600_000),
        ):
            text = text.replace(sign, str(value))
        if self.settings.get("before_last"):
            text = text.rstrip("\n")
        if self.settings.get("crlf"):
            text = text.replace("\n", "\r\n")
        body = text.encode()
        return gzip.compress(body) if self.settings.get("gzip") else body


@contextmanager
def serving(pages: Pages) -> Iterator[str]:
    """The base URL of a service that answers with these pages."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, headers, body = pages.answer(self.path, self.headers.get("Accept", ""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            size = pages.settings.get("chunk")
            if size is None:
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
                return
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for start in range(0, len(body), size):
                part = body[start : start + size]
                self.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
