"""The interface of targets: start, configure, reset, watch and stop the system under test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from lab.errors import LabError, MeasurementError, UsageError
from lab.system import MetricNames


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

    def __init__(self, arm: str, setting: str, problem: str, remedy: str) -> None:
        super().__init__(f"arm {arm}: {setting}: {problem}")
        self.arm, self.setting, self.remedy = arm, setting, remedy


@dataclass(frozen=True)
class Identity:
    """Which process of an arm answers, and the settings that it is known to run with."""

    instance: str  # new with each start
    settings: Mapping[str, str] | None  # secrets redacted; None: nothing is known of them


@dataclass(frozen=True)
class Loaded:
    """The process that load goes to, as far as instruments and gates need to know it."""

    role: str
    metrics: str | None = None  # path of its Prometheus metrics; None if it has none
    metric_names: MetricNames = field(default_factory=MetricNames)


class Target(Protocol):
    """The system under test: arms that run side by side, each at a URL of its own.

    Every method may raise TargetFailure if a process or a database fails.
    """

    name: str

    @property
    def loaded(self) -> Loaded:
        """The process that load goes to."""

    @property
    def proves_settings(self) -> bool:
        """Whether anything shows that the arms run with their settings, once they are started."""

    @property
    def is_switched(self) -> bool:
        """Whether one system serves all arms, and a command changes it for each of them.

        Its arms cannot be loaded in turn, a fraction of a second each.
        """

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Refuse, before anything starts, settings that the service does not accept.

        Raises:
            SettingError: An arm sets what the service does not know or accept.
            TargetUsageError: The target cannot be used here.
        """

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Start all arms, by name with their settings, and wait until they are ready."""

    def activate(self, arm: str) -> None:
        """Let the settings of an arm hold, before a trial of it; nothing if all arms are up."""

    def url(self, arm: str) -> str:
        """The URL of an arm's service."""

    def identities(self, arm: str) -> dict[str, Identity]:
        """The processes that answer, by role. TargetFailure if one of them does not."""

    def expected(self, arm: str) -> Mapping[str, str]:
        """The settings of an arm as its processes should report them."""

    def dead(self, arm: str) -> str | None:
        """Which process of an arm has ended, and how; None if all run."""

    def restart(self, *arms: str) -> None:
        """Replace the processes of these arms by new ones, and wait until all are ready."""

    def reset(self, arm: str) -> None:
        """Bring an arm back to its first state; nothing if the system has no way to do so."""

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """Process ids by role, for the sampler."""

    def activity(self, arm: str) -> dict[str, Any]:
        """What the arm's database sessions do and wait for at this moment; empty without one."""

    def profile(self, arm: str) -> ProfiledCopy:
        """Start a copy of the loaded process under a profiler. TargetFailure if there is none."""

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
