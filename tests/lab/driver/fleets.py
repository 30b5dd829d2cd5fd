"""Loads that workers share, in a project folder of the test."""

from __future__ import annotations

import hashlib
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab.driver_messages import Closed, FormFleet, Frame, LoadSpec, Opened, RunTrial, TrialMessage
from lab.instruments.locust_driver_process import LoadDriver
from lab.processes.child_processes import Children
from tests.lab.driver.scenarios import HEAD

TOKEN = "a-token-of-the-tests"


class Fleets:
    """Starts drivers with workers; the project is a folder of the test."""

    def __init__(self, children: Children, project: Path) -> None:
        self._children, self.project = children, project
        self.notices: list[str] = []

    def write(self, source: str) -> Path:
        """Write the scenario."""
        path = self.project / "scenario.py"
        path.write_text(HEAD + source)
        return path

    def start(
        self,
        local: int,
        remote: int = 0,
        port: int = 0,
        host: str = "127.0.0.1",
        allowed: Sequence[str] = (),
    ) -> LoadDriver:
        """A driver that has not loaded the scenario yet."""
        fleet = FormFleet(local, remote, host, port, TOKEN)
        return LoadDriver(
            self._children,
            self.project,
            None,
            self.notices.append,
            limit_factor=0.2,
            allowed=allowed,
            fleet=fleet,
        )

    def load(self, source: str, local: int, *, open_load: bool = False) -> LoadDriver:
        """A driver that has loaded the scenario, with workers of this machine."""
        path = self.write(source)
        driver = self.start(local)
        driver.load(path, open_load, self.digests())
        return driver

    def digests(self) -> Mapping[str, str]:
        """Of the scenario, as it is now."""
        data = (self.project / "scenario.py").read_bytes()
        return {"scenario.py": f"sha256:{hashlib.sha256(data).hexdigest()}"}


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def remote_worker(
    project: Path,
    port: int,
    token: str = TOKEN,
    host: str = "127.0.0.1",
    prefix: Sequence[str] = (),
) -> Iterator[subprocess.Popen[str]]:
    """A worker that the driver has not started, as one of another machine."""
    process = subprocess.Popen(
        [*prefix, sys.executable, "-m", "lab.driver.worker", host, str(port)],
        cwd=project,
        env={**os.environ, "LAB_WORKER_TOKEN": token, "LAB_ALLOWED_HOSTS": host},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def shared(
    driver: LoadDriver, url: str, load: LoadSpec, warmup_s: float = 0.5, window_s: float = 1.5
) -> list[TrialMessage]:
    """The messages of one trial."""
    return list(driver.drive(RunTrial(url, load, warmup_s, window_s, "seed")))


def opened_of(messages: Iterable[TrialMessage]) -> Opened:
    """The message that says when the load began."""
    [found] = [each for each in messages if isinstance(each, Opened)]
    return found


def frames_of(messages: Iterable[TrialMessage]) -> list[Frame]:
    """All frames."""
    return [each for each in messages if isinstance(each, Frame)]


def fault_of(closed: Closed) -> str:
    """Why the trial is void on account of a worker, which it names."""
    [found] = [end for end in closed.worker_ends if end.fault is not None]
    return f"{found.name} ({found.place}) {found.fault}"


def pid_in(text: str) -> int:
    """The process that a text names."""
    found = re.search(r"process (\d+)", text)
    assert found is not None, text
    return int(found[1])


def ended(frames: Iterable[Frame]) -> int:
    """Requests that these frames report."""
    return sum(request.count for frame in frames for request in frame.requests.values())


def noted(driver_project: Path) -> list[Any]:
    """What scenarios have noted, in order."""
    file = driver_project / "noted"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
