"""The runs of a hypothesis as Apache Otava reads them, which looks for change points over runs.

https://otava.apache.org: a CSV file with a row for each run, and the configuration that names its
columns.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

import yaml

from lab.exchange.csv_tables import Cell, as_csv
from lab.hypothesis import Prediction, Step
from lab.machine.conditions import marked_commit
from lab.measures.table import built_in
from lab.runs.judged_run import JudgedRun
from lab.trials.measure_values import measure

CSV_FILE, CONFIG_FILE = "otava.csv", "otava.yaml"


class _Figure(NamedTuple):
    value: float
    direction: int  # 1 if more of it is better, -1 if less is


class OtavaHistory(NamedTuple):
    """What Otava reads of several runs.

    Attributes:
        files: The two files, by their names; none if no run has a figure.
        left_out: What is not in them, each with the reason: Otava takes no empty cell.
    """

    files: dict[str, str]
    left_out: tuple[str, ...]


def otava_history(runs: Sequence[JudgedRun]) -> OtavaHistory:
    """A row for each run that has every figure of the latest one.

    Args:
        runs: Of one claim, measured alike, in their order: others would be change points by
            themselves. A run that is INVALID is left out, and is not taken for the latest.
    """
    figures = {
        run.run_folder.run: _figures(run) for run in runs if run.verdict.verdict != "INVALID"
    }
    latest: dict[str, _Figure] = next(reversed(figures.values()), {})
    reasons = {
        run.run_folder.run: reason
        for run in runs
        if (reason := _why_left_out(run, figures.get(run.run_folder.run), latest)) is not None
    }
    others = dict.fromkeys(name for own in figures.values() for name in own if name not in latest)
    return OtavaHistory(
        _files([run for run in runs if run.run_folder.run not in reasons], figures, latest),
        (
            *(f"run {run}: {reason}" for run, reason in reasons.items()),
            *(f"{name}: the latest run has no value of it" for name in others),
        ),
    )


def _why_left_out(
    run: JudgedRun, own: dict[str, _Figure] | None, latest: dict[str, _Figure]
) -> str | None:
    """Why a run has no row; None if it has one."""
    if own is None:
        return "it is INVALID"
    if not run.run_folder.began():
        return "when it began is not recorded"
    lacking = [name for name in latest if name not in own or not math.isfinite(own[name].value)]
    if lacking or not own:
        return f"it has no value of {', '.join(lacking) or 'anything'}"
    return None


def _files(
    runs: Sequence[JudgedRun], figures: dict[str, dict[str, _Figure]], latest: dict[str, _Figure]
) -> dict[str, str]:
    """The files, with a column for each figure of the latest run."""
    if not latest or not runs:
        return {}
    rows: list[tuple[Cell, ...]] = [
        (
            run.run_folder.began(),
            run.run_folder.run,
            marked_commit(run.run_folder.conditions()),
            str(run.verdict.verdict),
            *(figures[run.run_folder.run][name].value for name in latest),
        )
        for run in runs
    ]
    config = {
        "tests": {
            runs[-1].hypothesis.name: {
                "type": "csv",
                "file": CSV_FILE,
                "time_column": "time",
                "attributes": ["run", "commit", "verdict"],
                "metrics": {
                    name: {"column": name, "direction": figure.direction}
                    for name, figure in latest.items()
                },
                "csv_options": {"delimiter": ",", "quote_char": '"'},
            }
        }
    }
    return {
        CSV_FILE: as_csv(("time", "run", "commit", "verdict", *latest), rows),
        CONFIG_FILE: yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
    }


def _figures(run: JudgedRun) -> dict[str, _Figure]:
    """The estimates of a run, and what it is compared from: the mean of each arm over blocks."""
    found: dict[str, _Figure] = {}
    counted = run.counted(run.run_folder.trials())
    for prediction in run.hypothesis.all_predictions:
        is_plain = prediction.measure and not prediction.during and not prediction.count
        if prediction.compare is None or not is_plain:
            continue
        for arm in prediction.arms:
            step = Step(arm, prediction.at)
            values = [
                measure(
                    trial, prediction.measure, run.hypothesis.measures,
                    margins=run.plan.margins.measures,
                )
                for trial in counted
                if trial.step == step
            ]  # fmt: skip
            known = [value for value in values if value is not None]
            if known:
                mean = statistics.fmean(known)
                found[f"{prediction.measure} {step}"] = _Figure(mean, _direction(prediction))
    judgements = (*run.verdict.predictions, *run.verdict.rivals)
    for prediction, judged in zip(run.hypothesis.all_predictions, judgements, strict=True):
        if judged.estimate is not None:
            name = f"{judged.measure} {judged.subject}"
            found[name] = _Figure(judged.estimate, _direction(prediction))
    return found


def _direction(prediction: Prediction) -> int:
    """Less is better of counts, and of what the hypothesis or the service defines."""
    name = prediction.slope or prediction.measure
    known = None if prediction.count else built_in(name.partition("{")[0])
    return 1 if known is not None and known.more_is_better else -1
