"""A load that four workers share: nothing lost, nothing doubled, the same latencies as of one."""

from __future__ import annotations

import os
import signal
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lab.decision_margins import DecisionMargins, GateLimits
from lab.experiment import BlockLoop, LoadTrials, TrialBegun
from lab.runs.run_folder import RunFolder
from lab.stats.latency_histogram import Histogram
from lab.trials.plan import PlannedWorkers, draw
from lab.verdict.rule import judge
from tests.arrivals import steady
from tests.proof.generator import SLOW, Arm, claim
from tests.proof.record import Steps, at_most, publish
from tests.worker_bench import (
    WorkerBench,
    as_json,
    closed_trial,
    open_trial,
    worker_bench,
    worker_pids,
)

WORKERS = 4
RUNS = 10
USERS, PAUSE_S = 40, 0.05
RATE, WINDOW_S = 400.0, 3.0
# a server of known service times, to whose answers the load adds little
STATION: dict[str, Any] = {"servers": 128, "mean_s": 0.4, "exponential": True}
STATION_RATE, STATION_WINDOW_S = 100.0, 20.0
STATION_RUNS = 5
QUANTILES = (0.5, 0.9, 0.95, 0.99)
ALLOWED = 0.01
KILLED_IN_BLOCK = 2
KILLED_RATE = 150.0
SET_ASIDE = GateLimits(
    max_other_cpu=100.0, max_steal=1.0, max_ticker_late_s=10.0, max_begin_late_s=10.0
)


def prove() -> bool:
    """Ten runs of each load whose counts agree; histograms within 1 %; a killed worker."""
    steps = Steps("workers")
    lines: list[str] = []
    holds = all([_counts(steps, lines), _histograms(steps, lines), _killed(steps, lines)])
    publish("workers", "A load that four workers share", lines, steps)
    return holds


# -- counts --------------------------------------------------------------------------------


def _counts(steps: Steps, lines: list[str]) -> bool:
    """For closed and open load: what was sent is what was scheduled and what was served."""
    loads: dict[str, Callable[[int], dict[str, Any]]] = {
        f"closed, {USERS} users": closed_run,
        f"open, {RATE:g} a second": open_run,
    }
    lines += [
        f"**Counts**, {WORKERS} workers against one server, from the first request of the warm-up "
        "to the last answer. *Scheduled by one* is the number of arrivals that a single process "
        "schedules by the same seed.",
        "",
        "| load | runs | requests by the lab | by the server | scheduled | sent | unsent "
        "| scheduled by one | fewest requests of a worker | runs in which all agree |",
        "| --- " * 10 + "|",
    ]
    holds = True
    for name, run in loads.items():
        found = [steps.do(f"{name} {n}", partial(run, n)) for n in range(1, at_most(RUNS) + 1)]
        agree = sum(agrees(each) for each in found)
        holds &= agree == len(found)
        sums = {key: sum(each[key] for each in found) for key in (*_SUMMED, "by_one")}
        fewest = min(min(each["by_worker"].values()) for each in found)
        lines.append(
            f"| {name} | {len(found)} | {sums['requests']:,} | {sums['served']:,} "
            f"| {sums['scheduled']:,} | {sums['sent']:,} | {sums['unsent']:,} "
            f"| {sums['by_one']:,} | {fewest:,} | {agree} |"
        )
    return holds


_SUMMED = ("requests", "served", "scheduled", "sent", "unsent")


def agrees(found: dict[str, Any]) -> bool:
    """Whether nothing was lost or doubled, and every worker had a part in it."""
    return bool(
        found["requests"] == found["served"]
        and found["sent"] + found["unsent"] == found["scheduled"] == found["by_one"]
        and (not found["scheduled"] or found["sent"] == found["served"])
        and sum(found["by_worker"].values()) + found["late"] == found["requests"]
        and len(found["by_worker"]) == WORKERS
        and min(found["by_worker"].values()) > 0
    )


def closed_run(number: int) -> dict[str, Any]:
    """One trial of users."""
    with _bench(WORKERS, open_load=False, pause_s=PAUSE_S) as made:
        seen = made.measure(closed_trial(USERS, WINDOW_S, seed=str(number)))
        return {**as_json(*seen), "by_one": 0}


def open_run(number: int) -> dict[str, Any]:
    """One trial of arrivals, and how many a single process schedules."""
    trial = open_trial(RATE, WINDOW_S, seed=str(number))
    with _bench(WORKERS, open_load=True) as made:
        found = as_json(*made.measure(trial))
    with _bench(1, open_load=True) as single:
        alone, _ = single.measure(trial)
    return {**found, "by_one": alone.scheduled}


# -- histograms ----------------------------------------------------------------------------


