"""Before a soak: its length, and the smallest slope that it is likely to detect."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.errors import UsageError
from lab.hypothesis import Hypothesis, HypothesisError, Prediction, SoakTest
from lab.machine.conditions import share_noise
from lab.measures.value_format import format_value
from lab.runs.run_folder import RunFolder, earlier_runs
from lab.trials.plan import DetectableSlope, Plan

if TYPE_CHECKING:
    from lab.analysis.soak_noise import Noise
    from lab.hypothesis import Bound
    from lab.trials.time_series import TimeSeries

_LATEST_RUNS = 5  # that are searched for a recorded noise


class TooShort(UsageError):
    """A soak that is too short for its blocks, or to detect what it predicts."""


def plan_soak(
    hypothesis: Hypothesis,
    plan: Plan,
    file: Path,
    length_s: float | None,
    reports: Path,
    here: Mapping[str, Any],
) -> Plan:
    """The plan of a soak, with its length and what it can detect.

    Args:
        hypothesis: A soak.
        plan: The plan without either.
        file: Of the hypothesis, for messages.
        length_s: The length that the command asks for; None for that of the file.
        reports: Where earlier runs are, whose noise is used.
        here: The conditions that the run will have, see `expected_conditions`.

    Raises:
        HypothesisError: Neither command nor file sets a length.
        TooShort: The blocks do not fit.
    """
    from lab.experiment.soak_loop import least_s

    assert isinstance(hypothesis.kind, SoakTest)
    length_s = length_s or hypothesis.kind.length_s
    if length_s is None:
        raise HypothesisError(
            file, None, "the length of the soak is missing", "Add `--for 8h`, or a `length:`."
        )
    pairs = hypothesis.kind.pairs
    if length_s < least_s(pairs):
        blocks = f"{pairs} blocks" if pairs > 1 else "one block"
        raise TooShort(
            f"a soak of {blocks} takes {least_s(pairs):.0f} s at least, not {length_s:.0f} s. "
            f"Give it --for {math.ceil(least_s(pairs))}s or more, or fewer blocks"
        )
    planned = replace(plan, length_s=length_s)
    found = (
        _detectable(p, planned, reports, here)
        for p in hypothesis.all_predictions
        if p.slope is not None
    )
    return replace(planned, detectable=tuple(each for each in found if each is not None))


def unknown_lines(
    hypothesis: Hypothesis, plan: Plan, reports: Path, here: Mapping[str, Any]
) -> list[str]:
    """A line for each predicted slope of which it is not known what can be detected.

    Args:
        hypothesis: A soak.
        plan: For it; its length does not matter.
        reports: Where earlier runs are, whose noise is used.
        here: The conditions that the run will have, see `expected_conditions`.
    """
    return [
        f"{p.slope} of {p.subject}: what can be detected is not known yet: no comparable run of "
        "this claim recorded the series"
        for p in hypothesis.all_predictions
        if p.slope is not None and _noise(plan, p.slope, reports, here) is None
    ]


def detectable_lines(plan: Plan) -> list[str]:
    """What a soak can detect, a line for each predicted slope whose noise is known."""
    return [
        f"{each.series} of {each.subject}: likely detected from "
        f"{format_value(f'slope of {each.series}', each.smallest)} on, predicted {each.bound}"
        f"{' (too little for this time)' if each.is_too_large else ''}; noise: {each.noise}"
        for each in plan.detectable
    ]


def require_detectable(plan: Plan) -> None:
    """TooShort if a bound of the soak is below what it can detect."""
    lines = zip(plan.detectable, detectable_lines(plan), strict=True)
    undetectable = [line for each, line in lines if each.is_too_large]
    if undetectable:
        raise TooShort(
            f"this soak is too short for its prediction: {'; '.join(undetectable)}. "
            "Give it more time with --for, or run it --anyway"
        )


def _detectable(
    prediction: Prediction, plan: Plan, reports: Path, here: Mapping[str, Any]
) -> DetectableSlope | None:
    """None if nothing is known of the noise of its series."""
    from lab.analysis.soak_detectable_slope import detectable_slope
    from lab.experiment.soak_loop import INTERVAL_S, SWITCH_S

    assert prediction.slope is not None
    assert plan.length_s is not None
    pairs = len(plan.orders)
    noise = _noise(plan, prediction.slope, reports, here)
    if noise is None:
        return None
    least = detectable_slope(
        noise,
        plan.length_s - pairs * SWITCH_S,
        INTERVAL_S,
        pairs,
        prediction.compare is not None,
        plan.alpha,
        plan.margins.slope,
    )
    return DetectableSlope(
        series=prediction.slope,
        subject=prediction.subject,
        bound=prediction.bound_words,
        smallest=float(f"{least:.3g}"),
        noise=f"{_amount(prediction.slope, noise.scatter)} an interval, "
        f"{_amount(prediction.slope, noise.walk)} an hour, from {noise.source}",
        is_too_large=_required(prediction.bound) < least,
    )


def _required(bound: Bound) -> float:
    """The slope per hour that a soak has to detect for this bound."""
    if bound.within is not None:  # the interval must fit into it
        return (bound.within[1] - bound.within[0]) / 2
    edges = (bound.at_least, bound.at_most)
    return min(abs(edge) for edge in edges if edge is not None)


def _noise(plan: Plan, series: str, reports: Path, here: Mapping[str, Any]) -> Noise | None:
    """That of the latest comparable run that recorded the series, or the default if it has one."""
    from lab.analysis.soak_noise import default_noise, measure_noise

    for run, recorded in _comparable_runs(plan, reports, here):
        found = measure_noise(recorded, series, f"the run {run}", plan.margins.slope)
        if found is not None:
            return found
    return default_noise(series)


def _comparable_runs(
    plan: Plan, reports: Path, here: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, list[TimeSeries]]]]:
    """The latest runs of this claim that were measured as here, with what they recorded."""
    for run_folder in reversed(earlier_runs(reports, plan.hypothesis)[-_LATEST_RUNS:]):
        with contextlib.suppress(UsageError):  # a damaged run, or one of another version
            theirs = run_folder.plan()
            if _measures_alike(theirs, plan) and share_noise(run_folder.conditions(), here):
                yield run_folder.run, _recorded(run_folder)


def _measures_alike(a: Plan, b: Plan) -> bool:
    """Whether two plans differ in nothing that noise depends on; their lengths may."""
    return (a.claim_digest, a.target_name, a.workers) == (b.claim_digest, b.target_name, b.workers)


def _recorded(run_folder: RunFolder) -> dict[str, list[TimeSeries]]:
    """The time series of a run's trusted soak trials, by arm; one cut short shows too little."""
    from lab.trials.trial import SoakEvidence

    recorded: dict[str, list[TimeSeries]] = {}
    for trial in run_folder.trials():
        evidence = trial.evidence
        if not trial.trusted:
            continue
        if isinstance(evidence, SoakEvidence) and evidence.time_series is not None:
            recorded.setdefault(trial.arm, []).append(evidence.time_series)
    return recorded


def _amount(series: str, value: float) -> str:
    return format_value(f"slope of {series}", value).removesuffix("/h")
