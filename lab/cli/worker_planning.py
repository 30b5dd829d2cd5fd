"""Which workers share a load: what the command says, or else the hypothesis file."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from lab.cli.worker_address import EXAMPLE, WorkerAddress, parse_address
from lab.driver_messages import WORKER_PORT
from lab.errors import UsageError
from lab.hypothesis import (
    MAX_WORKERS,
    Benchmark,
    ClosedLoad,
    Hypothesis,
    LoadTest,
    SoakTest,
    why_too_many_workers,
)
from lab.trials.plan import Plan, PlannedWorkers

_DEFAULT = WorkerAddress("127.0.0.1", WORKER_PORT)


class WorkerOptions(NamedTuple):
    """The options of the command; None where they are left out.

    Attributes:
        local: `--workers`: processes that are started on this machine.
        expected: `--expect-workers`: those of this machine and of others together.
        bind: `--bind`: where workers of other machines join, HOST:PORT.
    """

    local: int | None = None
    expected: int | None = None
    bind: str | None = None

    @property
    def any(self) -> bool:
        """Whether any option is given."""
        return self != WorkerOptions()


def plan_workers(hypothesis: Hypothesis, plan: Plan, options: WorkerOptions) -> Plan:
    """The plan with the workers that the command asks for, or else the file.

    Raises:
        UsageError: They contradict each other, or do not fit the hypothesis.
    """
    kind = hypothesis.kind
    if not options.any:
        return plan
    if isinstance(kind, Benchmark):
        raise UsageError(
            f"{hypothesis.name} is a benchmark, which no worker loads. Leave --workers, "
            "--expect-workers and --bind out"
        )
    workers = _workers(options, kind.load.workers)
    bind_address(workers, options)
    if workers is not None:
        _refuse_unfit(hypothesis, kind, workers)
    return replace(plan, workers=workers)


def resumed_workers(plan: Plan, options: WorkerOptions, folder: Path) -> None:
    """Refuse what the run of a plan cannot go on with.

    Args:
        plan: Of the run.
        options: Of the command that resumes it.
        folder: Of the run, for messages.

    Raises:
        UsageError: Other workers are asked for, or it is not said where those of other machines
            join.
    """
    planned = plan.workers or PlannedWorkers(1)
    if options.local is not None or options.expected is not None:
        asked = _workers(options, planned.total) or PlannedWorkers(1)
        if asked != planned:
            raise UsageError(
                f"{folder}: this run was planned with {planned}, not {asked}. Leave --workers and "
                "--expect-workers out, or start a new run without --resume"
            )
    if planned.remote and options.bind is None:
        raise UsageError(
            f"{folder}: this run was planned with {planned}, and where those join is not kept. Use "
            f"--bind HOST:PORT as its first command did, or --bind {_DEFAULT} if that did not"
        )
    bind_address(plan.workers, options)


def bind_address(workers: PlannedWorkers | None, options: WorkerOptions) -> WorkerAddress | None:
    """Where workers of other machines join; None if none are expected.

    Raises:
        UsageError: `--bind` is no address, or nobody would join there.
    """
    if workers is None or not workers.remote:
        if options.bind is not None:
            raise UsageError(
                f"--bind {options.bind}: no worker of another machine is expected. Say how many "
                "there are in all with --expect-workers, or leave --bind out"
            )
        return None
    if options.bind is None:
        return _DEFAULT
    found = parse_address(options.bind)
    if found is None:
        raise UsageError(
            f"--bind {options.bind}: write an address of this machine and a port, as in {EXAMPLE}"
        )
    return found


def _workers(options: WorkerOptions, of_file: int) -> PlannedWorkers | None:
    """How many there are and where; None for a single process."""
    for option, count, least in (
        ("--workers", options.local, 0 if options.expected else 1),
        ("--expect-workers", options.expected, 1),
    ):
        if count is not None and not least <= count <= MAX_WORKERS:
            raise UsageError(f"{option} {count}: write a number from {least} to {MAX_WORKERS}")
    if options.expected is None:
        local = of_file if options.local is None else options.local
        return PlannedWorkers(local) if local > 1 else None
    local = options.local or 0
    if options.expected < local:
        raise UsageError(
            f"--workers {local} --expect-workers {options.expected}: the workers of this machine "
            f"are part of those that are expected in all. Use --expect-workers {local} or more"
        )
    if options.expected == local == 1:
        return None
    return PlannedWorkers(local, options.expected - local)


def _refuse_unfit(
    hypothesis: Hypothesis, kind: LoadTest | SoakTest, workers: PlannedWorkers
) -> None:
    if hypothesis.is_soak_script:
        raise UsageError(
            f"{hypothesis.name}: a soak script is one process. Leave --workers and "
            "--expect-workers out, or write the load as a locustfile"
        )
    if isinstance(kind, SoakTest) and workers.remote:
        raise UsageError(
            f"{hypothesis.name}: the arms of a soak are loaded side by side, each by workers of "
            "its own, and those are on this machine only. Use --workers instead of "
            "--expect-workers"
        )
    load = replace(kind.load, workers=workers.total)
    window_s = kind.window_s if isinstance(kind, LoadTest) else None
    if found := why_too_many_workers(load, window_s):
        problem, remedy = found
        raise UsageError(f"{hypothesis.name}: {problem}. {remedy.removesuffix('.')}")
    if isinstance(load, ClosedLoad) and load.has_chosen_slices:
        raise UsageError(
            f"{hypothesis.name}: its file cuts the window into `slices`, and those are for a load "
            "of one process. Leave --workers out, or remove `slices`"
        )
