"""The service's risks: which layer answers for each, and a defect that shows that it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Risk:
    """What may go wrong, who would notice, and one way of making it go wrong."""

    name: str
    says: str  # what a user would suffer
    layer: str  # folder below tests/service
    test: str  # file::name within the layer
    file: str  # where the defect is planted
    old: str  # occurs exactly once
    new: str

    @property
    def folder(self) -> str:
        """The layer's tests."""
        return f"tests/service/{self.layer}"

    def planted(self, sound: str) -> str:
        """The file with the defect; ValueError where it no longer applies."""
        if sound.count(self.old) != 1:
            raise ValueError(f"{self.name}: {self.file} has this not exactly once: {self.old!r}")
        return sound.replace(self.old, self.new)


RISKS: tuple[Risk, ...] = ()


def table() -> str:
    """The risk map as it stands in tests/RISKS.md."""
    rows = ["| risk | what a user would suffer | layer | test |", "| --- | --- | --- | --- |"]
    rows += [f"| {r.name} | {r.says} | `{r.layer}/` | `{r.test}` |" for r in RISKS]
    return "\n".join(rows)
