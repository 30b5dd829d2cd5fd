"""What runs recorded, block by block, and how far blocks scatter."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lab.analysis.block_values import block_values
from lab.files.json_files import read_lines
from lab.hypothesis import Hypothesis, Step, loads
from lab.runs.run_folder import RunFolder
from lab.stats.latency_histogram import Histogram
from lab.stats.paired_slices import median_error
from lab.trials.block_grouping import Block, group_trials
from tests.runs import lab, outcome_of

RESAMPLES = 10_000


def run_text(project: Path, name: str, text: str, seed: int) -> tuple[RunFolder, Hypothesis]:
    """`lab run` of a hypothesis to its verdict. RuntimeError if it has none."""
    file = project / "hypotheses" / f"{name}.md"
    file.write_text(text)
    done = lab("run", name, f"--seed={seed}", "--no-profile", project=project)
    folder = project / "reports" / name / "latest"
    if not (folder / "verdict.json").is_file():
        raise RuntimeError(done.stderr or done.stdout)
    return RunFolder.open(folder.resolve()), loads(text, file, project)


def outcome(run_folder: RunFolder) -> dict[str, Any]:
    """The verdict of a run, and what it rests on."""
    return outcome_of(json.loads(run_folder.path("verdict.json").read_text()))


def log_ratios(run_folder: RunFolder, hypothesis: Hypothesis) -> list[float]:
    """The log ratio of the first prediction in each block that counts, as the verdict takes it."""
    prediction = hypothesis.predictions[0]
    assert prediction.compare is not None
    found = []
    for block in _blocks(run_folder):
        values = block_values(hypothesis, prediction, block, run_folder.plan().margins)
        left, right = values[prediction.compare.left], values[prediction.compare.right]
        assert left is not None
        assert right is not None
        found.append(math.log(left) - math.log(right))
    return found


def counting_noise(run_folder: RunFolder) -> list[dict[str, float]]:
    """What counting makes of the log ratio of throughputs, in each block of two arms that counts.

    Returns:
        By block: `requests` and `slices` of an arm; the variances `poisson`, if answers came at
        random, `renewal`, if the cycles of a user differed as the response times within a slice
        do, independently (Cox 1962), and `between`, which the differences between the slices
        leave of their median.
    """
    records = {
        (record["block"], record["arm"]): record
        for record in read_lines(run_folder.path("trials.jsonl"))
    }
    found = []
    for block in _blocks(run_folder):
        places = [(trials[0].block, step) for step, trials in block.items()]
        trials = [records[number, step.arm] for number, step in places]
        counts = [_count(trial) for trial in trials]
        spreads = [relative_variance(_latencies(run_folder, *place)) for place in places]
        rates = [slice_rates(trial) for trial in trials]
        found.append(
            {
                "requests": statistics.fmean(counts),
                "slices": float(len(rates[0])),
                "poisson": sum(1 / count for count in counts),
                "renewal": sum(
                    spread / count for spread, count in zip(spreads, counts, strict=True)
                ),
                "between": median_error(*rates) ** 2,
            }
        )
    return found


def relative_variance(parts: Sequence[Histogram]) -> float:
    """The variance of latencies within each part, relative to its squared mean; over all parts."""
    squares = count = 0.0
    for part in parts:
        if not part.count or not part.mean:
            continue
        below = 0.0
        for value, share in part.cdf():
            squares += (share - below) * part.count * (value / part.mean - 1) ** 2
            below = share
        count += part.count
    return squares / count if count else 0.0


def slice_rates(record: Mapping[str, Any]) -> list[float]:
    """Requests a second in each slice of a trial of load; none if it has no slices."""
    return [
        sum(count for _, _, count, *_ in each["requests"]) / each["seconds"]
        for each in record.get("slices", ())
    ]


def deviations(runs: Sequence[Sequence[float]]) -> np.ndarray:
    """How far each block is from the mean of its run; their mean square is the variance."""
    parts = [
        (np.array(run) - np.mean(run)) * math.sqrt(len(run) / (len(run) - 1))
        for run in runs
        if len(run) > 1
    ]
    return np.concatenate(parts)


def standard_deviation(runs: Sequence[Sequence[float]]) -> float:
    """Of the blocks within their run."""
    return float(np.sqrt(np.mean(deviations(runs) ** 2)))


def times_smaller(
    before: Sequence[Sequence[float]], after: Sequence[Sequence[float]]
) -> tuple[float, float, float]:
    """The ratio of the standard deviations with its 95 % interval, resampled from the blocks."""
    rng = np.random.default_rng(1)
    first, second = deviations(before), deviations(after)
    drawn = [
        np.sqrt(np.mean(rng.choice(each, (RESAMPLES, len(each))) ** 2, axis=1))
        for each in (first, second)
    ]
    low, high = np.quantile(drawn[0] / drawn[1], (0.025, 0.975))
    return standard_deviation(before) / standard_deviation(after), float(low), float(high)


def _blocks(run_folder: RunFolder) -> Sequence[Block]:
    return group_trials(run_folder.trials(), run_folder.plan()).complete


def _count(record: Mapping[str, Any]) -> int:
    return sum(each["count"] for each in record["requests"].values())


def _latencies(run_folder: RunFolder, block: int, step: Step) -> list[Histogram]:
    """Of each slice, or of each second without slices."""
    return [
        Histogram.from_dict(requests["latency"])
        for row in run_folder.series(block, step)
        if row["window"]
        for requests in row["requests"].values()
    ]
