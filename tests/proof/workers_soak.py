"""A soak whose load two workers make: it reaches its verdict, and their memory does not grow."""

from __future__ import annotations

import os
import shutil
import statistics
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil

from lab.runs.run_folder import RunFolder
from tests.proof.record import Steps, publish
from tests.runs import QUICK_SOAK, copy_project, outcome_of, started

WORKERS = 2
HOURS = float(os.environ.get("PROOF_HOURS", "1"))
EVERY_S = 5.0
OF_THE_MACHINE = ("other_cpu", "steal")  # gates: what other processes do is no fault of workers
FLAT_MB = 3.0  # of growth of all processes of the driver, from a third of the time to the end


def prove() -> bool:
    """The soak runs to its end, every worker sent its part, and the generator's memory is flat."""
    steps = Steps("soak-workers")
    found = steps.do(f"{HOURS:g} h by {WORKERS} workers", partial(run, HOURS))
    requests = ", ".join(f"{each:,}" for each in found["by_worker"])
    lines = [
        f"A soak of the sample service for {HOURS:g} h, its load shared by {WORKERS} workers. "
        "Memory is what master and workers hold for themselves, sampled from outside: the mean of "
        "the second third of the time, that of the last third, and the highest.",
        "",
        "| verdict | requests of each worker | scheduled | sent | MB, second third "
        "| MB, last third | highest MB |",
        "| --- " * 7 + "|",
        f"| {found['verdict']}{remark(found)} | {requests} "
        f"| {found['scheduled']:,} | {found['sent']:,} | {found['middle_mb']:.1f} "
        f"| {found['last_mb']:.1f} | {found['most_mb']:.1f} |",
    ]
    publish("soak-workers", "A soak over two workers", lines, steps)
    return (
        set(found["gates"]) <= set(OF_THE_MACHINE)
        and len(found["by_worker"]) == WORKERS
        and min(found["by_worker"]) > 0
        and found["scheduled"] == found["sent"]
        and found["last_mb"] - found["middle_mb"] < FLAT_MB
    )


def remark(found: dict[str, Any]) -> str:
    """What is to be said of a verdict: gates of the machine say nothing against the workers."""
    return " (other processes used the machine)" if found["gates"] else ""


def run(hours: float) -> dict[str, Any]:
    """One soak by the real command, watched from outside."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        shutil.copy(QUICK_SOAK, project / "hypotheses")
        length = f"{hours * 60:.6g}m"
        options = ("--for", length, "--anyway", "--workers", str(WORKERS), "--seed", "1")
        samples: list[tuple[float, float]] = []
        with started("quick-soak", *options, project=project) as running:
            began = time.monotonic()
            while running.process.poll() is None:
                if held := driver_bytes(running.process.pid):
                    samples.append((time.monotonic() - began, held / 1e6))
                time.sleep(EVERY_S)
        run_folder = RunFolder.open((project / "reports" / "quick-soak" / "latest").resolve())
        return {**_of_run(run_folder), **_of_memory(samples)}


def driver_bytes(lab: int) -> float:
    """What the load driver of a run and its workers hold for themselves; 0 if there is none."""
    total = 0.0
    try:
        for process in psutil.Process(lab).children(recursive=True):
            if any(word.startswith("lab.driver") for word in process.cmdline()):
                total += process.memory_full_info().uss
    except psutil.Error:  # one has ended meanwhile
        return 0.0
    return total


def _of_run(run_folder: RunFolder) -> dict[str, Any]:
    verdict = run_folder.verdict()
    [trial] = run_folder.trials()
    fleet = trial.service.fleet
    workers = () if fleet is None else fleet.workers
    return {
        **outcome_of(verdict.as_dict() if verdict else {}),
        "by_worker": [worker.requests for worker in workers],
        "scheduled": sum(worker.scheduled for worker in workers),
        "sent": sum(worker.sent for worker in workers),
        "gates": [fault.gate for fault in trial.faults],
    }


def _of_memory(samples: list[tuple[float, float]]) -> dict[str, float]:
    end = samples[-1][0]

    def mean(begin: float, until: float) -> float:
        return statistics.fmean(mb for t, mb in samples if begin * end <= t <= until * end)

    return {
        "middle_mb": mean(1 / 3, 2 / 3),
        "last_mb": mean(2 / 3, 0.98),
        "most_mb": max(mb for _, mb in samples),
    }
