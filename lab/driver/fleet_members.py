"""The members of a fleet, and the slots that the plan has for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gevent.queue import Queue

from lab.driver.clock_offset import SHARED, ClockOffset
from lab.driver.frame_merge import ReportNumbers
from lab.driver.local_worker import LocalWorker
from lab.driver.worker_messages import Join
from lab.driver_messages import WORKER_TOKEN


class FleetError(Exception):
    """The run cannot go on; the text is a clause for the user.

    Attributes:
        line: Of the scenario, if the error comes from there.
        file: In which the line is.
        of_scenario: Whether that is to be corrected.
    """

    def __init__(
        self,
        message: str,
        line: int | None = None,
        file: str | None = None,
        *,
        of_scenario: bool = False,
    ) -> None:
        super().__init__(message)
        self.line, self.file, self.of_scenario = line, file, of_scenario


class WorkersMissing(FleetError):
    """Some workers were not there in time, or not ready.

    Attributes:
        names: Theirs.
        waited_s: For them, seconds.
    """

    def __init__(self, message: str, names: Sequence[str], waited_s: float) -> None:
        super().__init__(message)
        self.names, self.waited_s = names, waited_s


class Lost(NamedTuple):
    """A worker is lost, or what it sends is wrong."""

    reason: str  # a clause about it


@dataclass(eq=False)
class Member:
    """A worker that was admitted."""

    name: str
    client: str  # Locust's id of it
    join: Join
    place: str
    process: LocalWorker | None
    clock: ClockOffset = SHARED
    numbers: ReportNumbers = field(default_factory=ReportNumbers)
    classes: tuple[str, ...] | None = None  # of users; None until the scenario is imported
    pongs: Any = field(default_factory=Queue)  # of (Pong, when it came)

    @property
    def title(self) -> str:
        """Name and place."""
        return f"{self.name} ({self.place})"


@dataclass(eq=False)
class Slot:
    """The place of a worker in the plan."""

    name: str
    is_local: bool
    member: Member | None = None
    process: LocalWorker | None = None
    starts: int = 0  # since a worker was ready here


def slot_for(join: Join, slots: Sequence[Slot]) -> Slot | None:
    """The free slot of a process that joins; None if there is none."""
    for slot in slots:
        if slot.member is not None:
            continue
        if slot.is_local and slot.process is not None and slot.process.slot == join.slot:
            return slot
        if not slot.is_local and not join.slot:
            return slot
    return None


def missing_text(missing: Sequence[Slot], total: int, waited_s: float, address: str) -> str:
    """Which workers are missing, and how those of other machines are started.

    Args:
        missing: Their slots.
        total: Of all slots.
        waited_s: Seconds.
        address: Of the master.
    """
    text = f"{total - len(missing)} of {total} workers have joined after {waited_s:.0f} s"
    if all(slot.is_local for slot in missing):
        return f"{text}; {missing[0].name}, a process of this machine, is not ready"
    return (
        f"{text}: start `lab worker {address}` in the project folder of another machine, with the "
        f"token of this run in {WORKER_TOKEN}"
    )
