"""`lab compare`: two runs side by side."""

from __future__ import annotations

from lab.cli.name_lookup import RunOrReportArgument, stored_run


def command(first: RunOrReportArgument, second: RunOrReportArgument) -> None:
    """Show in what two runs differ, and which estimates moved. Never measures."""
    from rich.console import Console

    from lab.cli.recorded_runs import judged_run
    from lab.cli.text_tables import text_table
    from lab.reporting.run_comparison import compare_runs

    with stored_run(first) as a, stored_run(second) as b:
        compared = compare_runs(judged_run(a.run_folder), judged_run(b.run_folder))
    console = Console(highlight=False)
    console.print(text_table(compared.runs))
    for warning in compared.warnings:
        console.print(f"note: {warning}", markup=False, soft_wrap=True)
    for title, table in (
        ("Conditions that differ", compared.conditions),
        ("Settings that differ", compared.settings),
    ):
        console.print(f"\n{title}: {'' if table.rows else 'none'}")
        if table.rows:
            console.print(text_table(table))
    console.print("\nEstimates:")
    console.print(text_table(compared.estimates))
