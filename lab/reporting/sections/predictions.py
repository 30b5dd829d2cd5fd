"""The results of predictions and rivals: what was seen beside what was predicted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

from lab.hypothesis import Bound, Hypothesis, Prediction
from lab.hypothesis.validation.units import is_share
from lab.measures.number_format import (
    MOST_DIGITS,
    NumberFormat,
    ScalableFormat,
    digits_apart,
    exponent,
    low_to_high,
    measured_ratio,
    plain,
    round_ratio,
)
from lab.measures.value_format import format_value
from lab.reporting.measure_wording import measure_name, value_format
from lab.verdict import wording as verdict_wording
from lab.verdict.record import Judgement, Verdict

Scale = Literal["ratio", "share", "plain"]


@dataclass(frozen=True)
class PredictionResult:
    """One judged prediction: what was said, what was seen, and how it is drawn."""

    says: str
    rival: str | None  # the claim of the rival whose prediction it is
    quantity: str  # what was estimated, and of which arms: the same from run to run
    bound: Bound
    scale: Scale
    axis_format: NumberFormat
    estimate: float | None
    low: float | None
    high: float | None
    tone: verdict_wording.Tone
    outcome: str
    predicted: str  # the bound in its unit
    observed: str  # what was seen, in one clause
    note: str  # when it was decided, what it would take, or why it does not matter

    @property
    def title(self) -> str:
        """What is at stake, as its author put it."""
        said = self.rival or self.says
        return f"{said[:1].upper()}{said[1:]}"

    @property
    def sentence(self) -> str:
        """Observation against bound."""
        predicts = "the rival predicts" if self.rival else "predicted:"
        return f"{self.observed}; {predicts} {self.predicted}"


def prediction_results(
    hypothesis: Hypothesis, verdict: Verdict
) -> tuple[tuple[PredictionResult, ...], tuple[PredictionResult, ...]]:
    """The results of the predictions and of the rivals, in the order of the hypothesis."""
    predictions = zip(hypothesis.predictions, verdict.predictions, strict=True)
    rivals = zip(hypothesis.rivals, verdict.rivals, strict=True)
    return (
        tuple(_result(hypothesis, p, judged, verdict) for p, judged in predictions),
        tuple(_result(hypothesis, r.prediction, judged, verdict) for r, judged in rivals),
    )


def _result(
    hypothesis: Hypothesis, prediction: Prediction, judged: Judgement, verdict: Verdict
) -> PredictionResult:
    scale = _scale(hypothesis, prediction, judged)
    measured, chosen = _formats(hypothesis, prediction, scale)
    digits = digits_apart(
        measured, (judged.estimate, judged.low, judged.high), prediction.bound.edges
    )
    tone, outcome = verdict_wording.outcome(judged)
    return PredictionResult(
        says=judged.says,
        rival=judged.claim,
        quantity=f"{judged.measure} {judged.subject}",
        bound=prediction.bound,
        scale=scale,
        axis_format=chosen,
        estimate=judged.estimate,
        low=None if scale == "ratio" and (judged.low or 0.0) <= 0 else judged.low,
        high=judged.high,
        tone=tone,
        outcome=outcome,
        predicted=prediction.bound_words
        if prediction.grows
        else _bound(prediction.bound, lambda edge: chosen(edge, MOST_DIGITS)),
        observed=_observed(hypothesis, prediction, judged, lambda value: measured(value, digits)),
        note=_note(judged, verdict),
    )


def _scale(hypothesis: Hypothesis, prediction: Prediction, judged: Judgement) -> Scale:
    if prediction.slope is not None:
        return "plain"
    if prediction.compare is not None or prediction.grows == "constant":
        return "ratio"
    if prediction.grows is not None or prediction.count:
        return "plain"
    if not is_share(prediction, hypothesis.measures):
        return "plain"
    if prediction.measure not in hypothesis.measures:
        return "share"
    bound = prediction.bound
    figures = (
        judged.estimate, judged.low, judged.high,
        bound.at_least, bound.at_most, *(bound.within or ()),
    )  # fmt: skip
    within = all(0 <= figure <= 1 for figure in figures if figure is not None)
    return "share" if within else "plain"


def _formats(
    hypothesis: Hypothesis, prediction: Prediction, scale: Scale
) -> tuple[ScalableFormat, ScalableFormat]:
    """The formats of what was measured, and of bounds and axes."""
    form: ScalableFormat
    if scale == "ratio":
        return measured_ratio, round_ratio
    if prediction.grows is not None:
        form = exponent
    elif prediction.slope is not None:
        form = partial(format_value, prediction.quantity)
    elif prediction.count:
        form = plain
    else:
        form = value_format(prediction.measure, hypothesis.measures, scale == "share")
    return form, form


def _bound(bound: Bound, form: NumberFormat) -> str:
    if bound.at_least is not None:
        return f"at least {form(bound.at_least)}"
    if bound.at_most is not None:
        return f"at most {form(bound.at_most)}"
    assert bound.within is not None
    return f"within {low_to_high(form, bound.within)}"


def _observed(
    hypothesis: Hypothesis, prediction: Prediction, judged: Judgement, form: NumberFormat
) -> str:
    if prediction.slope is not None:
        return _observed_slope(prediction, judged, form)
    name = (
        prediction.measure.replace("_", " ")
        if prediction.count
        else measure_name(prediction.measure, hypothesis.measures)
    )
    if judged.estimate is None and judged.low is not None:
        return f"{judged.subject} has no {name} up to {form(judged.low)}"
    if judged.estimate is None:
        return f"{name} of {judged.subject}: no evidence"
    if judged.floor is not None and prediction.grows is None:
        return f"{name} of {_relation(prediction, judged, f'at least {form(judged.floor)}')}"
    seen = f"{name} of {_relation(prediction, judged, form(judged.estimate))}"
    if prediction.count:
        return f"{seen} in every process"
    if judged.low is None or judged.high is None:
        return f"{seen} (no bounded interval)"
    return f"{seen} ({low_to_high(form, [judged.low, judged.high])})"


def _relation(prediction: Prediction, judged: Judgement, value: str) -> str:
    """What the value belongs to: an arm, two arms, or sizes."""
    if prediction.compare is not None:
        left = prediction.compare.left
        return f"{left} is {value} that of {judged.subject.removeprefix(f'{left} / ')}"
    if prediction.grows == "constant":
        return f"{prediction.arm} at the largest size is {value} that at the smallest"
    if prediction.grows is not None:
        return f"{prediction.arm} grows with exponent {value}"
    return f"{judged.subject} is {value}"


def _observed_slope(prediction: Prediction, judged: Judgement, form: NumberFormat) -> str:
    what = f"slope of {prediction.slope} of {prediction.subject}"
    if judged.estimate is None:
        return f"{what}: no evidence"
    seen = f"{what} is {form(judged.estimate)}"
    if judged.low is not None and judged.high is not None:
        seen += f" ({form(judged.low)} to {form(judged.high)})"
    return f"{seen}, but {judged.flaw}" if judged.flaw else seen


def _note(judged: Judgement, verdict: Verdict) -> str:
    if judged.decided_at is not None:
        return f"decided after {judged.decided_at} of {verdict.blocks} blocks"
    if immaterial := verdict_wording.why_immaterial(verdict, judged):
        return f"not decided, and {immaterial}"
    if judged.estimate is None:
        return "not decided"
    if judged.blocks_wanted is not None:
        return f"about {judged.blocks_wanted} blocks in total would likely decide it"
    known = "" if judged.floor is None else "known from below only: "
    return f"{known}more blocks are not expected to decide it"
