"""Trials of one block that were measured in turn, compared slice by slice.

Slices of the same round are neighbours in time, so that what changes the speed of the machine for
longer than a slice cancels in their ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from lab.analysis.sliced_load import slice_values
from lab.hypothesis import Metric
from lab.stats.paired_slices import paired_log_ratio
from lab.trials.trial import BenchmarkEvidence, Trial


def paired_ratio(
    first: Trial, second: Trial, name: str, definitions: Mapping[str, Metric]
) -> float | None:
    """Return the ratio of a measure in two trials of one block, `second / first`.

    Args:
        first: The trial of one arm or value.
        second: That of the other.
        name: Of the measure of a load, as a prediction names it; slices of a benchmark have one.
        definitions: Measures that the hypothesis defines.

    Returns:
        None if the two were not measured in turn, if a slice has no value above 0, or for a measure
        that a slice is too short for.
    """
    found = [_values(trial, name, definitions) for trial in (first, second)]
    if not found[0] or not found[1] or len(found[0]) != len(found[1]):
        return None
    if _group(first) != _group(second):
        return None
    return math.exp(paired_log_ratio(found[0], found[1]))


def _values(trial: Trial, name: str, definitions: Mapping[str, Metric]) -> Sequence[float] | None:
    if isinstance(trial.evidence, BenchmarkEvidence):
        return [each.value_s for each in trial.evidence.slices]
    return slice_values(trial, name, definitions)


def _group(trial: Trial) -> int:
    """Which trials of the block were measured in turn with this one."""
    return trial.evidence.group if isinstance(trial.evidence, BenchmarkEvidence) else 1