def _histograms(steps: Steps, lines: list[str]) -> bool:
    lines += [
        "",
        f"**Histograms** of {WORKERS} workers and of one process, in turn, by the same seed: "
        f"{STATION_RATE:g} arrivals a second for {STATION_WINDOW_S:g} s at a server whose service "
        f"times are known (exponential, {STATION['mean_s']} s, drawn in one order). Ratio of the "
        "workers' figure to that of the one, for each run; the median must be within 1 %.",
        "",
        "| figure | " + " | ".join(f"run {n}" for n in range(1, at_most(STATION_RUNS) + 1))
        + " | median |",
        "| --- " * (at_most(STATION_RUNS) + 2) + "|",
    ]  # fmt: skip
    runs = [
        steps.do(f"histogram {n}", partial(station_run, n))
        for n in range(1, at_most(STATION_RUNS) + 1)
    ]
    holds = True
    for figure in runs[0]["shared"]:
        ratios = [run["shared"][figure] / run["alone"][figure] for run in runs]
        middle = statistics.median(ratios)
        holds &= abs(middle - 1) <= ALLOWED
        lines.append(
            f"| {figure} | {' | '.join(f'{ratio:.4f}' for ratio in ratios)} | {middle:.4f} |"
        )
    return holds


def station_run(number: int) -> dict[str, Any]:
    """The figures of workers and of one process, whichever comes first."""
    trial = open_trial(STATION_RATE, STATION_WINDOW_S, seed=f"station {number}")
    found = {}
    ways = {"shared": WORKERS, "alone": 1}
    for way in sorted(ways, reverse=number % 2 == 0):
        with _bench(ways[way], open_load=True) as made:
            seen, _ = made.measure(trial, "queue", **STATION)
            found[way] = figures(seen.latency)
    return found


def figures(latency: Histogram) -> dict[str, float]:
    """Mean and quantiles, interpolated within a bucket: one bucket is as wide as what is allowed.

    Args:
        latency: Not empty.
    """
    edges, shares = zip(*latency.cdf(), strict=True)
    quantiles = np.interp(QUANTILES, shares, edges)
    assert latency.mean is not None
    found = {f"p{100 * q:g}": float(value) for q, value in zip(QUANTILES, quantiles, strict=True)}
    return {"count": float(latency.count), "mean": latency.mean, **found}


# -- a worker that is killed -----------------------------------------------------------------


def _killed(steps: Steps, lines: list[str]) -> bool:
    runs = [steps.do(f"killed {n}", partial(killed_run, n)) for n in range(1, at_most(3) + 1)]
    lines += [
        "",
        f"**A worker killed** (`kill -9`) in the middle of block {KILLED_IN_BLOCK}, a true claim. "
        "Gates of other processes and of lateness are set aside here: the machine may be in use.",
        "",
        "| run | verdict | blocks | voided | why |",
        "| --- " * 5 + "|",
    ]
    holds = True
    for number, run in enumerate(runs, 1):
        holds &= (
            run["verdict"] == "CONFIRMED"
            and run["voided"] == [KILLED_IN_BLOCK]
            and str(run["pid"]) in run["why"]
        )
        lines.append(
            f"| {number} | {run['verdict']} | {run['blocks']} | {len(run['voided'])} "
            f"(block {', '.join(map(str, run['voided']))}) | {run['why']} |"
        )
    return holds


def killed_run(number: int) -> dict[str, Any]:
    """An experiment in whose second block a worker dies."""
    load = steady(KILLED_RATE, WINDOW_S, max_users=100)
    hypothesis = claim(False, load, WINDOW_S, unsent=0.9)
    plan = replace(
        draw(hypothesis, number, "fake"),
        workers=PlannedWorkers(WORKERS),
        margins=DecisionMargins(gates=SET_ASIDE),
    )
    with _bench(WORKERS, open_load=True) as made, made.serve(**SLOW) as server:
        run_folder = RunFolder.create(made.folder, "workers")
        run_folder.write_plan(plan, hypothesis.text)
        target = Arm({arm: {} for arm in hypothesis.arms}, server=server)
        trials = LoadTrials(hypothesis, plan, run_folder, target, made.driver)
        loop = BlockLoop(hypothesis, plan, run_folder, trials, time.monotonic())
        victim = _run_and_kill(loop, made)
        recorded = run_folder.trials()
    verdict = judge(hypothesis, plan, recorded, out_of_time=True)
    void = [trial for trial in recorded if trial.faults]
    return {
        "verdict": verdict.verdict,
        "blocks": verdict.blocks,
        "voided": sorted({trial.block for trial in void}),
        "pid": victim,
        "why": void[0].faults[0].message if void else "",
    }


def _run_and_kill(loop: BlockLoop, made: WorkerBench) -> int:
    """Run to the end; the process that was killed in the middle of a window."""
    victim = worker_pids(made.driver)[1]
    timer = threading.Timer(0.5 + WINDOW_S / 2, os.kill, (victim, signal.SIGKILL))
    for event in loop.run():
        is_due = isinstance(event, TrialBegun) and event.block == KILLED_IN_BLOCK
        if is_due and timer.ident is None:
            timer.start()
    return victim


@contextmanager
def _bench(workers: int, *, open_load: bool, pause_s: float = 0.0) -> Iterator[WorkerBench]:
    """A bench in a temporary folder of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        worker_bench(Path(folder), workers, open_load=open_load, pause_s=pause_s) as made,
    ):
        yield made
