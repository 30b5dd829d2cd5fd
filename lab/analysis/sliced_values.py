"""The values of processes that were measured in turn, in slices.

Within one block they are compared slice by slice: those of the same round are neighbours in time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from lab.stats.paired_slices import paired_log_ratio
from lab.trial import BenchmarkEvidence, Trial


def relative_to(reference: Trial, value: float, trial: Trial) -> float | None:
    """The value of a trial as the paired ratio to another, times the value of that.

    Args:
        reference: The trial that it is compared with, of the same block.
        value: Of the reference, from all of its slices.
        trial: The one whose value is asked for.

    Returns:
        In the unit of `value`; None if the two were not measured in turn, so that no slices are
        neighbours.
    """
    first, second = reference.evidence, trial.evidence
    if not isinstance(first, BenchmarkEvidence) or not isinstance(second, BenchmarkEvidence):
        return None
    if not first.slices or not second.slices or first.group != second.group:
        return None
    return value * math.exp(paired_log_ratio(_values(first), _values(second)))


def _values(evidence: BenchmarkEvidence) -> Sequence[float]:
    return [each.value_s for each in evidence.slices]
