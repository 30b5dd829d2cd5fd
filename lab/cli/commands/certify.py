"""`lab certify`: how noisy a workload is on this machine, and what can be decided there."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.commands.diff import (
    BenchmarkOption,
    BudgetOption,
    DatabaseOption,
    ParameterOption,
    ScenarioOption,
    UsersOption,
)
from lab.errors import MeasurementError


def command(
    scenario: ScenarioOption = None,
    benchmark: BenchmarkOption = None,
    param: ParameterOption = None,
    database: DatabaseOption = False,
    users: UsersOption = None,
    budget: BudgetOption = "10m",
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of all random orders.", show_default="drawn at random"),
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Stop if another run is measuring.")
    ] = False,
) -> None:
    """Compare the code with itself: the noise, false alarms, and the smallest effect to be found.

    Exit codes: 0 the noise is measured, 2 the command or a file is wrong, 4 the run is INVALID or
    too short.
    """
    from lab.cli.certificates import certify, keep
    from lab.cli.commands.diff import prepare_text
    from lab.cli.comparison_text import Workload, hypothesis_text, statements, written_by
    from lab.cli.result_files import ResultFiles
    from lab.cli.run_ending import run_to_the_end
    from lab.cli.run_preparation import RunOptions
    from lab.exit_codes import DECIDED
    from lab.files.project_folder import Project

    workload = Workload.of_options(scenario, benchmark, users, param or (), database=database)
    project = Project.find()
    rival = ("time", "one / other") if workload.is_benchmark else ("throughput", "other / one")
    text = hypothesis_text(
        workload,
        f"How much does {workload.file} vary from block to block on this machine?",
        "Two equal arms do not differ. That this stays undecided is what is expected.",
        {"one": "{}", "other": "{}"},
        statements(workload, 1.0, 1.0),
        prose=written_by(f"certify {workload.option}", budget),
        budget=budget,
        rivals=[
            "{claim: the arms are not alike, says: 'if so, one is far ahead of the other', "
            f"measure: {rival[0]}, compare: {rival[1]}, at_least: 1.5}}"
        ],
    )
    name = f"certify-{workload.slug}"
    options = RunOptions(name, seed, None, False, no_wait, False, None, False)
    prepared = prepare_text(text, workload, options, project)
    verdict, run_folder = run_to_the_end(
        prepared,
        options,
        ResultFiles.prepare(None, None),
        after_interrupt="there is no certificate. Start lab certify again",
    )
    if verdict == "INVALID":
        raise MeasurementError(
            f"{run_folder.folder}: the run is INVALID, so the noise is not known. Its report says "
            "why"
        )
    certificate = certify(run_folder, prepared.hypothesis, run_folder.plan(), prepared.system)
    for line in certificate.lines():
        print(line)
    if verdict in DECIDED:
        raise MeasurementError(
            f"{run_folder.folder}: this run itself calls two equal arms different, and has ended "
            "early: what it says of the noise is too little, and is not kept. Start lab certify "
            "again"
        )
    keep(certificate, project.root)
