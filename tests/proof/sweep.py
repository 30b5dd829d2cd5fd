"""Sweeps: the shipped service's capacity and knee, and a queue that has no peak."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from lab.experiment import BlockLoop, LoadTrials, verdict_of
from lab.hypothesis import load
from lab.instruments.locust_driver_process import LoadDriver
from lab.machine.cpu_pinning import divide_cores
from lab.machine.run_lock import machine_lock
from lab.processes.child_processes import Children
from lab.runs.run_folder import RunFolder
from lab.stats.confidence_interval import t_interval
from lab.trials.measure_values import counter
from lab.trials.plan import draw
from tests.default_margins import measure
from tests.proof.record import Steps, publish
from tests.queue_server import QueueTarget
from tests.runs import ROOT, outcome_of, run_lab

RUNS, QUEUE_RUNS = 5, 3
MOST = 8  # a run that the gates call INVALID says nothing; it is listed, and another is made
POOL, THINK_S = 5, 0.25  # of pool-knee, and of its shoppers
QUEUE = ROOT / "tests" / "planted" / "queue"


def prove() -> bool:
    """Capacity within 10 % of pool over holding time, knee within 20 %; no peak in M/M/8."""
    steps = Steps("sweep")
    lines = [
        "**The shipped service, `pool-knee`.** The holding time is what the service itself counted "
        "with 64 shoppers; the knee expected is pool / holding time x (time of an order alone + "
        f"{THINK_S:g} s of pause).",
        "",
        "| seed | verdict | blocks | voided | holding time | pool / holding time "
        "| peak throughput | off by | knee expected | knee | off by | peak |",
        "| --- " * 12 + "|",
    ]
    held: list[bool] = []
    for seed in range(1, MOST + 1):
        close = shipped(lines, steps, seed)
        held += [] if close is None else [close]
        if len(held) == RUNS:
            break
    held.append(len(held) == RUNS)
    lines += [
        "",
        "**Eight servers of 20 ms, exponential (M/M/8).** Truth: 400 a second, a knee at 8 "
        "visitors, no peak.",
        "",
        "| seed | verdict | blocks | voided | peak throughput | knee | peak |",
        "| --- " * 7 + "|",
    ]
    held += [queue(lines, steps, seed) for seed in range(1, QUEUE_RUNS + 1)]
    publish("sweep", "Sweeps: capacity, knee and peak", lines, steps)
    return all(held)


def shipped(lines: list[str], steps: Steps, seed: int) -> bool | None:
    """One run of pool-knee against what its own holding time predicts; None if INVALID."""
    run = steps.do(f"pool-knee {seed}", lambda: _pool_knee(seed))
    found = run.get("estimates", {})
    if run.get("verdict") == "INVALID":
        lines.append(
            f"| {seed} | INVALID: {run['reasons'][0]} | {run['blocks']} | {run['voided']} |"
            + " |" * 8
        )
        return None
    if "hold_s" not in run or found["knee five"][0] is None:
        lines.append(f"| {seed} | {run.get('verdict', run['code'])} |" + " |" * 10)
        return False
    capacity, knee = found["peak_throughput five"][0], found["knee five"][0]
    predicted = POOL / run["hold_s"]
    expected = predicted * (run["alone_s"] + THINK_S)
    lines.append(
        f"| {seed} | {run['verdict']} | {run['blocks']} | {run['voided']} "
        f"| {run['hold_s'] * 1000:.1f} ms | {predicted:.2f} /s | {capacity:.2f} /s "
        f"| {capacity / predicted - 1:+.1%} | {expected:.2f} | {knee:.2f} "
        f"| {knee / expected - 1:+.1%} | {_peak(found['peak five'])} |"
    )
    return bool(abs(capacity / predicted - 1) <= 0.1 and abs(knee / expected - 1) <= 0.2)


def queue(lines: list[str], steps: Steps, seed: int) -> bool:
    """One run over M/M/8: it must show no peak."""
    run = steps.do(f"eight servers {seed}", lambda: _eight_servers(seed))
    found = run["estimates"]
    lines.append(
        f"| {seed} | {run['verdict']} | {run['blocks']} | {run['voided']} "
        f"| {_estimate(found['peak_throughput eight'])} | {_estimate(found['knee eight'])} "
        f"| {_peak(found['peak eight'])} |"
    )
    estimate, low, _, _ = found["peak eight"]
    return estimate is None and low is not None


def _pool_knee(seed: int) -> dict[str, Any]:
    run = run_lab("pool-knee", f"--seed={seed}", "--no-profile")
    if not run.get("blocks"):
        return run
    trials = RunFolder(ROOT / "reports" / "pool-knee" / run["run"]).trials()
    full = [trial.service.counters for trial in trials if trial.trusted and trial.level == 64]
    seconds, times = (
        sum(counter(counters, f"db_pool_hold_seconds_{part}") or 0.0 for counters in full)
        for part in ("sum", "count")
    )
    alone = [measure(t, "latency_mean", {}) for t in trials if t.trusted and t.level == 1]
    latencies = [latency for latency in alone if latency is not None]
    return run | {"hold_s": seconds / times, "alone_s": t_interval(latencies, 0.01).estimate}


def _eight_servers(seed: int) -> dict[str, Any]:
    hypothesis = load(QUEUE / "hypotheses" / "eight-servers.md", QUEUE)
    plan = draw(hypothesis, seed, "queue")
    cores = divide_cores()
    with (
        tempfile.TemporaryDirectory() as folder,
        machine_lock(lambda holder: print(f"  waiting for process {holder}")),
        Children() as children,
    ):
        began = time.monotonic()
        target = QueueTarget(children, cores.target)
        target.start(hypothesis.arms)
        driver = LoadDriver(children, ROOT, cores.driver)
        driver.load(QUEUE / hypothesis.scenario)
        run_folder = RunFolder.create(Path(folder), hypothesis.name)
        run_folder.write_plan(plan, hypothesis.text)
        instrument = LoadTrials(hypothesis, plan, run_folder, target, driver)
        for _ in BlockLoop(hypothesis, plan, run_folder, instrument, began).run():
            pass
        verdict = verdict_of(run_folder, hypothesis, plan)
    return outcome_of(verdict.as_dict())


def _estimate(found: list[Any]) -> str:
    estimate, low, high, _ = found
    if estimate is None or low is None or high is None:
        return "-"
    return f"{estimate:.1f} [{low:.1f} to {high:.1f}]"


def _peak(found: list[Any]) -> str:
    estimate, low, _, _ = found
    if estimate is not None:
        return _estimate(found)
    return "no value" if low is None else f"none up to {low:.1f}"
