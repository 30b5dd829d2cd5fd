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
from statistics import median
from typing import Any

# Locust first: it patches sockets and threads
import gevent
import locust
from locust import FastHttpUser, constant, task
from locust.env import Environment

from lab.analysis.comparison import ratio
from lab.driver import block
from lab.processes import divide_cores

PAIRS = 80  # short ones: what drifts within a second or more falls out of a pair
USERS = 50
WARMUP_S, WINDOW_S = 0.2, 0.5
LIMIT = 0.97

Rates = tuple[float, float]  # requests a second, and a second of the driver's CPU time

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


def plain(host: str) -> Rates:
    """Locust as it comes."""
    environment = Environment(user_classes=[Reader], host=host, stop_timeout=5)
    runner = environment.create_local_runner()
    spawned = gevent.event.Event()
    environment.events.spawning_complete.add_listener(lambda **_: spawned.set())
    runner.start(USERS, spawn_rate=USERS)
    spawned.wait()
    gevent.sleep(WARMUP_S)
    stats = environment.stats.total
    began, cpu, before = time.monotonic(), time.process_time(), stats.num_requests
    gevent.sleep(WINDOW_S)
    count = stats.num_requests - before
    took, used = time.monotonic() - began, time.process_time() - cpu
    runner.quit()
    return count / took, count / used


def recorded(host: str) -> Rates:
    """The lab's driver, recording."""
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
    (frame,) = [message for message in messages if message.get("window")]
    count = frame["requests"]["/"]["count"]
    return count / WINDOW_S, count / (frame["driver_cpu"] * WINDOW_S)


def main() -> int:
    """Print the ratio with its 99 % interval."""
    cores = divide_cores()
    server = subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE)
    try:
        assert server.stdout is not None
        host = f"http://127.0.0.1:{int(server.stdout.readline())}"
        os.sched_setaffinity(server.pid, cores.target)
        os.sched_setaffinity(0, cores.driver)
        rates: dict[str, list[Rates]] = {"plain": [], "recorded": []}
        drive = {"plain": plain, "recorded": recorded}
        coin = random.Random()  # of its own: every block seeds the common one
        for _ in range(PAIRS):
            for name in coin.sample(list(drive), 2):
                rates[name].append(drive[name](host))
    finally:
        server.kill()
        server.communicate()
    print(f"  {PAIRS} pairs of blocks, Locust {locust.__version__}")
    for index, unit in enumerate(("second", "CPU second of the driver")):
        values = {name: [rate[index] for rate in column] for name, column in rates.items()}
        found = ratio(values["recorded"], values["plain"], tail=0.005)
        told = "within 3 %" if found.low >= LIMIT else "not shown to be within 3 %"
        print(
            f"  requests a {unit}: plain {median(values['plain']):.0f}, recorded "
            f"{median(values['recorded']):.0f}; recorded / plain {found.estimate:.3f} "
            f"[{found.low:.3f} to {found.high:.3f}], 99 %: {told}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
