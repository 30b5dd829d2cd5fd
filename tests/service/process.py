"""The service as a process of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from tests.runs import ROOT
from tests.service.sockets import DEADLINE_S


@dataclass
class ServiceProcess:
    """A running ``python -m service``."""

    url: str
    popen: subprocess.Popen[bytes]


@contextmanager
def service_process(**settings: str) -> Iterator[ServiceProcess]:
    """A service with these settings; it is stopped at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        popen = subprocess.Popen(
            [sys.executable, "-m", "service", "--fd", str(listening.fileno())],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **settings},
            pass_fds=[listening.fileno()],
            stderr=subprocess.DEVNULL,
        )
    try:
        _wait_until_it_answers(url, popen)
        yield ServiceProcess(url, popen)
    finally:
        popen.terminate()
        popen.wait(DEADLINE_S)


def _wait_until_it_answers(url: str, popen: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while popen.poll() is None and time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/health")
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"the service did not start: exit code {popen.returncode}")
