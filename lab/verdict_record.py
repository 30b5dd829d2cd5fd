"""The record of a verdict, as `verdict.json` holds it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from lab.file_format_versions import Schema, unchanged

SCHEMA = Schema("lab.verdict", 1, upgrade=unchanged)

Outcome = Literal["supported", "contradicted", "undecided"]
VerdictName = Literal["CONFIRMED", "REFUTED", "INCONCLUSIVE", "INVALID"]


@dataclass(frozen=True)
class Judgement:
    """One prediction, or a rival's, compared with the blocks so far."""

    says: str
    measure: str
    subject: str  # "wide / narrow", or the arm
    bound: str
    outcome: Outcome
    estimate: float | None = None  # None with a `low`: there is none up to `low`
    low: float | None = None
    high: float | None = None
    decided_at: int | None = None  # block
    blocks_wanted: int | None = None  # likely needed to decide, if undecided
    claim: str | None = None  # the rival's
    flaw: str | None = None  # of a slope above 0: why it does not have the shape of a leak

    @property
    def floor(self) -> float | None:
        """The lower limit of a value that is only known from below."""
        if self.estimate is None or self.high is not None or not self.low:  # 0: of a single block
            return None
        return max(self.low, 0.0)


@dataclass(frozen=True)
class Verdict:
    """What the evidence says; `verdict` is None while more blocks are needed."""

    hypothesis: str
    verdict: VerdictName | None
    reasons: tuple[str, ...]
    blocks: int
    voided: int
    predictions: tuple[Judgement, ...]
    rivals: tuple[Judgement, ...]
    alpha: float
    measuring_s: float
    elapsed_s: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {**asdict(self), "schema": str(SCHEMA)}
