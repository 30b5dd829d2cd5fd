"""Examinations of the machine, each a figure with what is wanted."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lab.cpu_pinning import divide_cores
from lab.gates.definitions import MAX_OTHER_CPU, MAX_STEAL, MAX_TICKER_LATE_S
from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.process_sampler import ProcessSampler, background_over, timer_lateness

_WATCH_S = 3.0


@dataclass(frozen=True)
class CheckResult:
    """One examination's outcome."""

    what: str
    found: str
    wanted: str
    good: bool


def cores() -> CheckResult:
    """How many cores this process may use."""
    count = len(os.sched_getaffinity(0))
    return CheckResult(
        "cores", str(count), "2 or more: the driver apart from the service", count >= 2
    )


def pinning() -> CheckResult:
    """Whether processes can be kept on cores."""
    before = os.sched_getaffinity(0)
    wanted = set(divide_cores().driver)
    try:
        os.sched_setaffinity(0, wanted)
        good = os.sched_getaffinity(0) == wanted
    except OSError:
        good = False
    finally:
        os.sched_setaffinity(0, before)
    return CheckResult("pinning", "works" if good else "refused", "works", good)


def jitter() -> CheckResult:
    """Lateness of a 10 ms timer, which is what the driver's gate will see at least."""
    p99 = timer_lateness(_WATCH_S)
    return CheckResult(
        "timer and scheduling jitter, p99",
        f"{p99 * 1000:.2f} ms",
        f"below {MAX_TICKER_LATE_S * 1000:g} ms",
        p99 < MAX_TICKER_LATE_S,
    )


def steal() -> CheckResult:
    """The hypervisor's share of all cores."""
    share = _background().steal
    return CheckResult("steal", f"{share:.1%}", f"at most {MAX_STEAL:.0%}", share <= MAX_STEAL)


def other_load() -> CheckResult:
    """Cores that other processes use while this one sleeps."""
    used = _background().other_cpu
    return CheckResult(
        "other load", f"{used:.2f} cores", f"at most {MAX_OTHER_CPU:g}", used <= MAX_OTHER_CPU
    )


@cache
def _background() -> BackgroundLoad:
    """Both from one watch of the machine."""
    watch = ProcessSampler({})
    watch.sample()
    time.sleep(_WATCH_S)
    watch.sample()
    return background_over(watch.samples)


def loopback() -> CheckResult:
    """Round trip of a small message over loopback, median."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        one = socket.create_connection(server.getsockname())
        other, _ = server.accept()
        took = []
        with one, other:
            for side in (one, other):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(500):
                began = time.perf_counter()
                one.sendall(b"x")
                other.recv(1)
                other.sendall(b"x")
                one.recv(1)
                took.append(time.perf_counter() - began)
    median = sorted(took)[len(took) // 2]
    return CheckResult(
        "loopback round trip, median", f"{median * 1e6:.0f} us", "below 1000 us", median < 1e-3
    )


CHECKS: tuple[Callable[[], CheckResult], ...] = (
    cores,
    pinning,
    jitter,
    loopback,
    steal,
    other_load,
)
