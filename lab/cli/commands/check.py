"""`lab check`: whether a hypothesis can be run. Starts no service and no database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.name_lookup import hypothesis_file
from lab.hypothesis import Benchmark, Hypothesis, SoakTest, hypothesis_names, load
from lab.project_folder import Project

if TYPE_CHECKING:
    from lab.cli.preflight import RunParts


def command(
    name: Annotated[
        list[str] | None,
        typer.Argument(help="Hypotheses, by name or file.", show_default="all"),
    ] = None,
) -> None:
    """Validate hypotheses, the settings of their arms and their scenarios."""
    from lab.cli.run_forecast import forecast_lines
    from lab.process_lifetime import choose_lifetime
    from lab.trial_plan import draw

    project = Project.find()
    for each in name or hypothesis_names(project.root):
        file = hypothesis_file(each, project)
        hypothesis = load(file, project.root)
        _check(hypothesis, file, project)
        print(f"{each}: ok ({_contents(hypothesis)})")
        plan = draw(hypothesis, 0, "embedded")
        if chosen := choose_lifetime(hypothesis, plan.margins.fresh_within):
            print(f"  {chosen}")
        for line in forecast_lines(hypothesis, plan, project.reports):
            print(f"  {line}")


def _check(hypothesis: Hypothesis, file: Path, project: Project) -> None:
    """Check settings and scenario in processes of their own. HypothesisError if one is wrong."""
    from lab.child_processes import Children
    from lab.cli.preflight import RunParts
    from lab.cli.scenario_environment import passed_variables, refuse_withheld
    from lab.cpu_pinning import divide_cores

    passed = passed_variables(hypothesis, file)
    refuse_withheld(hypothesis, file, project.root)
    with Children(passed) as children:
        _check_scenario(RunParts(hypothesis, file, children, project, divide_cores(), _notify))


def _notify(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr)


def _check_scenario(parts: RunParts) -> None:
    from lab.cli.preflight import collect_benchmark, start_driver, start_soak_drivers
    from lab.cli.run_assembly import make_target

    if isinstance(parts.hypothesis.kind, Benchmark):
        collect_benchmark(parts)
        return
    target = make_target("embedded", parts.children, parts.project, parts.cores)
    if isinstance(parts.hypothesis.kind, SoakTest):
        start_soak_drivers(parts, target)
    else:
        start_driver(parts, target)


def _contents(hypothesis: Hypothesis) -> str:
    """How many arms, levels, predictions and rivals there are."""
    counts = {
        "arm": len(hypothesis.arms),
        "level": len(hypothesis.levels) if hypothesis.levels != (None,) else 0,
        "prediction": len(hypothesis.predictions),
        "rival": len(hypothesis.rivals),
    }
    return ", ".join(f"{n} {what}{'s' * (n > 1)}" for what, n in counts.items() if n)
