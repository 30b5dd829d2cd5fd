"""The runs of one hypothesis over time, those together that were measured alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from lab.reporting.run_overview import began, commit_of
from lab.reporting.sections.predictions import PredictionResult, prediction_results
from lab.reporting.table import Table
from lab.runs.judged_run import JudgedRun, Measured
from lab.verdict.wording import VERDICT_TONES, Tone


@dataclass(frozen=True)
class PastRun:
    """One run of a history.

    Attributes:
        number: In the order of all runs of the hypothesis, from 1.
        run: Its name.
        began: When, in UTC.
        commit: The first digits of it.
        verdict: In a word.
        tone: Of the verdict.
        results: Of its predictions and rivals.
        decisive: The one that decided; None for INVALID.
        same_claim: Whether its claim is that of the latest run.
    """

    number: int
    run: str
    began: str
    commit: str
    verdict: str
    tone: Tone
    results: tuple[PredictionResult, ...]
    decisive: PredictionResult | None
    same_claim: bool

    @property
    def decided_by(self) -> str:
        """What was seen of that."""
        return "" if self.decisive is None else self.decisive.observed

    @property
    def claim(self) -> str:
        """Whether figures can be read in one row with the latest."""
        return "same claim" if self.same_claim else "claim edited since"


@dataclass(frozen=True)
class EstimatePoint:
    """An estimate of one run, or that there is none up to the low end of its interval."""

    number: int
    result: PredictionResult
    same_claim: bool

    @property
    def is_known(self) -> bool:
        """Whether the run shows anything of it."""
        return self.result.estimate is not None or self.result.low is not None


@dataclass(frozen=True)
class EstimatePanel:
    """What one prediction, or a rival's, was over the runs.

    Attributes:
        latest: Of the latest run, which need not have an estimate: bound and scale are its own.
        points: At least one, in the order of the runs.
        no_evidence: The numbers of the runs that are left out because they show nothing of it.
        other_scale: The numbers of the runs that are left out for the scale of their estimate.
    """

    latest: PredictionResult
    points: tuple[EstimatePoint, ...]
    no_evidence: tuple[int, ...]
    other_scale: tuple[int, ...]

    @property
    def title(self) -> str:
        """What is at stake."""
        return self.latest.title

    @property
    def caption(self) -> str:
        """The last estimate that is drawn, of which run it is, and which runs are left out."""
        last = self.points[-1]
        sentences = [f"{last.result.sentence}, in run {last.number}."]
        if any(point.result.estimate is None for point in self.points):
            sentences.append("Lines without a marker: none up to where they begin.")
        for numbers, why in (
            (self.other_scale, "estimated on another scale"),
            (self.no_evidence, "without evidence"),
        ):
            if numbers:
                runs = f"run{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
                sentences.append(f"Left out: {runs}, {why}.")
        return " ".join(sentences)


@dataclass(frozen=True)
class AlikeRuns:
    """Runs that were measured alike, in their order."""

    measured: str  # how, in words
    runs: tuple[PastRun, ...]

    @property
    def panels(self) -> tuple[EstimatePanel, ...]:
        """A panel for each prediction and rival of the latest run, over all runs that have it."""
        panels = map(self._panel, self.runs[-1].results)
        return tuple(panel for panel in panels if panel.points)

    def _panel(self, latest: PredictionResult) -> EstimatePanel:
        found = [
            EstimatePoint(run.number, result, run.same_claim)
            for run in self.runs
            if run.verdict != "INVALID" and (result := _matching(latest, run.results)) is not None
        ]
        known = [point for point in found if point.is_known]
        return EstimatePanel(
            latest=latest,
            points=tuple(point for point in known if point.result.scale == latest.scale),
            no_evidence=tuple(point.number for point in found if not point.is_known),
            other_scale=tuple(
                point.number for point in known if point.result.scale != latest.scale
            ),
        )

    @property
    def table(self) -> Table:
        """A row for each run."""
        return Table(
            ("#", "began (UTC)", "commit", "verdict", "decided by", "claim"),
            tuple(
                (str(run.number), run.began, run.commit, run.verdict, run.decided_by, run.claim)
                for run in self.runs
            ),
            "rlllll",
        )


@dataclass(frozen=True)
class RunHistory:
    """All runs of a hypothesis that have a verdict.

    Attributes:
        name: Of the hypothesis.
        question: As the latest run has it.
        groups: Of runs that were measured alike; that of the latest run first.
        left_out: Runs that are not shown, and why.
    """

    name: str
    question: str
    groups: tuple[AlikeRuns, ...]
    left_out: tuple[str, ...]

    @property
    def note(self) -> str:
        """What is to be said of several groups; empty for one."""
        if len(self.groups) < 2:
            return ""
        return (
            f"The runs were measured in {len(self.groups)} ways and are shown apart: a difference "
            "between machines, targets, cores of the target, database servers, numbers of workers "
            "or launches, or fresh and kept processes or databases shows no change of the system."
        )


def run_history(runs: Sequence[JudgedRun], left_out: Sequence[str]) -> RunHistory:
    """The history of a hypothesis.

    Args:
        runs: At least one, in their order, all of the same hypothesis.
        left_out: Other runs, each with the reason.
    """
    latest = runs[-1]
    alike: dict[Measured, list[PastRun]] = {}
    for number, run in enumerate(runs, 1):
        past = _past_run(number, run, latest.plan.claim_digest)
        alike.setdefault(run.measured, []).append(past)
    latest_first = sorted(alike.items(), key=lambda item: -item[1][-1].number)
    return RunHistory(
        name=latest.hypothesis.name,
        question=latest.hypothesis.question,
        groups=tuple(AlikeRuns(str(how), tuple(own)) for how, own in latest_first),
        left_out=tuple(left_out),
    )


def _matching(
    wanted: PredictionResult, results: Sequence[PredictionResult]
) -> PredictionResult | None:
    """What another run estimated of the same quantity; scale and wording decide between several."""
    same = [
        result
        for result in results
        if (result.quantity, result.rival is None) == (wanted.quantity, wanted.rival is None)
    ]
    return min(
        same,
        key=lambda result: (result.scale != wanted.scale, result.says != wanted.says),
        default=None,
    )


def _past_run(number: int, run: JudgedRun, claim_digest: str) -> PastRun:
    predictions, rivals = prediction_results(run.hypothesis, run.verdict)
    results = (*predictions, *rivals)
    judged = (*run.verdict.predictions, *run.verdict.rivals)
    decisive = run.verdict.decisive
    verdict = str(run.verdict.verdict)
    return PastRun(
        number=number,
        run=run.run_folder.run,
        began=began(run.run_folder),
        commit=commit_of(run.run_folder.conditions()),
        verdict=verdict,
        tone=VERDICT_TONES.get(verdict, "open"),
        results=results,
        decisive=None if decisive is None else results[judged.index(decisive)],
        same_claim=run.plan.claim_digest == claim_digest,
    )
