"""Runs whose verdict a test expects, on a machine that may be too busy to give one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lab.exit_codes import ExitCode
from lab.runs.run_folder import RunFolder
from lab.trials.block_grouping import group_trials
from lab.trials.plan import Plan
from lab.trials.trial import Fault, Trial

GATES_OF_THE_MACHINE = {"other_cpu", "steal", "ticker_late"}


def undisturbed(done: CompletedProcess[str]) -> CompletedProcess[str]:
    """A `lab run` that has ended; skips the test if only the machine kept it from a decision."""
    if done.returncode in (ExitCode.INVALID, ExitCode.INCONCLUSIVE):
        for line in done.stdout.splitlines():
            if line.startswith("report: "):
                run_folder = RunFolder.open(Path(line.removeprefix("report: ")).parent)
                skip_if_disturbed(run_folder.trials(), run_folder.plan())
    return done


def skip_if_disturbed(trials: Sequence[Trial], plan: Plan) -> None:
    """Skip the test if blocks were voided by the machine, and too few by anything else."""
    voided = group_trials(trials, plan).voided
    busy = [faults for faults in voided if any(map(is_of_the_machine, faults))]
    is_final = any(not fault.retryable for faults in voided for fault in faults)
    if busy and len(voided) - len(busy) <= plan.voids_allowed and not is_final:
        reason = next(filter(is_of_the_machine, busy[0])).message
        pytest.skip(f"this machine is too busy for a verdict: {reason}")


def is_of_the_machine(fault: Fault) -> bool:
    """Whether something else than the run may have caused it."""
    return fault.gate in GATES_OF_THE_MACHINE
