"""The explanations for readers of a report: intervals, verdicts, known limits."""

from __future__ import annotations

from collections.abc import Mapping

from lab.hypothesis import Hypothesis, SoakTest

INTERIM_NOTE = "Intervals are as of the last block; what was decided earlier stays decided."

INVALID_NOTE = "The run is not to be trusted: what follows is shown, not believed."

VERDICT_MEANINGS: Mapping[str, str] = {
    "CONFIRMED": "every prediction is supported and every rival's prediction is contradicted.",
    "REFUTED": "at least one prediction is contradicted; a useful answer, not a failure.",
    "INCONCLUSIVE": "the evidence ran out first, or a rival explanation still stands.",
    "INVALID": "the measurement itself failed its checks; no conclusion may be drawn.",
}

KNOWN_LIMITS = (
    "Noise that is skewed in one arm raises the error rate above the nominal level: in simulation "
    "from .01 to between .10 and .18 under exponential and lognormal tails.",
    "So does correlation between neighbouring blocks: to .024 at a correlation of .2.",
    "The verdict speaks of this service, this load and these conditions, and of no others.",
)


def method(hypothesis: Hypothesis, alpha: float) -> str:
    """How the verdict of a hypothesis is reached, at the level `alpha` a side."""
    if isinstance(hypothesis.kind, SoakTest):
        return _method_of_soaks(alpha)
    return (
        "A block holds one trial of every arm in random order; arms are compared within blocks, "
        "and an interval tells where the mean over blocks may lie, at a level that allows for a "
        f"look after every block (α = {alpha:g} a side). "
        "A prediction is supported when its whole interval meets the bound, contradicted when a "
        "somewhat wider one (α over the number of predictions) misses it, and undecided otherwise. "
        "Claim, bounds and rule were sealed before the first trial, so that nothing was chosen "
        "after seeing the data."
    )


def _method_of_soaks(alpha: float) -> str:
    return (
        "A block holds one life of every arm: fresh processes, driven side by side at the same "
        "rate to the block's end. The first third of a life does not count. Slopes are compared "
        "within blocks, and an interval tells where the mean over blocks may lie "
        f"(α = {alpha:g} a side, one look at the end; one block alone is a screening, its interval "
        "from its own scatter). That something grows is supported only where it also grows in "
        "every third and does not bend to a standstill: a leak that stops is not a leak. "
        "Claim, bounds and rule were sealed before the soak began."
    )
