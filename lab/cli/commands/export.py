"""`lab export`: the figures of a run for other tools."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.name_lookup import RunOrReportArgument, stored_run

if TYPE_CHECKING:
    from lab.runs.judged_run import JudgedRun


def command(
    run: RunOrReportArgument,
    to: Annotated[
        Path, typer.Option("--to", metavar="DIR", help="The folder to write to; made if needed.")
    ],
) -> None:
    """Write trials and estimates as CSV, latencies as HdrHistogram logs, the history for Otava."""
    from lab.cli.recorded_runs import judged_run
    from lab.errors import storage_error
    from lab.exchange.csv_tables import estimates_csv, trials_csv
    from lab.exchange.hdr_log import latency_logs
    from lab.exchange.otava import otava_history
    from lab.files.json_files import write_whole

    with stored_run(run) as stored:
        exported = judged_run(stored.run_folder)
        history = otava_history(_comparable(exported, stored.place))
        files = {
            "trials.csv": trials_csv(exported),
            "estimates.csv": estimates_csv(exported),
            **latency_logs(exported),
            **history.files,
        }
    try:
        to.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            write_whole(to / name, text)
            print(to / name)
    except OSError as error:
        raise storage_error(to, error) from error
    for each in history.left_out:
        print(f"lab: left out of the history for Otava: {each}", file=sys.stderr)


def _comparable(exported: JudgedRun, place: Path) -> list[JudgedRun]:
    """The runs of this claim that lie beside the run and were measured alike, itself included."""
    from lab.cli.recorded_runs import judged_runs

    folder = exported.run_folder.folder
    if place != folder or folder.parent.name != exported.hypothesis.name:
        return [exported]  # a report, or a folder that was put elsewhere
    beside, _ = judged_runs(folder.parent.parent, exported.hypothesis.name)
    return [
        run
        for run in beside
        if run.plan.claim_digest == exported.plan.claim_digest and run.measured == exported.measured
    ]
