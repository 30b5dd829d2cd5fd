"""What every kind of run shares while it goes on: its parts, its clock and its invariants."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from lab.experiment.progress_events import Event
from lab.hypothesis import Hypothesis
from lab.runs.run_folder import RunFolder
from lab.trials.plan import Plan
from lab.trials.trial import Fault
from lab.verdict.rule import judge


class Session(ABC):
    """One session of one run, from its first trial to its verdict or its interruption."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        began: float,
        invariants: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        """Take the parts of a run.

        Args:
            hypothesis: The sealed claim.
            plan: Order of the trials and rule of decision.
            run_folder: Takes the results; its earlier trials count.
            began: When the command began, monotonic seconds.
            invariants: Returns what must not change during the run.
        """
        self.hypothesis = hypothesis
        self.plan = plan
        self.run_folder = run_folder
        self._began = began
        self._invariants = invariants
        self._invariants_at_begin = invariants()
        self.interim_verdict = judge(hypothesis, plan, run_folder.trials())

    @abstractmethod
    def run(self) -> Iterator[Event]:
        """Run blocks until the evidence decides, or the plan or the budget ends."""

    @abstractmethod
    def profiles(self) -> Iterator[Event]:
        """Profile the arms in runs that are never timed."""

    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def note(self, event: str, **facts: Any) -> None:
        """Add an event to the run's journal, with the time elapsed."""
        self.run_folder.add_journal(event, **facts, elapsed_s=round(self.elapsed_s(), 3))

    def changed_conditions(self) -> Fault | None:
        """A fault if an invariant has changed since the run began.

        An invariant that cannot be read now counts as unchanged: a dead driver is reported as
        that, not as a changed condition.
        """
        now = self._invariants()
        changed = [
            name
            for name, value in self._invariants_at_begin.items()
            if now.get(name, value) != value
        ]
        if not changed:
            return None
        return Fault(
            "conditions", f"Changed since the run began: {', '.join(changed)}.", retryable=False
        )
