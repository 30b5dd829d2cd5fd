"""A run with its claim, its plan and its verdict, as what compares or exports runs takes it."""

from __future__ import annotations

from typing import NamedTuple

from lab.hypothesis import Hypothesis
from lab.machine_conditions import machine_name
from lab.run_folder import RunFolder
from lab.trial_plan import Plan
from lab.verdict_record import Verdict


class JudgedRun(NamedTuple):
    """A run that has its verdict; the claim is the sealed one."""

    run_folder: RunFolder
    hypothesis: Hypothesis
    plan: Plan
    verdict: Verdict

    @property
    def measured_by(self) -> str:
        """The machine, and the workers if there are any: figures compare only where it is equal."""
        machine, workers = machine_name(self.run_folder.conditions()), self.plan.workers
        return machine if workers is None else f"{machine}, load by {workers}"
