"""Estimates and gates become a verdict with reasons: a value, computed in one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from lab.analysis.estimate import Estimate, SlopeEstimate
from lab.analysis.estimate_prediction import PredictionEstimator
from lab.hypothesis import Hypothesis, Prediction, SoakTest
from lab.stats.sequential_looks import nominal_level
from lab.trials.block_grouping import Blocks, group_trials
from lab.trials.plan import Plan
from lab.trials.trial import BenchmarkEvidence, Trial
from lab.verdict.record import Judgement, Outcome, Verdict, VerdictName
from lab.verdict.wording import judgement_reason, rival_reason, undecided_reasons, void_reasons


class Tails(NamedTuple):
    """The probability left out on each side of the interval that supports or contradicts."""

    support: float
    contradict: float


def judge(
    hypothesis: Hypothesis,
    plan: Plan,
    trials: Sequence[Trial],
    *,
    out_of_time: bool = False,
    elapsed_s: float = 0.0,
) -> Verdict:
    """Judge the trials by the sealed rule.

    Looks after each block from `plan.first_look` to `plan.last_look` at the constant level of a
    Pocock t-boundary; what is decided stays decided. CONFIRMED: every prediction supported, each at
    alpha (intersection-union, Berger 1982), every rival's prediction contradicted. REFUTED: some
    prediction contradicted at alpha / k (Holm 1979, first step).

    Args:
        hypothesis: The sealed claim.
        plan: Order of the trials, and the rule with its margins.
        trials: All finished trials, voided ones included.
        out_of_time: Whether the budget ended before the next block.
        elapsed_s: Seconds of the whole command so far.
    """
    blocks = group_trials(trials, plan)
    counted = blocks.complete[: plan.last_look]
    k = len(hypothesis.predictions)
    support_tail = nominal_level(plan.alpha, plan.first_look, plan.last_look)
    refute_tail = nominal_level(plan.alpha / k, plan.first_look, plan.last_look)

    def judged(prediction: Prediction, tails: Tails, claim: str | None = None) -> Judgement:
        estimator = PredictionEstimator(hypothesis, prediction, counted, plan.margins)
        return _judgement(plan, prediction, estimator, len(counted), tails, claim)

    of_claim, of_rivals = Tails(support_tail, refute_tail), Tails(support_tail, support_tail)
    predictions = tuple(judged(p, of_claim) for p in hypothesis.predictions)
    rivals = tuple(judged(r.prediction, of_rivals, r.claim) for r in hypothesis.rivals)
    name, reasons = _decide(plan, blocks, len(counted), predictions, rivals, out_of_time)
    return Verdict(
        hypothesis=hypothesis.name,
        verdict=name,
        reasons=reasons,
        blocks=len(counted),
        voided=len(blocks.voided),
        predictions=predictions,
        rivals=rivals,
        alpha=plan.alpha,
        measuring_s=round(_measuring_s(hypothesis, trials), 3),
        elapsed_s=round(elapsed_s, 3),
    )


def _measuring_s(hypothesis: Hypothesis, trials: Sequence[Trial]) -> float:
    """Seconds in which something was measured; the side by side arms of a soak count once."""
    windows = [(trial.block, trial.measured_s) for trial in trials if _measured(trial)]
    if not isinstance(hypothesis.kind, SoakTest):
        return sum(window_s for _, window_s in windows)
    longest: dict[int, float] = {}
    for block, window_s in windows:
        longest[block] = max(longest.get(block, 0.0), window_s)
    return sum(longest.values())


def _measured(trial: Trial) -> bool:
    return bool(trial.service.requests) or isinstance(trial.evidence, BenchmarkEvidence)


def _decide(
    plan: Plan,
    blocks: Blocks,
    count: int,
    predictions: Sequence[Judgement],
    rivals: Sequence[Judgement],
    out_of_time: bool,
) -> tuple[VerdictName | None, tuple[str, ...]]:
    """The verdict with its reasons; None without reasons while more blocks are needed."""
    final = [f for faults in blocks.voided for f in faults if not f.retryable]
    if final:
        return "INVALID", tuple(dict.fromkeys(fault.message for fault in final))
    if len(blocks.voided) > plan.voids_allowed:
        return "INVALID", void_reasons(blocks.voided)
    refuted = [j for j in predictions if j.outcome == "contradicted"]
    if refuted:
        return "REFUTED", tuple(map(judgement_reason, refuted))
    if all(j.outcome == "supported" for j in predictions):
        standing = [j for j in rivals if j.outcome == "supported"]
        if standing:
            return "INCONCLUSIVE", tuple(map(rival_reason, standing))
        if all(j.outcome == "contradicted" for j in rivals):
            return "CONFIRMED", tuple(map(judgement_reason, (*predictions, *rivals)))
    if count < plan.last_look and not out_of_time:
        return None, ()
    judgements = (*predictions, *rivals)
    return "INCONCLUSIVE", undecided_reasons(plan, count, judgements, out_of_time=out_of_time)


def _judgement(
    plan: Plan,
    prediction: Prediction,
    estimator: PredictionEstimator,
    count: int,
    tails: Tails,
    claim: str | None,
) -> Judgement:
    """What `count` blocks say of one prediction; `claim` is the rival's, if it is a rival's."""
    # what is counted is exact, if two processes agree
    first = plan.blocks_for_a_count if prediction.count else plan.first_look
    outcome, decided_at = _first_decision(prediction, estimator, range(first, count + 1), tails)
    shown = wider = None
    if count >= min(2, first):
        shown, wider = (estimator.estimate(count, tail) for tail in tails)
    return Judgement(
        says=prediction.says,
        measure=prediction.quantity,
        subject=prediction.subject,
        bound=prediction.bound_words,
        outcome=outcome,
        estimate=_json(shown.estimate) if shown else None,
        low=_json(shown.low) if shown else None,
        high=_json(shown.high) if shown else None,
        decided_at=decided_at,
        blocks_wanted=_wanted(prediction, shown, wider, count) if not decided_at else None,
        claim=claim,
        flaw=shown.no_leak_reason if isinstance(shown, SlopeEstimate) and shown.low > 0 else None,
    )


def _first_decision(
    prediction: Prediction, estimator: PredictionEstimator, looks: range, tails: Tails
) -> tuple[Outcome, int | None]:
    """The outcome and the look that decided it, each look taking its blocks alone.

    A value that is missing later cannot undo what is decided.
    """
    for look in looks:
        found = estimator.estimate(look, tails.support)
        if found is not None and found.meets(prediction.bound):
            return "supported", look
        found = estimator.estimate(look, tails.contradict)
        if found is not None and found.misses(prediction.bound):
            return "contradicted", look
    return "undecided", None


def _wanted(
    prediction: Prediction, shown: Estimate | None, wider: Estimate | None, count: int
) -> int | None:
    """Blocks that would decide it if estimate and scatter stayed as they are.

    The half-width shrinks as 1 / sqrt(n). The t quantile shrinks as well, which is left out: the
    number is rather too high. None if it is more than a hundred times the blocks so far, or if no
    number of blocks can decide it.

    Args:
        prediction: That is undecided.
        shown: At the level of a support.
        wider: At the level of a contradiction.
        count: Blocks so far.
    """
    gap = shown.gap(prediction.bound) if shown is not None else None
    if shown is None or gap is None:
        return None
    if shown.equal_until is not None:
        value = replace(shown, low=shown.estimate, high=shown.estimate)
        counted = shown if wider is None or value.meets(prediction.bound) else wider
        return counted.equal_until
    if not math.isfinite(shown.low) or not math.isfinite(shown.high):
        return None
    half = (shown.high - shown.low) / 2
    if gap == 0 or half == 0:
        return None
    blocks = max(count + 1, math.ceil(count * (half / gap) ** 2))
    return blocks if blocks <= 100 * count else None


def _json(value: float) -> float | None:
    """The value, or None for infinity, which JSON lacks."""
    return value if math.isfinite(value) else None
