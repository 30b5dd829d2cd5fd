"""The ports of the instruments that the loop uses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from lab.driver_protocol import RunTrial, TrialMessage
from lab.trial import Usage

Roles = Mapping[str, tuple[int, ...]]  # role -> its processes; their children belong to it


class Driver(Protocol):
    """Loads a URL, trial by trial."""

    @property
    def pid(self) -> int:
        """Its process id."""

    def drive(self, trial: RunTrial) -> Iterator[TrialMessage]:
        """`Opened`, a `Frame` about every second, and `Closed`; DriverError if it cannot go on."""


class TrialObserver(Protocol):
    """What watches one trial from its window's opening to its closing."""

    def row(self) -> dict[str, Any]:
        """What was seen last, for the series."""

    def finish(self, whole: bool) -> None:
        """Wait for the last looks, unless the trial was cut short."""

    @property
    def counters(self) -> dict[str, float]:
        """Growth of each counter over the window."""

    @property
    def counters_uncertainty_s(self) -> float:
        """How well the moments of the scrapes are known."""

    @property
    def usage(self) -> dict[str, Usage]:
        """Usage by role over the window."""

    @property
    def others(self) -> tuple[float, float]:
        """Cores used by strangers, and the hypervisor's share."""


# base URL, roles, database activity, opening and closing in monotonic seconds
ObserverFactory = Callable[[str, Roles, Callable[[], dict[str, Any]], float, float], TrialObserver]
