"""A run with its claim, its plan and its verdict, as what compares or exports runs takes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from lab.hypothesis import Hypothesis, ProcessLifetime
from lab.machine.conditions import machine_name, target_conditions
from lab.runs.run_folder import RunFolder
from lab.trials.block_grouping import group_trials
from lab.trials.plan import LOCAL, Plan, PlannedWorkers
from lab.trials.trial import Trial
from lab.verdict.record import Verdict


class Measured(NamedTuple):
    """How a run was measured: figures of two runs compare only where it is equal.

    Attributes:
        machine: Its name.
        target: Its name, with the URL of a system that ran already.
        cores: How many the target got; None: not recorded, or it ran elsewhere.
        database: Whose PostgreSQL it was, of the user's own with the digest of its address; None:
            not recorded, or there was none.
        workers: That shared the load; None: a single process made it.
        processes: Of the arms, as a load test chose; `kept` where there was nothing to choose.
        databases: Of the arms, as a benchmark chose; `kept` where there was nothing to choose.
        launches: Of a benchmark in a block; 1 of other kinds.
    """

    machine: str
    target: str
    cores: int | None
    database: str | None
    workers: PlannedWorkers | None
    processes: ProcessLifetime
    databases: ProcessLifetime
    launches: int = 1

    def __str__(self) -> str:
        """It in words, without what is usual."""
        words = [self.machine]
        if self.cores is not None:
            words.append(f"{self.cores} of them the target's")
        if self.database is not None:
            words.append(f"PostgreSQL: {self.database}")
        if self.target != LOCAL:
            words.append(f"target {self.target}")
        if self.workers is not None:
            words.append(f"load by {self.workers}")
        lifetimes = {"processes": self.processes, "databases": self.databases}
        if self.launches > 1:
            words.append(f"{self.launches} launches a block")
        words += [f"fresh {what}" for what, lifetime in lifetimes.items() if lifetime == "fresh"]
        return ", ".join(words)


class JudgedRun(NamedTuple):
    """A run that has its verdict; the claim is the sealed one."""

    run_folder: RunFolder
    hypothesis: Hypothesis
    plan: Plan
    verdict: Verdict

    @property
    def measured(self) -> Measured:
        """How it was measured. Plans of before lifetimes were chosen say nothing of them."""
        plan, conditions = self.plan, self.run_folder.conditions()
        url = conditions.get("target", {}).get("url")
        target = target_conditions(conditions)
        return Measured(
            machine_name(conditions),
            plan.target_name if url is None else f"{plan.target_name} {url}",
            target.cores,
            target.database,
            plan.workers,
            plan.processes or "kept",
            plan.databases or "kept",
            plan.trials_of_each_step,
        )

    def counted(self, trials: Sequence[Trial]) -> list[Trial]:
        """Those of the run's trials that the verdict counts, block by block."""
        blocks = group_trials(trials, self.plan).complete[: self.plan.last_look]
        return [trial for block in blocks for own in block.values() for trial in own]
