"""What the watch over a scenario finds, as messages: while it is imported or tried, in a trial."""

from __future__ import annotations

from lab.driver import scenario_check
from lab.driver.message_pipe import MessagePipe
from lab.driver.scenario_faults import ScenarioFaults
from lab.driver.scenario_import import Scenario
from lab.driver.source_location import SourceLocation
from lab.driver_messages import Closed, Failed, LaneEnded, Loaded, Notice


class LoadReports:
    """What the watch finds while a scenario is imported or rehearsed."""

    def __init__(self, pipe: MessagePipe) -> None:
        self._pipe = pipe

    @property
    def busy(self) -> bool:
        """Whether a message is being sent."""
        return self._pipe.busy

    def waiting(self, what: str, where: SourceLocation | None) -> None:
        """Send a notice."""
        self._pipe.send(Notice(f"waits for {what}{_at(where)}"))

    def hangs(self, what: str, limit_s: float, where: SourceLocation | None) -> None:
        """Send the failure."""
        self._pipe.send(failed(f"{what} took more than {limit_s:g} s", where))

    def exits(self, how: str, where: SourceLocation | None) -> None:
        """Send the failure: the scenario ends the process. It ends after this call."""
        self._pipe.send(failed(f"it ended the process by {how}", where))


class RehearsalReports(LoadReports):
    """What the watch finds in a rehearsal. No service runs: who tries to reach it is accepted."""

    def __init__(self, pipe: MessagePipe, scenario: Scenario) -> None:
        super().__init__(pipe)
        self._classes = tuple(user.__name__ for user in scenario.classes)
        self._reached = scenario_check.note_connections()

    def conclude(self, failure: Failed | None) -> None:
        """Send the outcome."""
        if failure is None or self._reached:
            self._pipe.send(Loaded(self._classes))
        else:
            self._pipe.send(failure)

    def hangs(self, what: str, limit_s: float, where: SourceLocation | None) -> None:
        """Send the outcome."""
        self.conclude(failed(f"{what} took more than {limit_s:g} s", where))

    def exits(self, how: str, where: SourceLocation | None) -> None:
        """Send the outcome."""
        self.conclude(failed(f"it ended the process by {how}", where))


class TrialReports(LoadReports):
    """What the watch finds in a trial."""

    def __init__(self, pipe: MessagePipe, faults: ScenarioFaults, lane: str | None = None) -> None:
        super().__init__(pipe)
        self._faults, self._lane = faults, lane

    def hangs(self, what: str, limit_s: float, where: SourceLocation | None) -> None:
        """Close the trial, void."""
        self._faults.hangs(f"hangs: {what} took more than {limit_s:g} s", where)
        self._close()

    def exits(self, how: str, where: SourceLocation | None) -> None:
        """Close the trial, void."""
        self._faults.ended_itself(how, where)
        self._close()

    def _close(self) -> None:
        faults = self._faults.take()
        if self._lane is None:
            self._pipe.send(Closed(drained=False, early=True, task_errors=faults))
        else:
            ended = LaneEnded(lane=self._lane, drained=False, early=True, task_errors=faults)
            self._pipe.send(ended)


def failed(message: str, where: SourceLocation | None) -> Failed:
    """The message, with the place of the scenario if it is known."""
    return Failed(message, where and where.line, where and where.file)


def _at(where: SourceLocation | None) -> str:
    return f" ({where})" if where else ""
