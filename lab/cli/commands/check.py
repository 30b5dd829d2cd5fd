"""`lab check`: whether a hypothesis can be run. Starts no service and no database."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.name_lookup import hypothesis_file
from lab.files.project_folder import Project
from lab.hypothesis import (
    Benchmark,
    Hypothesis,
    SoakTest,
    hypothesis_names,
    load,
    refuse_misnamed,
)
from lab.system import FILE, System, load_system

if TYPE_CHECKING:
    from lab.cli.preflight import RunParts


def command(
    name: Annotated[
        list[str] | None,
        typer.Argument(help="Hypotheses, by name or file.", show_default="all"),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Accept settings that no source file names.")
    ] = False,
) -> None:
    """Validate lab.toml, hypotheses, the settings of their arms and their scenarios."""
    from lab.cli.load_caps import refuse_over_caps
    from lab.cli.run_assembly import target_of_run
    from lab.cli.run_preparation import plan_lines, system_of, with_revisions
    from lab.trials.plan import draw

    project = Project.find()
    if (project.root / FILE).exists():
        load_system(project.root)
    names = name or hypothesis_names(project.root)
    if not name:
        refuse_misnamed(project.root)
    if not names:
        print(f"there is no hypothesis in {project.hypotheses} yet; `lab new NAME` begins one")
    for each in names:
        file = hypothesis_file(each, project)
        hypothesis = load(file, project.root)
        system = system_of(hypothesis, project)
        _check(hypothesis, file, project, system, anyway=anyway)
        plan = draw(hypothesis, 0, target_of_run(hypothesis, system))
        plan = with_revisions(hypothesis, plan, project, system)
        refuse_over_caps(hypothesis, file, plan, system.safety)
        print(f"{each}: ok ({_contents(hypothesis)})")
        for note in hypothesis.arm_notes:
            print(f"  arms: {note}")
        for line in plan_lines(hypothesis, plan, project, system):
            print(f"  {line}")


def _check(
    hypothesis: Hypothesis, file: Path, project: Project, system: System, *, anyway: bool
) -> None:
    """Check settings and scenario in processes of their own. HypothesisError if one is wrong."""
    from lab.cli.preflight import RunParts
    from lab.cli.scenario_environment import passed_variables, refuse_withheld
    from lab.machine.cpu_pinning import divide_cores
    from lab.processes.child_processes import Children
    from lab.targets.command_environment import refuse_hiding_the_lab

    refuse_hiding_the_lab(project.root)
    passed = passed_variables(hypothesis, file)
    refuse_withheld(hypothesis, file, project.root)
    with Children(passed) as children:
        cores = divide_cores()
        _check_scenario(
            RunParts(hypothesis, file, children, project, cores, system, _notify, anyway)
        )


def _notify(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr)


def _check_scenario(parts: RunParts) -> None:
    from lab.cli.preflight import collect_benchmark, start_driver, start_soak_drivers
    from lab.cli.run_assembly import default_target, target_of

    if isinstance(parts.hypothesis.kind, Benchmark):
        collect_benchmark(parts)
        return
    target = target_of(default_target(parts.system), parts)
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
