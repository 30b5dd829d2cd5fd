"""The port of every target: start, configure, reset, watch and stop the service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from lab.errors import LabError, MeasurementError, UsageError


class TargetError(LabError):
    """The target cannot be started or used. Raised as one of the two kinds below."""


class TargetFailure(TargetError, MeasurementError):
    """A process, a container or a database failed or did not answer."""


class TargetUsageError(TargetError, UsageError):
    """The target is configured wrongly, or lacks what only the user can provide."""


class SettingError(TargetUsageError):
    """An arm sets what the service does not know, or a value that it does not accept."""

    def __init__(self, arm: str, setting: str, problem: str) -> None:
        super().__init__(f"arm {arm}: {setting}: {problem}")
        self.arm, self.setting = arm, setting


@dataclass(frozen=True)
class Identity:
    """What a process of an arm says of itself at `/ready`."""

    instance: str  # new with each start
    settings: Mapping[str, str]  # secrets redacted


class Target(Protocol):
    """Arms side by side, each reachable at a URL of its own."""

    name: str

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Refuse settings that the service does not know, before anything starts."""

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Bring up every arm and wait until all are ready."""

    def url(self, arm: str) -> str:
        """Where an arm's service answers."""

    def identities(self, arm: str) -> dict[str, Identity]:
        """Who answers, by role; raises TargetError where one does not."""

    def expected(self, arm: str) -> Mapping[str, str]:
        """The arm's settings as its service should spell them at `/ready`."""

    def dead(self, arm: str) -> str | None:
        """Which of an arm's processes has ended, in words; None where all live."""

    def restart(self, arm: str) -> None:
        """Replace an arm's processes by fresh ones at the same URL, and wait until it is ready."""

    def reset(self, arm: str) -> None:
        """Bring an arm back to its seeded state."""

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """Process ids by role, for the sampler."""

    def activity(self, arm: str) -> dict[str, Any]:
        """What the arm's database sessions do and wait for at this moment."""

    def profile(self, arm: str) -> ProfiledCopy:
        """Start a copy of the arm's service under a profiler."""

    def conditions(self) -> dict[str, Any]:
        """What there is to know of the target, secrets redacted."""

    def stop(self) -> None:
        """Bring everything down."""


class ProfiledCopy(Protocol):
    """A copy of an arm's service that runs under a profiler."""

    url: str

    def wait(self) -> None:
        """Wait until it is ready."""

    def finish(self) -> str:
        """Stop it and return the profile as text."""
