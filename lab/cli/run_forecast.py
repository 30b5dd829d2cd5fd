"""Before a load test or a benchmark: what the recorded noise of this machine lets it decide."""

from __future__ import annotations

import contextlib
import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from lab.errors import UsageError
from lab.hypothesis import Bound, Hypothesis, Prediction, SoakTest, parse_measure
from lab.machine.conditions import share_noise
from lab.measures.number_format import measured_ratio, percentage
from lab.measures.table import Scope
from lab.runs.run_folder import earlier_runs
from lab.stats.confidence_interval import count_beyond_chance
from lab.stats.sequential_looks import nominal_level
from lab.trials.block_grouping import Block, group_trials
from lab.trials.plan import Plan

if TYPE_CHECKING:
    from lab.analysis.block_noise import BlockNoise
    from lab.cli.certificates import Certificate

_LATEST_RUNS = 5  # that are read
_ROUNDING = 1e-9  # of log ratios that are equal in all blocks

UNKNOWN = (
    "what a run can decide is not known yet: no earlier run of this claim recorded two blocks "
    "on this machine, with as many cores and the same database server"
)


class _EarlierRun(NamedTuple):
    blocks: tuple[Block, ...]
    block_ends: tuple[float, ...]  # seconds since the command began, of its first session


class Timing(NamedTuple):
    """How long the parts of a run take."""

    start_s: float  # until the first block begins
    block_s: float

    def blocks_within(self, budget_s: float) -> int:
        """How many blocks fit into a budget."""
        return int((budget_s - self.start_s) / self.block_s)

    def minutes(self, blocks: int) -> str:
        """How long a run of so many blocks takes, in words."""
        return f"{(self.start_s + blocks * self.block_s) / 60:.1f} min"


def forecast_lines(
    hypothesis: Hypothesis,
    plan: Plan,
    reports: Path,
    here: Mapping[str, Any],
    certificate: Certificate | None = None,
) -> list[str]:
    """Return what a run by this plan is likely to decide, a line for each comparison of two arms.

    Args:
        hypothesis: Of any kind; for a soak there are no lines, it has its own forecast.
        plan: The plan of the run.
        reports: Where earlier runs are, whose noise is used.
        here: The conditions that the run will have, see `expected_conditions`.
        certificate: Of the workload on this machine, whose noise is used if there is no such run.
    """
    compared = [p for p in hypothesis.all_predictions if _is_ratio(p)]
    if isinstance(hypothesis.kind, SoakTest) or not compared:
        return []
    earlier = list(_earlier_runs(plan, reports, here))
    from lab.analysis.block_noise import block_log_ratios, pool_noise

    lines: dict[str, None] = {}  # a rival may repeat a prediction
    timing = block_timing([run.block_ends for run in earlier])
    for prediction in compared:
        noise = pool_noise(
            [block_log_ratios(hypothesis, prediction, run.blocks, plan.margins) for run in earlier]
        )
        if noise is not None and timing is not None:
            source = f"{noise.runs} earlier run{'s' * (noise.runs > 1)}"
            lines[_line(hypothesis, plan, prediction, noise, timing, source)] = None
        elif certificate and (certified := certificate.measures.get(prediction.measure)):
            own = (certified.noise, certificate.timing_of(hypothesis), certificate.source)
            lines[_line(hypothesis, plan, prediction, *own)] = None
    return list(lines) or [UNKNOWN]


def _is_ratio(prediction: Prediction) -> bool:
    """Whether it compares two arms by the ratio of their values in each block."""
    if prediction.compare is None or prediction.slope is not None or prediction.count is not None:
        return False
    return parse_measure(prediction.measure).scope is not Scope.SWEEP


def _line(
    hypothesis: Hypothesis,
    plan: Plan,
    prediction: Prediction,
    noise: BlockNoise,
    timing: Timing,
    source: str,
) -> str:
    """The forecast of one prediction."""
    from lab.stats.decision_forecast import blocks_to_decide

    assert not isinstance(hypothesis.kind, SoakTest)
    last = min(plan.last_look, timing.blocks_within(hypothesis.kind.budget_s))
    what = (
        f"{prediction.quantity} {prediction.subject}, predicted {prediction.bound_words}: "
        f"standard deviation from block to block {percentage(noise.deviation)} "
        f"({noise.blocks} blocks of {source})"
    )
    if last < plan.first_look:
        return f"{what}; the budget ends before the first decision"
    effect = math.exp(noise.mean)
    support_tail, refute_tail = tails(hypothesis, plan, prediction)
    seen_tail = support_tail if _meets(effect, prediction.bound) else refute_tail
    unknown = _unknown(prediction, plan)
    distance = distance_from(noise, prediction.bound, unknown)
    other = _other_distance(noise, prediction.bound, unknown)
    blocks = blocks_to_decide(distance, plan.first_look, last, seen_tail, other)
    if blocks is not None and noise.deviation < _ROUNDING:
        blocks = max(blocks, count_beyond_chance(seen_tail, plan.margins.measures.equal_values))
        blocks = blocks if blocks <= last else None
    seen = f"an effect of {measured_ratio(effect)}, as measured there, "
    if blocks is None:
        seen += "is not likely to be decided"
    else:
        seen += f"likely takes {blocks} blocks (about {timing.minutes(blocks)})"
    # refute_tail is the smaller one: this distance suffices on either side
    smallest = (1 + smallest_effect(plan, last, refute_tail, noise)) * math.exp(unknown) - 1
    return (
        f"{what}; {seen}; {last} blocks (about {timing.minutes(last)}), as many as plan and budget "
        f"allow, likely decide an effect {percentage(smallest)} or more from the bound"
    )


