"""How far the slices of a block scatter."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from lab.analysis.slice_scatter import slice_scatter
from lab.stats.paired_slices import median_error
from lab.trials.trial import LoadEvidence, LoadSlice, SliceRequests, Trial
from tests.lab.builders import ORDERS, trial


def sliced(arm: str, counts: Sequence[int]) -> Trial:
    """An arm with so many requests in each of its slices, which last a tenth of a second."""
    slices = tuple(
        LoadSlice(place, 0.1, 0.1, 0.0, 0.1, 0.0, {ORDERS: SliceRequests(count, 0, 0.01)}, {}, {})
        for place, count in enumerate(counts)
    )
    return Trial(1, 1, arm, 0.0, 0.1 * len(counts), evidence=LoadEvidence(slices=slices))


STEADY, UNSTEADY = [10, 10, 10, 10], [10, 20, 10, 20]


def test_the_pair_that_scatters_most_counts() -> None:
    found = slice_scatter([sliced("a", STEADY), sliced("b", STEADY), sliced("c", UNSTEADY)])
    assert found == pytest.approx(median_error(STEADY, UNSTEADY))
    assert found is not None
    assert found > 0.1 * math.log(2)
    assert slice_scatter([sliced("a", STEADY), sliced("b", STEADY)]) == 0


@pytest.mark.parametrize(
    "trials",
    [
        [sliced("a", STEADY)],
        [sliced("a", STEADY), sliced("b", [10, 10])],
        [sliced("a", STEADY), sliced("b", [10, 0, 10, 10])],
        [sliced("a", STEADY), trial("b", 100.0)],
    ],
    ids=["one arm", "fewer slices", "no answer", "a whole window"],
)
def test_what_cannot_be_paired_does_not_scatter(trials: list[Trial]) -> None:
    assert slice_scatter(trials) is None
