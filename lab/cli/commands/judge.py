"""`lab judge`: compute the verdict of a run again, from its folder or from its report."""

from __future__ import annotations

from lab.cli.name_lookup import RunOrReportArgument, StoredRun, stored_run
from lab.cli.result_files import JunitOption, ResultFiles, SummaryOption
from lab.errors import UsageError, storage_error
from lab.runs.run_folder import RunFolderError


def command(
    run: RunOrReportArgument, junit: JunitOption = None, summary: SummaryOption = None
) -> None:
    """Judge a run again by its sealed rule. Never measures, never applies new bounds.

    A report carries the data of its run: its verdict.json is written beside it, anywhere.
    """
    from lab.cli.verdict_table import print_report_path, print_verdict
    from lab.experiment import sealed_hypothesis, verdict_of
    from lab.gates import traffic_notes

    result_files = ResultFiles.prepare(junit, summary)
    with stored_run(run) as stored:
        run_folder = stored.run_folder
        plan = run_folder.plan()
        hypothesis = sealed_hypothesis(run_folder, plan, stored.root)
        verdict = verdict_of(run_folder, hypothesis, plan)
        if verdict.verdict is None:
            raise RunFolderError(
                f"{stored.place}: unfinished after {verdict.blocks} blocks; continue it with "
                f"lab run {plan.hypothesis} --resume"
            )
        run_folder.write_verdict(verdict)
        if stored.place != run_folder.folder:
            _write_beside(stored)
        print_verdict(verdict, traffic_notes(run_folder.trials()))
        print_report_path(stored.report)
        result_files.write(run_folder, hypothesis, verdict)


def _write_beside(stored: StoredRun) -> None:
    """Write the verdict of a report beside it. UsageError if another one is there."""
    target = stored.place.with_name("verdict.json")
    verdict = stored.run_folder.path("verdict.json").read_bytes()
    try:
        if target.exists() and target.read_bytes() != verdict:
            raise UsageError(
                f"{target}: there already, and not what {stored.place.name} yields. Move it away, "
                "or judge a copy of the report in an empty folder"
            )
        target.write_bytes(verdict)
    except OSError as error:
        raise storage_error(target, error) from error
