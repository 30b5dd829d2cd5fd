"""Which cores a run gets, by its kind; a resumed run has those of its first session."""

from __future__ import annotations

import os

from lab.errors import UsageError
from lab.hypothesis import Benchmark, Hypothesis, LoadTest
from lab.machine.core_choice import (
    FOR_A_BENCHMARK,
    FOR_A_LOAD,
    CoreChoice,
    choose_cores,
    target_core_count,
)
from lab.machine.cpu_pinning import Cores, divide_cores
from lab.runs.run_folder import RunFolder
from lab.trials.plan import Plan

VARIABLE = "LAB_TARGET_CORES"


def cores_of_run(
    hypothesis: Hypothesis, run_folder: RunFolder | None, workers: int = 1
) -> CoreChoice:
    """Return the cores of a run.

    Args:
        hypothesis: Of the run.
        run_folder: Of the run that is resumed; None for a new one.
        workers: Processes of this machine that share the load; each gets a core if there is one.

    Raises:
        UsageError: LAB_TARGET_CORES is no number of cores.
    """
    if run_folder is None or not (recorded := run_folder.conditions()):
        return choose_cores(_needed(hypothesis, workers), for_driver=workers)
    pinning = recorded.get("pinning")
    if pinning is None:
        return CoreChoice(divide_cores(), "as in the first session", {})
    cores = Cores(tuple(pinning["driver"]), tuple(pinning["target"]))
    busy = {int(core): share for core, share in pinning["busy before"].items()}
    return CoreChoice(cores, pinning["why"], busy)


def cores_line(hypothesis: Hypothesis, plan: Plan) -> str | None:
    """How many cores the target of a new run gets, where it is not all that the driver leaves.

    Errors as for `cores_of_run`.
    """
    given = target_cores_of_new_run(hypothesis, plan.local_workers)
    here = len(os.sched_getaffinity(0))
    is_chosen = VARIABLE in os.environ or plan.target == "url"
    if is_chosen or given >= here - plan.local_workers:
        return None
    what = "the benchmark" if isinstance(hypothesis.kind, Benchmark) else "the service"
    remedy = f"set {VARIABLE} if more of its processes or threads work at once"
    return f"cores: {what} gets {given} of {here}; {remedy}"


def target_cores_of_new_run(hypothesis: Hypothesis, workers: int = 1) -> int:
    """How many cores the target of a new run gets; arguments and errors as for `cores_of_run`."""
    return target_core_count(_needed(hypothesis, workers))


def _needed(hypothesis: Hypothesis, workers: int) -> int:
    """How many cores the target needs."""
    most = len(os.sched_getaffinity(0))
    if given := os.environ.get(VARIABLE):
        if not given.isdecimal() or not 1 <= int(given) <= most:
            raise UsageError(f"{VARIABLE}={given}: write a number of cores, 1 to {most}")
        return int(given)
    match hypothesis.kind:
        case LoadTest():
            return FOR_A_LOAD
        case Benchmark(database=database):
            return FOR_A_BENCHMARK + database
        case _:  # all arms of a soak are loaded at once
            return most if workers == 1 else max(1, most - workers)
