"""How much the machine changes from slice to slice of a block."""

from __future__ import annotations

from collections.abc import Sequence

from lab.analysis.sliced_load import slice_values
from lab.stats.paired_slices import median_error
from lab.trials.trial import Trial


def slice_scatter(trials: Sequence[Trial]) -> float | None:
    """Return the largest standard error that their slices give the ratio of two arms.

    Args:
        trials: Of all arms in one block. The first is compared with each other.

    Returns:
        Of the log ratio of throughputs (`median_error`); None if the arms were not loaded in turn,
        in slices of one number, or if a slice has no answer.
    """
    rates = [slice_values(trial, "throughput", {}) for trial in trials]
    known = [each for each in rates if each]
    if len(known) < max(len(rates), 2) or len({len(each) for each in known}) > 1:
        return None
    first, *others = known
    return max(median_error(first, each) for each in others)
