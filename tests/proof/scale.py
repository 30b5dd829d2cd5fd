"""What a load driver can send: measured on one core and with workers, computed beyond."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from lab.driver_messages import Frame
from lab.hypothesis import MAX_WORKERS
from tests.proof.message_volume import FRAME_RATE, frame_bytes, merge_costs
from tests.proof.record import Steps, at_most, publish
from tests.worker_bench import Seen, closed_trial, worker_bench, worker_pids

CLIENTS = ("FastHttpUser", "LeanHttpUser")
PROCESSES = (1, 2, 4)
USERS, WINDOW_S = 40, 4.0
RATE_RUNS = 5
FLEETS = (1, 8, 64, 256)
BEYOND = {
    "one core (measured)": 1,
    "one machine of 8 cores, 6 of which send": 6,
    "ten such machines": 60,
    "a hundred machines with 2 workers each": 200,
    "the most that the lab accepts": MAX_WORKERS,
}
IDLE_USERS, IDLE_PAUSE_S = (500, 2500), 20.0
MANY, MANY_WORKERS = 100_000, 8
TRIED = 18_000  # connections to one server, whose process may have 20,000 descriptors


def prove() -> bool:
    """Rates, message volume, cost of merging, and memory per user; what they mean for more."""
    steps = Steps("scale")
    lines: list[str] = []
    rates = _rates(steps, lines)
    frame = _messages(steps, lines)
    _beyond(steps, lines, rates, frame)
    memory = _memory(steps, lines)
    many = steps.do(f"{TRIED:,} users in {MANY_WORKERS} workers", tried)
    each = memory[clients()[-1]]
    needed_gb = many["memory_gb"] + (MANY - TRIED) * each / 1e9
    lines += [
        "",
        f"**{TRIED:,} users in {MANY_WORKERS} workers** of this machine, who send a request every "
        f"{IDLE_PAUSE_S:g} s: {many['users']:,} ran, {many['requests']:,} requests by the lab, "
        f"{many['served']:,} by the server; {many['memory_gb']:.2f} GB in all processes of the "
        f"driver. {MANY:,} users in as many workers would take {needed_gb:.1f} GB, at the measured "
        f"memory per user, of the {many['available_gb']:.1f} GB that were available.",
    ]
    publish("scale", "What a load driver can send", lines, steps)
    return (
        many["users"] == TRIED
        and many["requests"] == many["served"]
        and min(rates.values()) > 0
        and frame > 0
    )


# -- requests a second -----------------------------------------------------------------------


def clients() -> tuple[str, ...]:
    """Those that this version of the lab has."""
    has_lean = importlib.util.find_spec("lab.driver.client") is not None
    return CLIENTS if has_lean else CLIENTS[:1]


def _rates(steps: Steps, lines: list[str]) -> dict[str, float]:
    runs = range(1, at_most(RATE_RUNS) + 1)
    lines += [
        f"**Requests a second** of a closed load of {USERS} users who do not pause, over "
        f"{WINDOW_S:g} s, to a server that answers at once on the other core. All processes of the "
        "driver share one core, so that more of them cannot send more here: what several cost "
        "beyond one is what sharing costs. *Of a whole core* is the number of requests for each "
        "second of processor time of all processes of the driver, *a second* what came about. "
        "Highest over the runs, which is that of the least disturbed one, and lowest.",
        "",
        "| client | processes | requests of a whole core | a second | requests | by the server |",
        "| --- " * 6 + "|",
    ]
    best = {}
    found: dict[str, list[dict[str, Any]]] = {}
    for run in runs:  # in turn, so that a slow minute of the machine meets all alike
        for client in clients():
            for count in PROCESSES:
                key = f"{client} {count}"
                found.setdefault(key, []).append(
                    steps.do(f"rate {key} {run}", partial(rate_run, client, count))
                )
    for key, seen in found.items():
        client, processes = key.split()
        of_core = [each["of_core"] for each in seen]
        rates = [each["rate"] for each in seen]
        best[key] = max(of_core)
        lines.append(
            f"| {client} | {processes} | {_range(of_core)} | {_range(rates)} "
            f"| {sum(each['requests'] for each in seen):,} "
            f"| {sum(each['served'] for each in seen):,} |"
        )
    return best


def _range(values: Sequence[float]) -> str:
    return f"{max(values):,.0f} (lowest {min(values):,.0f})"


def rate_run(client: str, count: int) -> dict[str, Any]:
    """One trial; its rate in the window."""
    with (
        tempfile.TemporaryDirectory() as folder,
        worker_bench(Path(folder), count, open_load=False, base=client) as made,
    ):
        seen, served = made.measure(closed_trial(USERS, WINDOW_S))
    ended = sum(each.count for frame in seen.window for each in frame.requests.values())
    used_s = sum((frame.driver_cpu or 0.0) * length for frame, length in _lengths(seen))
    return {
        "rate": ended / WINDOW_S,
        "of_core": ended / used_s,
        "requests": seen.requests,
        "served": served,
    }


def _lengths(seen: Seen) -> list[tuple[Frame, float]]:
    """The frames of the window, each with its seconds."""
    before = [0.0, *(frame.t for frame in seen.frames)]
    lengths = [frame.t - t for frame, t in zip(seen.frames, before, strict=False)]
    return [pair for pair in zip(seen.frames, lengths, strict=True) if pair[0].in_window]


# -- messages --------------------------------------------------------------------------------


def _messages(steps: Steps, lines: list[str]) -> float:
    frame = steps.do("bytes of a frame", frame_bytes)
    merge = steps.do("merging", partial(merge_costs, FLEETS))
    lines += [
        "",
        f"**Messages.** A frame of a worker, one each second, with one request name at "
        f"{FRAME_RATE:g} arrivals a second: {frame['mean']:,.0f} bytes (at most "
        f"{frame['most']:,}). To read and merge those of one second takes the master:",
        "",
        "| workers | bytes a second | processor time a second, ms |",
        "| --- " * 3 + "|",
    ]
    for count in FLEETS:
        lines.append(
            f"| {count} | {count * frame['mean']:,.0f} | {1000 * merge[str(count)]:,.2f} |"
        )
    return float(frame["mean"])


def _beyond(steps: Steps, lines: list[str], rates: dict[str, float], frame: float) -> None:
    """What these figures make of more cores and machines."""
    per_worker_s = steps.do("merging", partial(merge_costs, FLEETS))[str(FLEETS[-1])] / FLEETS[-1]
    names = list(clients())
    lines += [
        "",
        "**Beyond**, computed: a worker has a core of its own, and shares nothing with others but "
        "the messages to its master. *Master* is its processor time for merging, as a share of a "
        "core.",
        "",
        f"| load from | workers | {' | '.join(f'requests a second, {name}' for name in names)} "
        "| bytes a second to the master | master |",
        "| --- " * (4 + len(names)) + "|",
    ]
    for place, count in BEYOND.items():
        sent = " | ".join(f"{count * rates[f'{name} 1']:,.0f}" for name in names)
        shared = f"{count * frame:,.0f} | {count * per_worker_s:.1%}" if count > 1 else "– | –"
        lines.append(f"| {place} | {count} | {sent} | {shared} |")


# -- memory ----------------------------------------------------------------------------------


def _memory(steps: Steps, lines: list[str]) -> dict[str, float]:
    lines += [
        "",
        f"**Memory** of the process that makes the load, with {IDLE_USERS[0]:,} and "
        f"{IDLE_USERS[1]:,} users who have a connection each and send a request every "
        f"{IDLE_PAUSE_S:g} s:",
        "",
        "| client | " + " | ".join(f"MB at {users:,}" for users in IDLE_USERS)
        + " | KB per user |",
        "| --- " * 4 + "|",
    ]  # fmt: skip
    found = {}
    for client in clients():
        seen = steps.do(f"memory {client}", partial(memory_run, client))
        few, many = (seen[str(users)] for users in IDLE_USERS)
        found[client] = (many - few) / (IDLE_USERS[1] - IDLE_USERS[0])
        lines.append(
            f"| {client} | {few / 1e6:.0f} | {many / 1e6:.0f} | {found[client] / 1e3:.1f} |"
        )
    return found


def memory_run(client: str) -> dict[str, float]:
    """Resident bytes of all processes of a driver, by the number of users."""
    found = {}
    for users in IDLE_USERS:
        with (
            tempfile.TemporaryDirectory() as folder,
            worker_bench(
                Path(folder), 1, open_load=False, base=client, pause_s=IDLE_PAUSE_S
            ) as made,
            made.serve() as server,
        ):
            trial = closed_trial(users, WINDOW_S, warmup_s=2.0)
            most = 0.0
            for _ in made.driver.drive(replace(trial, host=server.url)):
                most = max(most, own_bytes([made.driver.pid]))
            found[str(users)] = most
    return found


def tried() -> dict[str, Any]:
    """Many users in several workers of this machine."""
    available = psutil.virtual_memory().available
    with (
        tempfile.TemporaryDirectory() as folder,
        worker_bench(
            Path(folder), MANY_WORKERS, open_load=False, base=clients()[-1], pause_s=IDLE_PAUSE_S
        ) as made,
    ):
        held = [made.driver.pid, *worker_pids(made.driver)]
        most = [0.0]

        def look(frame: Frame) -> None:
            if frame.in_window:
                most[0] = max(most[0], own_bytes(held))

        trial = closed_trial(TRIED, 20.0, warmup_s=10.0)
        seen, served = made.measure(trial, each_frame=look)
        memory = most[0]
    return {
        "users": min(frame.users for frame in seen.window),
        "requests": seen.requests,
        "served": served,
        "memory_gb": memory / 1e9,
        "available_gb": available / 1e9,
    }


def own_bytes(pids: Sequence[int]) -> float:
    """What these processes and all that they started hold for themselves: forks share the rest."""
    family = {
        process.pid: process
        for pid in pids
        for process in (psutil.Process(pid), *psutil.Process(pid).children(recursive=True))
    }
    total = 0.0
    for process in family.values():
        try:
            total += process.memory_full_info().pss
        except psutil.Error:
            continue
    return total
