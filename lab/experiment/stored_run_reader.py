"""A stored run, read back: its claim as sealed, its elapsed time, its slopes and its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.files.json_files import RESTORE
from lab.hypothesis import Hypothesis, loads
from lab.measures.value_format import format_value
from lab.runs.run_folder import RunFolder, RunFolderError
from lab.trials.plan import Plan
from lab.trials.time_series import TimeSeries
from lab.verdict.record import Verdict
from lab.verdict.rule import judge

BUDGET_ENDED = "budget ended"


def elapsed_of(journal: list[dict[str, Any]]) -> float:
    """Seconds that all sessions of the run took together, as far as the journal records them."""
    total, current = 0.0, 0.0
    for entry in journal:
        if entry["event"] == "session began":
            total, current = total + current, 0.0
        current = max(current, float(entry.get("elapsed_s", 0.0)))
    return total + current


def sealed_hypothesis(run_folder: RunFolder, plan: Plan, project: Path) -> Hypothesis:
    """The claim as it was sealed; growths have the bounds of the plan.

    Raises:
        RunFolderError: The copy in the run folder cannot be read, or was edited since.
    """
    path = run_folder.path("hypothesis.md")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"{path}: cannot be read ({error}). {RESTORE}") from error
    hypothesis = loads(text, path, project, name=plan.hypothesis, sealed=True)
    if hypothesis.digest != plan.digest:
        raise RunFolderError(
            f"{path}: edited since the run was sealed (its digest is not the plan's). "
            "Restore it: new bounds are never applied to old data"
        )
    return hypothesis.with_growth(plan.margins.growth)


def slopes_so_far(
    hypothesis: Hypothesis, plan: Plan, recorded: Mapping[str, TimeSeries]
) -> dict[str, str]:
    """The slopes that the predictions of a soak name, so far in the current block, formatted."""
    from lab.analysis.soak_binning import bin_series

    slopes = {}
    for prediction in hypothesis.all_predictions:
        if prediction.slope is None or not set(prediction.arms) <= set(recorded):
            continue
        own = [recorded[arm] for arm in prediction.arms]
        binned = bin_series(own, prediction.slope, plan.margins.slope)
        fitted = None if binned is None else binned.fit
        if fitted is not None:
            what = f"{prediction.slope} of {prediction.subject}"
            slopes[what] = format_value(prediction.quantity, float(fitted.slope))
    return slopes


def verdict_of(run_folder: RunFolder, hypothesis: Hypothesis, plan: Plan) -> Verdict:
    """The verdict, computed from what is on disk and from nothing else."""
    journal = run_folder.journal()
    return judge(
        hypothesis,
        plan,
        run_folder.trials(),
        out_of_time=any(entry["event"] == BUDGET_ENDED for entry in journal),
        elapsed_s=elapsed_of(journal),
    )
