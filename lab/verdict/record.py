"""The record of a verdict, as `verdict.json` holds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from lab.files.format_versions import Schema, unchanged

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

    @property
    def decisive(self) -> Judgement | None:
        """What the verdict hangs on: the first contradicted prediction, or what left it open.

        Of a CONFIRMED claim, the prediction or rival that was decided last. None for INVALID and
        before there is a verdict.
        """
        judgements = (*self.predictions, *self.rivals)
        match self.verdict:
            case "REFUTED":
                deciding = [j for j in self.predictions if j.outcome == "contradicted"]
            case "INCONCLUSIVE":
                standing = [j for j in self.rivals if j.outcome == "supported"]
                deciding = [*standing, *(j for j in judgements if j.outcome == "undecided")]
            case "CONFIRMED":
                deciding = sorted(judgements, key=lambda j: -(j.decided_at or 0))
            case _:
                deciding = []
        return deciding[0] if deciding else None

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {**asdict(self), "schema": str(SCHEMA)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Verdict:
        """The inverse of `as_dict`; KeyError or TypeError for what is no verdict."""
        own = {key: value for key, value in data.items() if key != "schema"}
        return cls(
            **{
                **own,
                "reasons": tuple(own["reasons"]),
                "predictions": tuple(Judgement(**each) for each in own["predictions"]),
                "rivals": tuple(Judgement(**each) for each in own["rivals"]),
            }
        )
