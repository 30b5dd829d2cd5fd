"""The noise from block to block of two arms' log ratio, pooled over earlier runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from lab.analysis.block_values import block_values, values_over_blocks
from lab.decision_margins import DecisionMargins
from lab.hypothesis import Hypothesis, Prediction
from lab.stats.confidence_interval import log_ratio
from lab.trials.block_grouping import Block


@dataclass(frozen=True)
class BlockNoise:
    """What earlier runs showed of a comparison.

    Attributes:
        mean: Of the log ratio over all blocks.
        deviation: Standard deviation of the log ratio of a block within a run.
        blocks: How many blocks.
        runs: How many runs.
    """

    mean: float
    deviation: float
    blocks: int
    runs: int


def block_log_ratios(
    hypothesis: Hypothesis,
    prediction: Prediction,
    blocks: Sequence[Block],
    margins: DecisionMargins,
) -> list[float]:
    """Return the log ratio of the compared arms in each block; empty if a value is missing.

    Args:
        hypothesis: Defines the measures.
        prediction: One that compares two arms, neither by a slope nor by a sweep.
        blocks: Complete ones.
        margins: When a trial has a value.
    """
    assert prediction.compare is not None
    found = [block_values(hypothesis, prediction, block, margins) for block in blocks]
    values = values_over_blocks(prediction, found)
    if values is None:
        return []
    return log_ratio(values[prediction.compare.right], values[prediction.compare.left])


def pool_noise(runs: Sequence[Sequence[float]]) -> BlockNoise | None:
    """Return the noise within runs, pooled by degrees of freedom; None if no run has two blocks.

    Runs are not mixed: what differs between them is not what hides an effect within one.

    Args:
        runs: The log ratio of each block, run by run.
    """
    used = [run for run in runs if len(run) > 1]
    degrees = sum(len(run) - 1 for run in used)
    if not degrees:
        return None
    squares = math.fsum(statistics.variance(run) * (len(run) - 1) for run in used)
    together = [value for run in used for value in run]
    mean = statistics.fmean(together)
    return BlockNoise(mean, math.sqrt(squares / degrees), len(together), len(used))
