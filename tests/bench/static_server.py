"""A server of a few bytes from memory that counts its requests: nginx, or one of uvloop.

As a program, `python -m tests.bench.static_server FD`, it is the latter.
"""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from lab.machine.cpu_pinning import pin_family
from tests.conformance.real.nginx import configured, find_nginx
from tests.runs import ROOT

_STARTS_WITHIN_S = 20.0
_NGINX_COUNT = re.compile(r"requests\s+\d+ \d+ (\d+)")
_NGINX = {
    "server": 'location = / { return 200 "ok"; }\n    location = /count { stub_status; }',
    "listen": "backlog=4096",
}


class StaticServer:
    """A server under way.

    Attributes:
        name: Which program it is.
        url: Its address; `/` answers `ok`.
    """

    def __init__(self, name: str, url: str, process: psutil.Process) -> None:
        self.name, self.url, self._process = name, url, process
        self._asked = 0  # requests for the count itself

    def requests(self) -> int:
        """Requests so far by its own count, without those for the count."""
        with urllib.request.urlopen(f"{self.url}/count", timeout=10) as answer:
            text = answer.read().decode()
        self._asked += 1
        found = _NGINX_COUNT.search(text)
        return int(found[1] if found else text) - self._asked

    def cpu_s(self) -> float:
        """Its processor time so far, seconds."""
        family = [self._process, *self._process.children(recursive=True)]
        times = [process.cpu_times() for process in family]
        return float(sum(each.user + each.system for each in times))


@contextmanager
def static_server(cores: Iterable[int]) -> Iterator[StaticServer]:
    """The fastest server that there is, on these cores."""
    with tempfile.TemporaryDirectory() as folder:
        process, name, port = _start(Path(folder))
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(f"{url}/", process)
            pin_family(process.pid, cores)
            yield StaticServer(name, url, psutil.Process(process.pid))
        finally:
            process.terminate()
            process.wait(10)


def _start(folder: Path) -> tuple[subprocess.Popen[bytes], str, int]:
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as listening:
        port = int(listening.getsockname()[1])
        if find_nginx() is None:
            command = [sys.executable, "-m", "tests.bench.static_server", str(listening.fileno())]
            process = subprocess.Popen(command, cwd=ROOT, pass_fds=(listening.fileno(),))
            return process, "a server of uvloop's (nginx is not installed)", port
    program = configured(folder, port, **_NGINX)
    version = subprocess.run([program[0], "-v"], capture_output=True, text=True).stderr
    return subprocess.Popen(program), version.strip().rpartition(" ")[2], port


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.read() == b"ok"
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


class _Static(asyncio.Protocol):
    """Answers whatever is asked, and counts."""

    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"
    served = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        requests = data.count(b"\r\n\r\n")
        _Static.served += requests
        if data.startswith(b"GET /count "):
            count = str(_Static.served).encode()
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(count)
            self._transport.write(head + count)
        else:
            self._transport.write(_Static.answer * requests)


async def _serve(descriptor: int) -> None:
    listening = socket.socket(fileno=descriptor)
    server = await asyncio.get_running_loop().create_server(_Static, sock=listening)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1])))
