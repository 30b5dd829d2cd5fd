"""What recording costs: the lab's driver against plain Locust, both saturated, interleaved.

Run as `python -m tests.bench.recording`. A static server that answers from memory has a core of its
own; the driver's process has another. Blocks of plain Locust (its stock statistics on) and of the
lab's driver (its own recording) alternate within one process, in random order within each pair.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from typing import Any

# Locust first: it patches sockets and threads
import gevent
import locust
from locust import FastHttpUser, constant, task
from locust.env import Environment

from lab.analysis.comparison import ratio
from lab.driver import block
from lab.processes import divide_cores

PAIRS = 16
USERS = 50
WARMUP_S, WINDOW_S = 0.5, 2.0
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


def plain(host: str) -> float:
    """Requests a second of Locust as it comes."""
    environment = Environment(user_classes=[Reader], host=host, stop_timeout=5)
    runner = environment.create_local_runner()
    spawned = gevent.event.Event()
    environment.events.spawning_complete.add_listener(lambda **_: spawned.set())
    runner.start(USERS, spawn_rate=USERS)
    spawned.wait()
    gevent.sleep(WARMUP_S)
    began, before = time.monotonic(), environment.stats.total.num_requests
    gevent.sleep(WINDOW_S)
    count, took = environment.stats.total.num_requests - before, time.monotonic() - began
    runner.quit()
    return float(count / took)


def recorded(host: str) -> float:
    """Requests a second of the lab's driver, recording."""
    messages: list[dict[str, Any]] = []
    block.run(
        [Reader],
        host=host,
        users=USERS,
        warmup_s=WARMUP_S,
        window_s=WINDOW_S,
        seed="bench",
        send=messages.append,
    )
    frames = [message for message in messages if message.get("window")]
    return float(sum(f["requests"]["/"]["count"] for f in frames) / WINDOW_S)


def main() -> int:
    """Print the ratio with its 99 % interval."""
    cores = divide_cores()
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        host = f"http://127.0.0.1:{int(server.stdout.readline())}"
        os.sched_setaffinity(server.pid, cores.target)
        os.sched_setaffinity(0, cores.driver)
        rates: dict[str, list[float]] = {"plain": [], "recorded": []}
        drive = {"plain": plain, "recorded": recorded}
        for _ in range(PAIRS):
            for name in random.sample(list(drive), 2):
                rates[name].append(drive[name](host))
    finally:
        server.kill()
        server.communicate()
    found = ratio(rates["recorded"], rates["plain"], tail=0.005)
    for name, values in rates.items():
        middle = sorted(values)[len(values) // 2]
        print(f"  {name:<9} {middle:8.0f} requests/s (median of {len(values)} blocks)")
    verdict = "within" if found.low >= LIMIT else "NOT SHOWN to be within"
    print(
        f"  recorded / plain: {found.estimate:.3f} [{found.low:.3f} to {found.high:.3f}], 99 %: "
        f"{verdict} 3 % (Locust {locust.__version__})"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
