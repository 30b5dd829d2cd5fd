"""What recording costs: the lab's driver against plain Locust, both saturated, interleaved.

Run as `python -m tests.bench.recording`. A static server that answers from memory has a core of its
own, the driver's process another. The same users run all the time; in slices of a twentieth of a
second their requests go to Locust's stock statistics, or to the lab's recorders with a ticker,
summaries and the watch for requests that are given up. Slices come in pairs of random order, so
that what drifts falls out of a pair; ten pairs are one observation, since a slice may be empty.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from statistics import median
from typing import Any

# Locust first: it patches sockets and threads
import gevent
import locust
from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.event import EventHook

from lab.analysis.arm_comparison import ratio
from lab.driver.abandoned_requests import watch_requests
from lab.driver.host_recorder import HostRecorder
from lab.driver.lateness_ticker import LatenessTicker
from lab.driver.request_recorder import RequestRecorder
from lab.driver.scenario_faults import ScenarioFaults
from lab.driver_messages import Frame, encode
from lab.machine.cpu_pinning import divide_cores

GROUPS, PAIRS = 100, 10
USERS = 50
WARMUP_S, SLICE_S = 1.0, 0.05
LIMIT = 0.97

SERVER = """
import asyncio, sys, uvloop

ANSWER = b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nContent-Type: text/plain\\r\\n\\r\\nok"

class Static(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport
    def data_received(self, data):
        self.transport.write(ANSWER * data.count(b"\\r\\n\\r\\n"))

async def main():
    server = await asyncio.get_running_loop().create_server(Static, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

uvloop.run(main())
"""


class Reader(FastHttpUser):
    """Asks as fast as it is answered."""

    wait_time = constant(0)

    @task
    def read(self) -> None:
        """One request."""
        self.client.get("/")


class Plain:
    """Locust's stock statistics."""

    def __init__(self, environment: Environment) -> None:
        self.event = environment.events.request
        self._total = environment.stats.total
        self._before = 0

    def begin(self) -> None:
        """Count from now on."""
        self._before = self._total.num_requests

    def end(self) -> int:
        """The number of requests."""
        return int(self._total.num_requests - self._before)


class Recorded:
    """The lab's recorders, its ticker and its watch over the client."""

    def __init__(self, runner: Any, host: str) -> None:
        self._stock = FastHttpSession.request
        watch_requests(runner, ScenarioFaults())
        self._watched = FastHttpSession.request
        self._client(self._stock)
        self._recorder = RequestRecorder(HostRecorder(host))
        self.event = EventHook()  # type: ignore[no-untyped-call]
        self.event.add_listener(self._recorder.on_request)  # type: ignore[no-untyped-call]

    def begin(self) -> None:
        """Record from now on."""
        self._client(self._watched)
        self._ticker = LatenessTicker()

    def end(self) -> int:
        """The number of requests; they are summarized and encoded as in a frame."""
        self._client(self._stock)
        self._ticker.close()
        recorded = self._recorder.take(time.monotonic())
        lateness = self._ticker.take()
        encode(
            Frame(t=0.0, in_window=True, users=USERS, ticker_lateness=lateness, **vars(recorded))
        )
        return sum(seen.count for seen in recorded.requests.values())

    def _client(self, request: Any) -> None:
        FastHttpSession.request = request  # type: ignore[method-assign]


def slices(host: str) -> dict[str, list[float]]:
    """Requests a second of every ten slices, by who counted them; the lists pair up."""
    environment = Environment(user_classes=[Reader], host=host, stop_timeout=5)
    runner = environment.create_local_runner()
    runner.start(USERS, spawn_rate=USERS)
    gevent.sleep(WARMUP_S)
    users = [greenlet.args[0] for greenlet in runner.user_greenlets]
    recorded = Recorded(runner, host)
    counters: dict[str, Plain | Recorded] = {"plain": Plain(environment), "recorded": recorded}
    rates: dict[str, list[float]] = {name: [] for name in counters}
    for _ in range(GROUPS):
        counts, seconds = dict.fromkeys(counters, 0), dict.fromkeys(counters, 0.0)
        for _ in range(PAIRS):
            for name in random.sample(list(counters), 2):
                began = time.monotonic()
                for user in users:
                    user.client.request_event = counters[name].event
                counters[name].begin()
                gevent.sleep(SLICE_S)
                counts[name] += counters[name].end()
                seconds[name] += time.monotonic() - began
        for name in counters:
            rates[name].append(counts[name] / seconds[name])
    runner.quit()
    return rates


def main() -> int:
    """Print the ratio with its 99 % interval."""
    cores = divide_cores()
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        host = f"http://127.0.0.1:{int(server.stdout.readline())}"
        os.sched_setaffinity(server.pid, cores.target)
        os.sched_setaffinity(0, cores.driver)
        rates = slices(host)
    finally:
        server.kill()
        server.communicate()
    found = ratio(rates["recorded"], rates["plain"], tail=0.005)
    conclusion = "within 3 %" if found.low >= LIMIT else "not shown to be within 3 %"
    print(
        f"  {GROUPS} times {PAIRS} pairs of slices, Locust {locust.__version__}: "
        f"plain {median(rates['plain']):.0f}, recorded {median(rates['recorded']):.0f} "
        f"requests a second; recorded / plain {found.estimate:.3f} "
        f"[{found.low:.3f} to {found.high:.3f}], 99 %: {conclusion}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
