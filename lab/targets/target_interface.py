"""The interface of targets: start, configure, reset, watch and stop the system under test."""

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


class DatabaseError(TargetFailure):
    """PostgreSQL could not be started, reached or used."""


class SettingError(TargetUsageError):
    """An arm sets what the service does not know, or a value that it does not accept."""

    def __init__(self, arm: str, setting: str, problem: str) -> None:
        super().__init__(f"arm {arm}: {setting}: {problem}")
        self.arm, self.setting = arm, setting


@dataclass(frozen=True)
class Identity:
    """What a process of an arm reports about itself at `/ready`."""

    instance: str  # new with each start
    settings: Mapping[str, str]  # secrets redacted


class Target(Protocol):
    """The system under test: arms that run side by side, each at a URL of its own.

    Every method may raise TargetFailure if a process or a database fails.
    """

    name: str

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Refuse, before anything starts, settings that the service does not accept.

        Raises:
            SettingError: An arm sets what the service does not know or accept.
            TargetUsageError: The target cannot be used here.
        """

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Start all arms, by name with their settings, and wait until they are ready."""

    def url(self, arm: str) -> str:
        """The URL of an arm's service."""

    def identities(self, arm: str) -> dict[str, Identity]:
        """The processes that answer, by role. TargetFailure if one of them does not."""

    def expected(self, arm: str) -> Mapping[str, str]:
        """The settings that the arm's service should report at `/ready`."""

    def dead(self, arm: str) -> str | None:
        """Which process of an arm has ended, and how; None if all run."""

    def restart(self, *arms: str) -> None:
        """Replace the processes of these arms by new ones, and wait until all are ready."""

    def reset(self, arm: str) -> None:
        """Bring an arm back to its seeded state."""

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """Process ids by role, for the sampler."""

    def activity(self, arm: str) -> dict[str, Any]:
        """What the arm's database sessions do and wait for at this moment."""

    def profile(self, arm: str) -> ProfiledCopy:
        """Start a copy of the arm's service under a profiler."""

    def conditions(self) -> dict[str, Any]:
        """What is recorded of the target in `conditions.json`; secrets are redacted."""

    def stop(self) -> None:
        """Stop all arms and remove what was made for them."""


class ProfiledCopy(Protocol):
    """A copy of an arm's service that runs under a profiler."""

    url: str

    def wait(self) -> None:
        """Wait until it is ready."""

    def finish(self) -> str:
        """Stop it and return the profile as text."""
