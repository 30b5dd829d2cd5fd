"""What only a soak needs of `lab run`: its length, and what it can see in it."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lab.errors import UsageError
from lab.hypothesis import Hypothesis, HypothesisError, Prediction, SoakTest
from lab.measure_format import format_value
from lab.trial_plan import DetectableSlope, Plan

if TYPE_CHECKING:
    from lab.analysis.soak_noise import Noise
    from lab.trial import TimeSeries

_LATEST_RUNS = 5  # that are searched for a noise


class TooShort(UsageError):
    """A soak that cannot find what it is to look for; the message says what it could."""


def with_length(
    hypothesis: Hypothesis, plan: Plan, file: Path, length_s: float | None, reports: Path
) -> Plan:
    """The plan of a soak, with its length and what it can detect in it."""
    from lab.experiment.soak_loop import least_s

    assert isinstance(hypothesis.kind, SoakTest)
    length_s = length_s or hypothesis.kind.length_s
    if length_s is None:
        raise HypothesisError(
            file, None, "there is no telling how long to soak", "Add `--for 8h`, or a `length:`."
        )
    pairs = hypothesis.kind.pairs
    if length_s < least_s(pairs):
        blocks = f"{pairs} blocks" if pairs > 1 else "one block"
        raise TooShort(
            f"a soak of {blocks} takes {least_s(pairs):.0f} s at least, not {length_s:.0f} s"
        )
    slopes = [p for p in hypothesis.all_predictions if p.slope is not None]
    planned = replace(plan, length_s=length_s)
    detectable = tuple(_detectable(hypothesis, p, planned, reports) for p in slopes)
    return replace(planned, detectable=detectable)


def told(plan: Plan) -> list[str]:
    """What the soak can detect, in lines."""
    return [
        f"{each.series} of {each.subject}: likely found from "
        f"{format_value(f'slope of {each.series}', each.smallest)} on, predicted {each.bound}"
        f"{' (too little for this time)' if each.is_too_large else ''}; noise: {each.noise}"
        for each in plan.detectable
    ]


def require_detectable(plan: Plan) -> None:
    """Refuse a soak that is too short for a bound of its own."""
    blind = [
        line for each, line in zip(plan.detectable, told(plan), strict=True) if each.is_too_large
    ]
    if blind:
        raise TooShort(
            f"this soak is too short for its prediction: {'; '.join(blind)}. "
            "Give it more time with --for, or run it --anyway"
        )


def _detectable(
    hypothesis: Hypothesis, prediction: Prediction, plan: Plan, reports: Path
) -> DetectableSlope:
    from lab.analysis.soak_detectable_slope import detectable_slope
    from lab.experiment.soak_loop import INTERVAL_S, SWITCH_S

    assert prediction.slope is not None
    assert plan.length_s is not None
    pairs = len(plan.orders)
    noise = _noise(hypothesis, prediction.slope, reports)
    least = detectable_slope(
        noise,
        plan.length_s - pairs * SWITCH_S,
        INTERVAL_S,
        pairs,
        prediction.compare is not None,
        plan.alpha,
    )
    bound = prediction.bound
    if bound.within is not None:  # the interval must fit into it
        wanted = (bound.within[1] - bound.within[0]) / 2
    else:
        edges = (bound.at_least, bound.at_most)
        wanted = min(abs(edge) for edge in edges if edge is not None)
    return DetectableSlope(
        series=prediction.slope,
        subject=prediction.subject,
        bound=prediction.bound_words,
        smallest=float(f"{least:.3g}"),
        noise=f"{_amount(prediction.slope, noise.scatter)} an interval, "
        f"{_amount(prediction.slope, noise.walk)} an hour, from {noise.source}",
        is_too_large=wanted < least,
    )


def _noise(hypothesis: Hypothesis, series: str, reports: Path) -> Noise:
    """From the latest run of the same claim that recorded it, or else the default."""
    from lab.analysis.soak_noise import default_noise, measure_noise
    from lab.run_folder import RunFolder
    from lab.trial import SoakEvidence

    folder = reports / hypothesis.name
    runs = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    for run in [run for run in runs if not run.is_symlink()][:_LATEST_RUNS]:
        run_folder = RunFolder(run)
        if not run_folder.path("plan.json").is_file():
            continue
        if run_folder.plan().claim_digest != hypothesis.claim_digest:
            continue
        recorded: dict[str, list[TimeSeries]] = {}
        for trial in run_folder.trials():
            if not isinstance(trial.evidence, SoakEvidence):
                continue
            if (time_series := trial.evidence.time_series) is not None:
                recorded.setdefault(trial.arm, []).append(time_series)
        if (found := measure_noise(recorded, series, f"the run {run.name}")) is not None:
            return found
    return default_noise(series)


def _amount(series: str, value: float) -> str:
    return format_value(f"slope of {series}", value).removesuffix("/h")


def clock(seconds: float) -> str:
    """A time left: hours where there are some."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def ends_at(seconds: float) -> str:
    """The time of day in so many seconds."""
    return time.strftime("%a %H:%M", time.localtime(time.time() + seconds))
