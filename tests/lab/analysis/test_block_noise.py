from __future__ import annotations

import math

import numpy as np
import pytest

from lab.analysis.block_noise import block_log_ratios, pool_noise
from lab.trials.block_grouping import group_trials
from tests.default_margins import MARGINS
from tests.lab.builders import SHIPPED, blocks, plan, ratio


def test_noise_is_pooled_within_runs() -> None:
    """Runs that differ as a whole do not add to it; one of a single block adds nothing."""
    rng = np.random.default_rng(3)
    runs = [rng.normal(mean, 0.02, size) for mean, size in ((0.0, 40), (5.0, 60), (-5.0, 20))]
    found = pool_noise([*(run.tolist() for run in runs), [9.0]])
    assert found is not None
    assert (found.blocks, found.runs) == (120, 3)
    assert found.deviation == pytest.approx(0.02, rel=0.15)
    assert found.mean == pytest.approx(float(np.concatenate(runs).mean()))


def test_without_two_blocks_there_is_no_noise() -> None:
    assert pool_noise([]) is None
    assert pool_noise([[], [0.1]]) is None


def test_log_ratios_are_those_of_the_comparison() -> None:
    made = group_trials(blocks({"narrow": [100.0, 50.0], "wide": [200.0, 200.0]}), plan()).complete
    found = block_log_ratios(SHIPPED, ratio(2.0), made, MARGINS)
    assert found == pytest.approx([math.log(2), math.log(4)])
    less = block_log_ratios(SHIPPED, ratio(2.0, "narrow / wide"), made, MARGINS)
    assert less == pytest.approx([-math.log(2), -math.log(4)])
