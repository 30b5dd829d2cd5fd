"""Starts the real servers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from tests.conformance.real import nginx
from tests.runs import ROOT

KINDS = ("uvicorn", "gunicorn", "node", "nginx")
_APPLICATION = "tests.conformance.real.application"
_STARTS_WITHIN_S = 20.0


def missing(kind: str) -> str | None:
    """Why a server cannot be started here; None if it can."""
    there = {
        "uvicorn": find_spec("uvicorn"),
        "gunicorn": find_spec("gunicorn"),
        "node": shutil.which("node"),
        "nginx": nginx.find_nginx(),
    }
    return None if there[kind] else f"{kind} is not installed"


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[str]:
    """The address of a server of that kind, which answers what the generated requests ask."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = int(listening.getsockname()[1])
        descriptors: tuple[int, ...] = (listening.fileno(),)
        if kind == "nginx":  # it takes no socket from its parent
            listening.close()
            descriptors = ()
        command = _command(kind, folder, port, descriptors)
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                pass_fds=descriptors,
            )
    try:
        _wait(process, port, folder)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _command(kind: str, folder: Path, port: int, descriptors: tuple[int, ...]) -> list[str]:
    python = sys.executable
    match kind:
        case "uvicorn":
            socket_of = ("--fd", str(descriptors[0]))
            return [python, "-m", "uvicorn", f"{_APPLICATION}:asgi", *socket_of, "--no-access-log"]
        case "gunicorn":
            workers = ("--worker-class", "gthread", "--threads", "4", "--keep-alive", "30")
            bound = ("--bind", f"fd://{descriptors[0]}")
            return [python, "-m", "gunicorn", *bound, *workers, f"{_APPLICATION}:wsgi"]
        case "node":
            script = Path(__file__).with_name("application.js")
            return ["node", str(script), str(descriptors[0])]
    return nginx.command(folder, port)


def _wait(process: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    """Until it answers."""
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as asked:
                asked.sendall(b"GET /status/200 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if asked.recv(12) == b"HTTP/1.1 200":
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(f"it does not answer: {(folder / 'log').read_text()[-2000:]}")
