"""The runs of a hypothesis as Apache Otava reads them, which looks for change points over runs.

https://otava.apache.org: a CSV file with a row for each run, and the configuration that names its
columns.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

import yaml

from lab.block_grouping import group_trials
from lab.exchange.csv_tables import Cell, as_csv
from lab.judged_run import JudgedRun
from lab.machine_conditions import measured_commit
from lab.measure_values import measure

CSV_FILE, CONFIG_FILE = "otava.csv", "otava.yaml"
_HIGHER_IS_BETTER = ("throughput",)


def otava_files(runs: Sequence[JudgedRun]) -> dict[str, str]:
    """The two files, by their names; none if no run has every figure.

    Args:
        runs: Of one claim, measured alike, in their order: others would be change points by
            themselves. A run that is INVALID or lacks a figure is left out.
    """
    figures = {
        run.run_folder.run: _figures(run) for run in runs if run.verdict.verdict != "INVALID"
    }
    names = tuple(next(reversed(figures.values()), {}))
    whole = [
        run
        for run in runs
        if run.run_folder.began()
        and (own := figures.get(run.run_folder.run)) is not None
        and all(math.isfinite(own.get(name, math.nan)) for name in names)
    ]
    if not names or not whole:
        return {}
    rows: list[tuple[Cell, ...]] = [
        (
            run.run_folder.began(),
            run.run_folder.run,
            measured_commit(run.run_folder.conditions()),
            str(run.verdict.verdict),
            *(figures[run.run_folder.run][name] for name in names),
        )
        for run in whole
    ]
    config = {
        "tests": {
            runs[-1].hypothesis.name: {
                "type": "csv",
                "file": CSV_FILE,
                "time_column": "time",
                "attributes": ["run", "commit", "verdict"],
                "metrics": {
                    name: {"column": name, "direction": 1 if _is_better_higher(name) else -1}
                    for name in names
                },
                "csv_options": {"delimiter": ",", "quote_char": '"'},
            }
        }
    }
    return {
        CSV_FILE: as_csv(("time", "run", "commit", "verdict", *names), rows),
        CONFIG_FILE: yaml.safe_dump(config, sort_keys=False, allow_unicode=True),
    }


def _figures(run: JudgedRun) -> dict[str, float]:
    """The estimates of a run, and what it is compared from: the mean of each arm over blocks."""
    found: dict[str, float] = {}
    blocks = group_trials(run.run_folder.trials(), run.plan).complete[: run.plan.last_look]
    for prediction in run.hypothesis.all_predictions:
        is_plain = prediction.measure and not prediction.during and not prediction.count
        if prediction.compare is None or not is_plain:
            continue
        for arm in prediction.arms:
            values = [
                measure(
                    trial, prediction.measure, run.hypothesis.measures,
                    margins=run.plan.margins.measures,
                )
                for block in blocks
                for step, trials in block.items()
                if step.arm == arm and step.level == prediction.at
                for trial in trials
            ]  # fmt: skip
            known = [value for value in values if value is not None]
            if known:
                found[f"{prediction.measure} {arm}"] = statistics.fmean(known)
    for judged in (*run.verdict.predictions, *run.verdict.rivals):
        if judged.estimate is not None:
            found[f"{judged.measure} {judged.subject}"] = judged.estimate
    return found


def _is_better_higher(name: str) -> bool:
    return name.startswith(_HIGHER_IS_BETTER)
