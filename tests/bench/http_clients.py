"""Clients that ask a server as fast as it answers, in rounds.

As a program, `python -m tests.bench.http_clients CLASS REQUESTS URL`, it is users of a class of
Locust's or the lab's, whose tasks make so many requests each. For every line of standard input, a
number of seconds, it makes users, lets them run so long, and prints what they did.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from lab.machine.cpu_pinning import pin
from tests.runs import ROOT

USERS = 50


@dataclass(frozen=True)
class Round:
    """What a client did in a round; all of its requests were answered."""

    requests: int  # reported: events of Locust's
    failures: int
    seconds: float
    cpu_s: float  # of its process


class Client(Protocol):
    """Something that loads."""

    name: str
    exact: bool  # whether all requests that it sends are in its count

    def run(self, seconds: float) -> Round:
        """Ask as fast as the server answers."""

    def end(self) -> None:
        """End."""


class LocustUsers:
    """Users of Locust in a process of their own, on these cores."""

    exact = True

    def __init__(self, user_class: str, requests: int, url: str, cores: Iterable[int]) -> None:
        self.name = (
            f"{user_class}, {'a request' if requests == 1 else f'{requests} requests'} a task"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.http_clients", user_class, str(requests), url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        pin(self._process.pid, cores)

    def run(self, seconds: float) -> Round:
        """One round."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return Round(**json.loads(self._process.stdout.readline()))

    def end(self) -> None:
        """Let the process end."""
        self._process.communicate()


class Wrk:
    """wrk with one thread; it drops what is under way at the end of a round."""

    name = "wrk"
    exact = False

    def __init__(self, url: str, cores: Iterable[int]) -> None:
        self._url, self._cores = url, set(cores)

    def run(self, seconds: float) -> Round:
        """One round, of whole seconds."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        cores = self._cores
        done = subprocess.run(
            ["wrk", "-t1", f"-c{USERS}", f"-d{max(1, round(seconds))}s", self._url],
            preexec_fn=lambda: os.sched_setaffinity(0, cores),
            capture_output=True,
            text=True,
            check=True,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = re.search(r"(\d+) requests in ([\d.]+)(ms|s)", done.stdout)
        assert found, done.stdout
        lasted = float(found[2]) / (1000 if found[3] == "ms" else 1)
        cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        failures = len(re.findall("Non-2xx|Socket errors", done.stdout))
        return Round(int(found[1]), failures, lasted, cpu_s)

    def end(self) -> None:
        """Nothing is left."""


def _rounds(user_class: str, requests: int, url: str) -> None:
    """Carry out rounds until standard input ends."""
    import gevent.pool
    import locust
    from locust.env import Environment
    from locust.exception import StopUser

    from lab.driver.client import LeanHttpUser
    from tests.bench.bare_user import BareUser

    bases = {"LeanHttpUser": LeanHttpUser, "BareUser": BareUser}
    base: Any = bases.get(user_class) or getattr(locust, user_class)
    deadline = 0.0

    class Reader(base):  # type: ignore[misc]
        """Asks as fast as it is answered."""

        host = url
        wait_time = locust.constant(0)

        @locust.task
        def read(self) -> None:
            """So many requests, as long as there is time."""
            get = self.client.get
            for _ in range(requests):
                if time.monotonic() >= deadline:
                    raise StopUser
                get("/")

    environment = Environment(user_classes=[Reader], host=url)
    count = failed = 0

    def note(exception: object = None, **_: object) -> None:
        nonlocal count, failed
        count += 1
        failed += exception is not None

    environment.events.request.add_listener(note)  # type: ignore[no-untyped-call]
    for line in sys.stdin:
        count = failed = 0
        users = [Reader(environment) for _ in range(USERS)]
        group = gevent.pool.Group()
        began, cpu = time.monotonic(), time.process_time()
        deadline = began + float(line)
        for user in users:
            user.start(group)
        group.join()
        lasted, used = time.monotonic() - began, time.process_time() - cpu
        print(json.dumps(vars(Round(count, failed, lasted, used))), flush=True)


if __name__ == "__main__":
    _rounds(sys.argv[1], int(sys.argv[2]), sys.argv[3])
