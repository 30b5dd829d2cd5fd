"""A stand-in for `Target`. It runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.targets.target_interface import Identity, Loaded, TargetFailure


@dataclass
class FakeTarget:
    """Arms that answer as these fields say.

    Attributes:
        settings: Settings of each arm.
        instances: The instance that answers, by arm.
        answers: The settings that an arm answers with, if not its own; None for none.
        deaths: How an arm ended, if it did.
        unresettable: Arms whose reset fails.
        unswitchable: Arms whose settings cannot be made to hold.
        is_proved: Whether anything shows the settings.
        is_switched: Whether all arms are one system.
        metrics: Path of its metrics.
        resets: Arms that were reset, in order.
        restarts: Arms that were restarted, in order.
        unrestartable: Arms whose restart fails.
        surviving: Arms whose processes outlive a restart.
    """

    settings: dict[str, dict[str, str]]
    name: str = "fake"
    instances: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, str] | None] = field(default_factory=dict)
    deaths: dict[str, str] = field(default_factory=dict)
    unresettable: set[str] = field(default_factory=set)
    unswitchable: set[str] = field(default_factory=set)
    is_proved: bool = True
    is_switched: bool = False
    metrics: str | None = "/metrics"
    resets: list[str] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)
    unrestartable: set[str] = field(default_factory=set)
    surviving: set[str] = field(default_factory=set)

    @property
    def loaded(self) -> Loaded:
        """The service."""
        return Loaded("service", self.metrics)

    @property
    def proves_settings(self) -> bool:
        """As `is_proved` says."""
        return self.is_proved

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Accepts everything."""

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Nothing to start."""

    def activate(self, arm: str) -> None:
        """Nothing, unless `unswitchable` names the arm."""
        if arm in self.unswitchable:
            raise TargetFailure(f"there is no switch to {arm}")

    def url(self, arm: str) -> str:
        """The name of the arm."""
        return arm

    def identities(self, arm: str) -> dict[str, Identity]:
        """The service alone."""
        if arm in self.deaths:
            raise TargetFailure(f"the service of arm {arm} is not ready")
        settings = self.answers.get(arm, self.settings[arm])
        return {"service": Identity(self.instances.get(arm, "first"), settings)}

    def expected(self, arm: str) -> Mapping[str, str]:
        """The settings of the arm."""
        return self.settings[arm]

    def dead(self, arm: str) -> str | None:
        """As `deaths` says."""
        return self.deaths.get(arm)

    def restart(self, *arms: str) -> None:
        """They run again, as other instances."""
        for arm in arms:
            if arm in self.unrestartable:
                raise TargetFailure(f"the service of arm {arm} is not ready")
            self.restarts.append(arm)
            self.deaths.pop(arm, None)
            if arm not in self.surviving:
                self.instances[arm] = f"restart {len(self.restarts)}"

    def reset(self, arm: str) -> None:
        """Recorded in `resets`."""
        if arm in self.unresettable:
            raise RuntimeError("the disk is gone")
        self.resets.append(arm)

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        """No process."""
        return {}

    def activity(self, arm: str) -> dict[str, Any]:
        """None."""
        return {}

    def profile(self, arm: str) -> FakeProfiled:
        """A copy that does nothing."""
        return FakeProfiled(arm)

    def conditions(self) -> dict[str, Any]:
        """None."""
        return {}

    def stop(self) -> None:
        """Nothing to stop."""


@dataclass
class FakeProfiled:
    """Implements `ProfiledCopy`."""

    url: str

    def wait(self) -> None:
        """Ready at once."""

    def finish(self) -> str:
        """A text with the name of the arm."""
        return f"profile of {self.url}"
