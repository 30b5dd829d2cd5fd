"""Gates fire, each with the right reason first; one passing disturbance voids its block only."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from tests.disturbances import Impostor, busy, kill, throttled
from tests.proof.record import Steps, publish
from tests.runs import QUICK, Running, started


def _spoiled(disturb: Callable[[Running], dict[str, Any]]) -> dict[str, Any]:
    with started(str(QUICK), "--seed=1") as run:
        return disturb(run)


def driver_throttled(run: Running) -> dict[str, Any]:
    """The driver gets a tenth of a core."""
    with throttled(run.conditions()["driver"]["pid"]):
        return run.end()


def service_killed(run: Running) -> dict[str, Any]:
    """A service is killed in the middle of a trial."""
    pids = [arm["service"]["pid"] for arm in run.conditions()["target"]["arms"].values()]
    run.wait_for_trial_begun()
    for pid in pids:
        kill(pid)
    return run.end()


def service_restarted(run: Running) -> dict[str, Any]:
    """Another process with another pool answers on the service's port."""
    arms = run.conditions()["target"]["arms"]
    impostors = {
        name: Impostor(arm["service"]["pid"], arm["service"]["url"], DB_POOL_SIZE="3")
        for name, arm in arms.items()
    }
    try:
        loaded = run.wait_for_trial_begun()
        for name in impostors.keys() - {loaded}:
            impostors[name].take_over()
        return run.end()
    finally:
        for impostor in impostors.values():
            impostor.close()


def machine_busy(run: Running) -> dict[str, Any]:
    """Another process keeps the target's core busy to the end."""
    with busy(300, run.conditions()["pinning"]["target"]):
        return run.end()


def passing(run: Running) -> dict[str, Any]:
    """Another process keeps the target's core busy for three seconds."""
    run.wait_for_trials(2)
    with busy(3, run.conditions()["pinning"]["target"]):
        return run.end()


INVALID = (
    (driver_throttled, "The load driver itself was held up"),
    (service_killed, "A process ended: the service of arm"),
    (service_restarted, "answers with other settings: DB_POOL_SIZE is 3"),
    (machine_busy, "Other processes used"),
)


def prove() -> bool:
    """Each disturbance ends the run INVALID for its own reason; a passing one does not."""
    steps = Steps("gates")
    holds = True
    lines = ["| disturbance | exit code | verdict | voided | first reason |", "| --- " * 5 + "|"]
    for disturb, reason in INVALID:
        run = steps.do(disturb.__name__, partial(_spoiled, disturb))
        first = run.get("reasons", [run.get("said", "")])[0]
        holds &= run["code"] == 4 and reason in first
        lines.append(_row(disturb, run, first))
    run = steps.do("passing", lambda: _spoiled(passing))
    holds &= run["code"] == 0 and run.get("voided", 0) >= 1
    lines.append(_row(passing, run, run.get("reasons", [""])[0]))
    publish("gates", "Gates fire, each with the right reason", lines, steps)
    return bool(holds)


def _row(disturb: Callable[..., Any], run: dict[str, Any], first: str) -> str:
    says = (disturb.__doc__ or "").strip()
    return f"| {says} | {run['code']} | {run.get('verdict')} | {run.get('voided')} | {first} |"