def smallest_effect(plan: Plan, last: int, tail: float, noise: BlockNoise) -> float:
    """How far from its bound a ratio must be so that `last` blocks likely decide it."""
    from lab.stats.decision_forecast import likely_distances

    return math.expm1(likely_distances(plan.first_look, last, tail)[-1] * noise.deviation)


def tails(hypothesis: Hypothesis, plan: Plan, prediction: Prediction) -> tuple[float, float]:
    """The levels of a look at which a prediction is supported and contradicted."""
    k = len(hypothesis.predictions) if prediction in hypothesis.predictions else 1
    looks = plan.first_look, plan.last_look
    return nominal_level(plan.alpha, *looks), nominal_level(plan.alpha / k, *looks)


def _unknown(prediction: Prediction, plan: Plan) -> float:
    """How much of a log ratio no number of blocks tells: two quantiles, each in its bucket."""
    definition = parse_measure(prediction.measure).definition
    if definition is None or definition.quantile is None:
        return 0.0
    accuracy = plan.margins.measures.quantile_accuracy
    return math.log((1 + accuracy) / (1 - accuracy))


def distance_from(noise: BlockNoise, bound: Bound, unknown: float = 0.0) -> float:
    """From the mean of the noise to the nearest edge of the bound, in standard deviations.

    Args:
        noise: Of the log ratio.
        bound: On the ratio.
        unknown: Of the log ratio, what no number of blocks tells.
    """
    return min(_distance(noise, edge, unknown) for edge in bound.edges)


def _other_distance(noise: BlockNoise, bound: Bound, unknown: float) -> float:
    """From a mean inside of `within` to its farther edge, which has to be met as well."""
    if bound.within is None or not _meets(math.exp(noise.mean), bound):
        return math.inf
    return max(_distance(noise, edge, unknown) for edge in bound.within)


def _distance(noise: BlockNoise, edge: float, unknown: float) -> float:
    if edge <= 0:
        return math.inf  # of the log ratio
    gap = max(0.0, abs(noise.mean - math.log(edge)) - unknown)
    if not noise.deviation:
        return math.inf if gap else 0.0
    return gap / noise.deviation


def _meets(effect: float, bound: Bound) -> bool:
    return bound.range.low <= effect <= bound.range.high


def _earlier_runs(plan: Plan, reports: Path, here: Mapping[str, Any]) -> Iterator[_EarlierRun]:
    """The latest runs that were measured as here, by plans that are equal in all that decides."""
    for run_folder in earlier_runs(reports, plan.hypothesis)[-_LATEST_RUNS:]:
        with contextlib.suppress(UsageError):  # a damaged run, or one of another version
            theirs = run_folder.plan()
            if _decides_alike(theirs, plan) and share_noise(run_folder.conditions(), here):
                blocks = group_trials(run_folder.trials(), theirs).complete
                yield _EarlierRun(blocks, ends_of_blocks(run_folder.journal()))


def _decides_alike(a: Plan, b: Plan) -> bool:
    """Whether two plans differ in no more than order, prose, history and commits."""
    return b == replace(
        a,
        digest=b.digest,
        seed=b.seed,
        orders=b.orders,
        attempts=b.attempts,
        revisions=b.revisions,
    )


def ends_of_blocks(journal: Sequence[dict[str, Any]]) -> tuple[float, ...]:
    """When the blocks of the first session ended."""
    ends: list[float] = []
    for place, entry in enumerate(journal):
        if entry["event"] == "session began" and place:
            break
        if entry["event"] == "block":
            ends.append(float(entry["elapsed_s"]))
    return tuple(ends)


def block_timing(runs: Sequence[Sequence[float]]) -> Timing | None:
    """From when the blocks of each run ended; None if no run had two."""
    ends = [run for run in runs if len(run) > 1]
    if not ends:
        return None
    block_s = statistics.median(b - a for own in ends for a, b in pairwise(own))
    start_s = statistics.median(max(0.0, own[0] - block_s) for own in ends)
    return Timing(start_s, max(block_s, 1e-3))
