"""A stand-in for `Target`, for tests of the loop. It runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.targets.interface import Identity, TargetFailure


@dataclass
class FakeTarget:
    """Arms that answer as they are told. `deaths` maps an arm to how it ended."""

    settings: dict[str, dict[str, str]]
    name: str = "fake"
    instances: dict[str, str] = field(default_factory=dict)
    answers: dict[str, dict[str, str]] = field(default_factory=dict)  # where not the settings
    deaths: dict[str, str] = field(default_factory=dict)
    unresettable: set[str] = field(default_factory=set)
    resets: list[str] = field(default_factory=list)
    restarts: list[str] = field(default_factory=list)

    def check(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """Anything goes."""

    def start(self, arms: Mapping[str, Mapping[str, str]]) -> None:
        """At once."""

    def url(self, arm: str) -> str:
        """The arm's name stands for its address."""
        return arm

    def identities(self, arm: str) -> dict[str, Identity]:
        """The service alone."""
        if arm in self.deaths:
            raise TargetFailure(f"the service of arm {arm} is not ready")
        settings = self.answers.get(arm, self.settings[arm])
        return {"service": Identity(self.instances.get(arm, "first"), settings)}

    def expected(self, arm: str) -> Mapping[str, str]:
        """What the arm was given."""
        return self.settings[arm]

    def dead(self, arm: str) -> str | None:
        """As told."""
        return self.deaths.get(arm)

    def restart(self, arm: str) -> None:
        """Alive again, as another instance."""
        self.restarts.append(arm)
        self.deaths.pop(arm, None)
        self.instances[arm] = f"restart {len(self.restarts)}"

    def reset(self, arm: str) -> None:
        """Noted."""
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
        """Nothing to know."""
        return {}

    def stop(self) -> None:
        """At once."""


@dataclass
class FakeProfiled:
    """Implements `ProfiledCopy`."""

    url: str

    def wait(self) -> None:
        """At once."""

    def finish(self) -> str:
        """A profile in name only."""
        return f"profile of {self.url}"
