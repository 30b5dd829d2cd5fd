"""Requests a second on one core: LeanHttpUser, Locust's own users, a bare one and wrk, interleaved.

Run as `python -m tests.bench.lean_client`. A server that answers from memory has the other core.
Every round lets each client ask for a second, in random order, so that what drifts falls out of a
round. Users that make a request a task pay for Locust's own loop at every request; those that make
a hundred show the client. The bare user (`tests/bench/bare_user.py`) speaks no HTTP and shows what
Locust, gevent and the system leave to a client. Fails only if counts differ: of events, and of the
server's requests.
"""

from __future__ import annotations

import random
import shutil
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median

from lab.analysis.arm_comparison import ratio
from lab.analysis.estimate import Estimate
from lab.machine.cpu_pinning import divide_cores
from tests.bench.http_clients import USERS, Client, LocustUsers, Round, Wrk
from tests.bench.static_server import StaticServer, static_server

ROUNDS, SECONDS = 12, 1.0
MANY = 100  # requests a task
LEAN, FAST, HTTP, BARE = "LeanHttpUser", "FastHttpUser", "HttpUser", "BareUser"
CLIENTS = ((LEAN, MANY), (LEAN, 1), (FAST, MANY), (FAST, 1), (HTTP, MANY), (BARE, MANY), (BARE, 1))
TIMES_FAST, OF_WRK = 6.0, 0.6  # aims


@dataclass(frozen=True)
class Served:
    """A round, and what the server did in it."""

    round: Round
    served: int
    server_cpu_s: float


def take(client: Client, server: StaticServer, seconds: float) -> Served:
    """One round of a client."""
    served, cpu_s = server.requests(), server.cpu_s()
    done = client.run(seconds)
    used_s = server.cpu_s() - cpu_s
    return Served(done, server.requests() - served, used_s)


def miscounts(client: Client, taken: list[Served]) -> list[str]:
    """What does not add up."""
    found = []
    for each in taken:
        more = each.served - each.round.requests
        if not 0 <= more <= (0 if client.exact else USERS):
            found.append(f"{client.name}: {each.round.requests} counted, {each.served} served")
        if each.round.failures:
            found.append(f"{client.name}: {each.round.failures} failures")
    return found


def line(name: str, taken: list[Served]) -> str:
    """The figures of a client."""
    rate = median(_rates(taken))
    cpu_us = median(_costs_s(taken)) * 1e6
    busy = median(each.server_cpu_s / each.round.seconds for each in taken)
    return (
        f"  {name:<34} {rate:>8,.0f} requests a second, {cpu_us:6.1f} µs of processor time each; "
        f"the server used {busy:.0%} of its core"
    )


def compared(
    taken: dict[str, list[Served]], name: str, other: str, aim: float | None = None
) -> str:
    """The ratios of two clients with their 99 % intervals: of rates, and by processor time."""
    rates = ratio(_rates(taken[name]), _rates(taken[other]), tail=0.005)
    costs = ratio(_costs_s(taken[other]), _costs_s(taken[name]), tail=0.005)
    said = ""
    if aim is not None:
        met = "met" if rates.low >= aim else "not met" if rates.high < aim else "not decided"
        said = f"; aim at least {aim:g}: {met}"
    return (
        f"  {name} / {other}, 99 %: {_shown(rates)}{said}; "
        f"requests by processor time {_shown(costs)}"
    )


def _shown(found: Estimate) -> str:
    return f"{found.estimate:.2f} [{found.low:.2f} to {found.high:.2f}]"


def _costs_s(taken: list[Served]) -> list[float]:
    return [each.round.cpu_s / each.round.requests for each in taken]


def _rates(taken: list[Served]) -> list[float]:
    return [each.round.requests / each.round.seconds for each in taken]


def rounds(
    clients: list[Client], server: StaticServer, count: int, seconds: float
) -> dict[str, list[Served]]:
    """What each client did, by its name; lists pair up by round."""
    taken: dict[str, list[Served]] = {client.name: [] for client in clients}
    for client in clients:
        take(client, server, seconds / 2)  # warm
    for _ in range(count):
        for client in random.sample(clients, len(clients)):
            taken[client.name].append(take(client, server, seconds))
    return taken


def main(count: int = ROUNDS, seconds: float = SECONDS) -> int:
    """Print rates and ratios; 1 if counts differ."""
    cores = divide_cores()
    with static_server(cores.target) as server, ExitStack() as ending:
        clients: list[Client] = [
            LocustUsers(name, requests, server.url, cores.driver) for name, requests in CLIENTS
        ]
        if shutil.which("wrk"):
            clients.append(Wrk(f"{server.url}/", cores.driver))
        for client in clients:
            ending.callback(client.end)
        taken = rounds(clients, server, count, seconds)
        print(f"  server: {server.name}; {count} rounds of {seconds:g} s, {USERS} users")
    for name, found in taken.items():
        print(line(name, found))
    lean, lean_task, fast, fast_task, http, bare, bare_task, *wrk = (each.name for each in clients)
    print(compared(taken, lean, fast, TIMES_FAST))
    print(compared(taken, lean_task, fast_task, TIMES_FAST))
    print(compared(taken, lean, http))
    print(compared(taken, lean, bare))
    print(compared(taken, lean_task, bare_task))
    for name in wrk:
        for each in (lean, lean_task):
            print(compared(taken, each, name, OF_WRK))
        for each in (bare, bare_task):
            print(compared(taken, each, name))
    if not wrk:
        print("  wrk is not installed: not compared with it")
    wrong = [flaw for client in clients for flaw in miscounts(client, taken[client.name])]
    print("\n".join(f"  WRONG COUNT: {flaw}" for flaw in wrong) or "  all counts are the server's")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
