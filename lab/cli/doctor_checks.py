"""The checks of `lab doctor`: what is found on this machine, and what is wanted."""

from __future__ import annotations

import contextlib
import os
import socket
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from lab.decision_margins import GateLimits
from lab.instruments.background_load import background_over
from lab.instruments.instrument_interfaces import BackgroundLoad
from lab.instruments.process_sampler import ProcessSampler, timer_lateness
from lab.machine.core_choice import FOR_A_LOAD, choose_cores
from lab.machine.cpu_pinning import divide_cores

_LIMITS = GateLimits()  # of a run that is planned now
_SAMPLED_S = 3.0
_ROUND_TRIPS = 500
_MAX_ROUND_TRIP_S = 1e-3


@dataclass(frozen=True)
class CheckResult:
    """What one check found."""

    what: str
    found: str
    wanted: str
    passed: bool


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
        works = os.sched_getaffinity(0) == wanted
    except OSError:
        works = False
    finally:
        os.sched_setaffinity(0, before)
    return CheckResult("pinning", "works" if works else "refused", "works", works)


def jitter() -> CheckResult:
    """Lateness of a 10 ms timer: the ticker of a load driver is at least as late."""
    p99 = timer_lateness(_SAMPLED_S)
    return CheckResult(
        "timer and scheduling jitter, p99",
        f"{p99 * 1000:.2f} ms",
        f"below {_LIMITS.max_ticker_late_s * 1000:g} ms",
        p99 < _LIMITS.max_ticker_late_s,
    )


def steal() -> CheckResult:
    """The share of processor time that the hypervisor gave to other machines."""
    share = _background().steal
    return CheckResult(
        "steal", f"{share:.1%}", f"at most {_LIMITS.max_steal:.0%}", share <= _LIMITS.max_steal
    )


def other_load() -> CheckResult:
    """Cores that other processes use while this one sleeps, of those that a run would get."""
    used = _background().other_cpu
    return CheckResult(
        "other load",
        f"{used:.2f} cores",
        f"at most {_LIMITS.max_other_cpu:g}",
        used <= _LIMITS.max_other_cpu,
    )


@cache
def _background() -> BackgroundLoad:
    """Steal and other load on the cores that a load test would get, measured once for both."""
    cores = choose_cores(FOR_A_LOAD).cores
    before = os.sched_getaffinity(0)
    with contextlib.suppress(OSError):  # or else all cores count
        os.sched_setaffinity(0, cores.driver)
    try:
        sampler = ProcessSampler({}, cores.all)
        sampler.sample()
        time.sleep(_SAMPLED_S)
        sampler.sample()
    finally:
        os.sched_setaffinity(0, before)
    return background_over(sampler.samples)


def loopback() -> CheckResult:
    """Median round trip of one byte over loopback, by TCP."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        served, _ = server.accept()
        with client, served:
            for side in (client, served):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            times = [_round_trip_s(client, served) for _ in range(_ROUND_TRIPS)]
    median = statistics.median(times)
    return CheckResult(
        "loopback round trip, median",
        f"{median * 1e6:.0f} us",
        f"below {_MAX_ROUND_TRIP_S * 1e6:.0f} us",
        median < _MAX_ROUND_TRIP_S,
    )


def _round_trip_s(client: socket.socket, served: socket.socket) -> float:
    began = time.perf_counter()
    client.sendall(b"x")
    served.recv(1)
    served.sendall(b"x")
    client.recv(1)
    return time.perf_counter() - began


CHECKS: tuple[Callable[[], CheckResult], ...] = (
    cores,
    pinning,
    jitter,
    loopback,
    steal,
    other_load,
)
