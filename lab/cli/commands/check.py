"""`lab check`: is a hypothesis fit to be run? Starts no service and no database."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.cli.name_lookup import hypothesis_file
from lab.hypothesis import hypothesis_names, load
from lab.project_folder import Project


def command(
    name: Annotated[
        list[str] | None, typer.Argument(help="Hypotheses; all of them if none is named.")
    ] = None,
) -> None:
    """Validate hypotheses, the settings of their arms and their scenarios."""
    from lab.cli.run_assembly import checked

    project = Project.find()
    for each in name or hypothesis_names(project.root):
        file = hypothesis_file(each, project)
        hypothesis = load(file, project.root)
        checked(hypothesis, file, project)
        counts = {
            "arm": len(hypothesis.arms),
            "level": len(hypothesis.levels) if hypothesis.levels != (None,) else 0,
            "prediction": len(hypothesis.predictions),
            "rival": len(hypothesis.rivals),
        }
        held = ", ".join(f"{n} {what}{'s' * (n > 1)}" for what, n in counts.items() if n)
        print(f"{each}: ok ({held})")
