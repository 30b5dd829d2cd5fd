"""The first screen: the verdict with its reasons, earlier attempts, facts of the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from lab.hypothesis import Benchmark, Hypothesis, LoadTest, SoakTest
from lab.measures.number_format import plain
from lab.reporting.measure_wording import STATISTIC_NAMES
from lab.reporting.sections.predictions import PredictionResult
from lab.trials.plan import Attempt, Plan
from lab.verdict import wording as verdict_wording
from lab.verdict.record import Verdict


@dataclass(frozen=True)
class Summary:
    """What the first screen shows."""

    name: str  # of the hypothesis
    run: str
    question: str
    claim: str
    verdict: str
    reasons: tuple[str, ...]  # beside the predictions
    results: tuple[PredictionResult, ...]  # what is against the claim comes first
    attempts: str
    edited: bool  # whether the claim was edited since an earlier attempt
    facts: str

    @property
    def sentence(self) -> str:
        """The verdict in one sentence."""
        return verdict_wording.SUMMARIES[self.verdict]

    @property
    def symbol(self) -> str:
        """The verdict's symbol, for those who do not see its colour."""
        return verdict_wording.SYMBOLS[self.verdict]


def summarize(
    run: str,
    hypothesis: Hypothesis,
    plan: Plan,
    verdict: Verdict,
    results: Sequence[PredictionResult],
) -> Summary:
    """The first screen of a run; the results of an INVALID run are not shown there.

    Args:
        run: Its name.
        hypothesis: As it was sealed.
        plan: Of the run.
        verdict: Of the run, final or interim.
        results: Of all predictions and rivals.
    """
    tones: tuple[verdict_wording.Tone, ...] = ("bad", "open", "good")
    shown = () if verdict.verdict == "INVALID" else results
    return Summary(
        name=hypothesis.name,
        run=run,
        question=hypothesis.question,
        claim=hypothesis.claim,
        verdict=verdict.verdict or "UNFINISHED",
        reasons=_other_reasons(verdict, results),
        results=tuple(sorted(shown, key=lambda result: tones.index(result.tone))),
        attempts=_attempts(plan.attempts),
        edited=any(not attempt.same_claim for attempt in plan.attempts),
        facts=_facts(hypothesis, plan, verdict),
    )


def _other_reasons(verdict: Verdict, results: Sequence[PredictionResult]) -> tuple[str, ...]:
    """The reasons that no result of a prediction shows already."""
    return tuple(
        reason
        for reason in verdict.reasons
        if not any(reason.startswith(f"{result.says}: ") for result in results)
    )


def _attempts(attempts: Sequence[Attempt]) -> str:
    same = [attempt.verdict for attempt in attempts if attempt.same_claim]
    other = [attempt.verdict for attempt in attempts if not attempt.same_claim]
    if same:
        first = f"This claim was run {_times(len(same))} before: {_tally(same)}."
    elif other:
        first = "This claim was not run before in its present form."
    else:
        return "This is the first run of this claim."
    if other:
        return (
            f"{first} Predictions, bounds or arms were edited after "
            f"{len(other)} earlier run{'s' * (len(other) > 1)}: {_tally(other)}."
        )
    return f"{first} Its predictions, bounds and arms have not been edited since."


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")


def _tally(verdicts: Sequence[str]) -> str:
    return ", ".join(f"{name} {_times(count)}" for name, count in Counter(verdicts).items())


def _facts(hypothesis: Hypothesis, plan: Plan, verdict: Verdict) -> str:
    length = f"{plain((plan.length_s or 0.0) / 3600)} h planned"
    match hypothesis.kind:
        case LoadTest() as test:
            measured, length = str(test.load), f"{test.window_s:g} s per trial"
        case Benchmark() as test:
            measured, length = _benchmark_facts(test, plan)
        case SoakTest() as test:
            measured = str(test.load)
    return " · ".join(
        (
            measured,
            *([] if plan.workers is None else [f"load by {plan.workers}"]),
            f"{len(hypothesis.arms)} arm{'s' * (len(hypothesis.arms) > 1)}",
            *(f"{arm} is {commit[:12]}" for arm, commit in plan.revisions.items()),
            f"{verdict.blocks} blocks counted, {verdict.voided} voided",
            length,
            *([] if plan.processes is None else [f"{plan.processes} processes"]),
            *([] if plan.databases is None else [f"{plan.databases} databases"]),
            f"{plain(verdict.elapsed_s)} s in total",
            f"target {plan.target}",
            f"seed {plan.seed}",
        )
    )


def _benchmark_facts(test: Benchmark, plan: Plan) -> tuple[str, str]:
    """What is measured of a process, and for how long."""
    statistic = STATISTIC_NAMES[test.statistic]
    if plan.slices is None:
        return f"{statistic} of the rounds of each process", f"{test.window_s:g} s per trial"
    slices = f"{plan.slices.count} slices of {plan.slices.length_s * 1000:g} ms per trial"
    launches = plan.trials_of_each_step
    return (
        f"{statistic} of the slices of each process",
        slices if launches == 1 else f"{slices}, {launches} trials in each block",
    )
