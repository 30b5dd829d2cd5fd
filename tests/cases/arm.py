"""A small arm for scenarios: it waits, fails and streams as a request asks, and counts."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit


class Arm(ThreadingHTTPServer):
    """What a request asks for.

    `?ms=` waits, `/odd?n=` fails every nth time, `/status?code=` and `/429` answer with that
    status, `/stream?parts=&ms=` answers line by line, anything else with the same JSON.
    """

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.served: Counter[str] = Counter()  # requests by path
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has hung up is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Arm

    def do_GET(self) -> None:
        """Any method."""
        url = urlsplit(self.path)
        asked = {key: int(value) for key, value in parse_qsl(url.query) if value.isdigit()}
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.server.lock:
            self.server.served[url.path] += 1
            number = self.server.served[url.path]
        pause_s = asked.get("ms", 0) / 1000
        if url.path == "/stream":
            body = [f"word {part}\n".encode() for part in range(asked["parts"])]
        else:
            time.sleep(pause_s)
            pause_s = 0.0
            body = [json.dumps({"path": url.path, "took_ms": 5, "skus": ["a", "b", "c"]}).encode()]
        self.send_response(self._status(url.path, asked, number))
        self.send_header("Content-Length", str(sum(map(len, body))))
        self.end_headers()
        for part in body:
            time.sleep(pause_s)
            self.wfile.write(part)

    def _status(self, path: str, asked: dict[str, int], number: int) -> int:
        if path == "/odd":
            return 200 if number % asked["n"] else 500
        return {"/429": 429}.get(path, asked.get("code", 200))

    do_POST = do_PUT = do_DELETE = do_GET

    def handle(self) -> None:
        """As the base; a client may be ended in the middle of a request."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing."""


@contextmanager
def serving() -> Iterator[Arm]:
    """An arm on loopback."""
    with Arm() as arm:
        thread = threading.Thread(target=arm.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield arm
        finally:
            arm.shutdown()
            thread.join()
