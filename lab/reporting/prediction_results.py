"""Predictions and rivals as judged, put into words and units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from lab import verdict_wording
from lab.hypothesis import Bound, Hypothesis, MetricRatio, Prediction, in_words, parse_measure
from lab.number_format import NumberFormat, low_to_high, measured_ratio, plain, round_ratio
from lab.reporting import wording
from lab.verdict_record import Judgement, Verdict

Scale = Literal["ratio", "share", "plain"]


@dataclass(frozen=True)
class PredictionResult:
    """One judged prediction: what was said, what was seen, and how it is drawn."""

    says: str
    rival: str | None  # the claim of the rival whose prediction it is
    bound: Bound
    scale: Scale
    form: NumberFormat  # of bounds and axes
    estimate: float | None
    low: float | None
    high: float | None
    tone: verdict_wording.Tone
    outcome: str
    predicted: str  # the bound in its unit
    observed: str  # what was seen, in one clause
    note: str  # when it was decided, or what it would take

    @property
    def title(self) -> str:
        """What is at stake, as its author put it."""
        said = self.rival or self.says
        return f"{said[:1].upper()}{said[1:]}"

    @property
    def sentence(self) -> str:
        """Observation against bound."""
        return (
            f"{self.observed}; {'the rival needs' if self.rival else 'predicted:'} {self.predicted}"
        )


def findings(hypothesis: Hypothesis, verdict: Verdict) -> tuple[tuple[PredictionResult, ...], ...]:
    """The predictions and the rivals of a verdict, in the order of the hypothesis."""
    return (
        tuple(
            _finding(hypothesis, prediction, judgement, verdict.blocks)
            for prediction, judgement in zip(
                hypothesis.predictions, verdict.predictions, strict=True
            )
        ),
        tuple(
            _finding(hypothesis, rival.prediction, judgement, verdict.blocks)
            for rival, judgement in zip(hypothesis.rivals, verdict.rivals, strict=True)
        ),
    )


def own_reasons(verdict: Verdict, shown: Sequence[PredictionResult]) -> tuple[str, ...]:
    """The reasons that no single finding tells already."""
    return tuple(
        reason
        for reason in verdict.reasons
        if not any(reason.startswith(f"{finding.says}: ") for finding in shown)
    )


def _finding(
    hypothesis: Hypothesis, prediction: Prediction, judged: Judgement, blocks: int
) -> PredictionResult:
    scale = _scale(hypothesis, prediction, judged)
    figure: NumberFormat
    form: NumberFormat
    if prediction.slope is not None:
        figure = form = partial(in_words, prediction.quantity)
    elif prediction.count:
        figure = form = plain
    else:
        figure = form = wording.measure_format(
            prediction.measure, hypothesis.measures, scale == "share"
        )
    if scale == "ratio":
        figure, form = measured_ratio, round_ratio
    elif prediction.grows is not None:
        figure = form = "{:.2f}".format
    tone, outcome = verdict_wording.outcome(judged)
    return PredictionResult(
        says=judged.says,
        rival=judged.claim,
        bound=prediction.bound,
        scale=scale,
        form=form,
        estimate=judged.estimate,
        low=judged.low,
        high=judged.high,
        tone=tone,
        outcome=outcome,
        predicted=prediction.bound_words
        if prediction.grows
        else wording.bound(prediction.bound, form),
        observed=_observed(hypothesis, prediction, judged, figure),
        note=_note(judged, blocks),
    )


def _scale(hypothesis: Hypothesis, prediction: Prediction, judged: Judgement) -> Scale:
    if prediction.slope is not None:
        return "plain"
    if prediction.compare is not None or prediction.grows == "constant":
        return "ratio"
    if prediction.grows is not None or prediction.count:
        return "plain"
    custom = hypothesis.measures.get(prediction.measure)
    if custom is None:
        return "share" if parse_measure(prediction.measure).is_share else "plain"
    bound = prediction.bound
    figures = (
        judged.estimate, judged.low, judged.high,
        bound.at_least, bound.at_most, *(bound.within or ()),
    )  # fmt: skip
    within = all(0 <= figure <= 1 for figure in figures if figure is not None)
    return "share" if isinstance(custom, MetricRatio) and within else "plain"


def _observed(
    hypothesis: Hypothesis,
    prediction: Prediction,
    judged: Judgement,
    form: NumberFormat,
) -> str:
    if prediction.slope is not None:
        return _grown(prediction, judged)
    name = (
        prediction.measure.replace("_", " ")
        if prediction.count
        else wording.measure_name(prediction.measure, hypothesis.measures)
    )
    if judged.estimate is None and judged.low is not None:
        return f"{judged.subject} has no {name} up to {form(judged.low)}"
    if judged.estimate is None:
        return f"{name} of {judged.subject}: no evidence"
    if prediction.compare is not None:
        compared = prediction.compare
        seen = (
            f"{name} of {compared.left} is {form(judged.estimate)} that of "
            f"{judged.subject.removeprefix(f'{compared.left} / ')}"
        )
    elif prediction.grows == "constant":
        seen = (
            f"{name} of {prediction.arm} at the largest size is {form(judged.estimate)} that at "
            "the smallest"
        )
    elif prediction.grows is not None:
        seen = f"{name} of {prediction.arm} grows with exponent {form(judged.estimate)}"
    elif judged.floor is not None:
        return f"{name} of {judged.subject} is at least {form(judged.floor)}"
    else:
        seen = f"{name} of {judged.subject} is {form(judged.estimate)}"
    if prediction.count:
        return f"{seen} in every process"
    if judged.low is None or judged.high is None:
        return f"{seen} (no bounded interval yet)"
    return f"{seen} ({low_to_high(form, [judged.low, judged.high])})"


def _grown(prediction: Prediction, judged: Judgement) -> str:
    what = f"{prediction.slope} of {prediction.subject}"
    form = partial(in_words, prediction.quantity)
    if judged.estimate is None:
        return f"{what}: no evidence"
    seen = f"{what} grows by {form(judged.estimate)}"
    if judged.low is not None and judged.high is not None:
        seen += f" ({form(judged.low)} to {form(judged.high)})"
    return f"{seen}, but {judged.flaw}" if judged.flaw else seen


def _note(judged: Judgement, blocks: int) -> str:
    if judged.decided_at is not None:
        return f"decided after {judged.decided_at} of {blocks} blocks"
    if judged.estimate is None:
        return "not decided"
    if judged.blocks_wanted is not None:
        return f"about {judged.blocks_wanted} blocks would likely decide it"
    return "more blocks are not expected to decide it"
