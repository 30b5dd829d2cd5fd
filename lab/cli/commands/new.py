"""`lab new`: a hypothesis and its scenario that can be run at once, to be edited."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.errors import UsageError
from lab.hypothesis.loader import FILE_NAME
from lab.project_folder import Project

_KINDS = ("load", "benchmark", "soak")


def command(
    name: Annotated[str, typer.Argument(help="The name of the hypothesis.", show_default=False)],
    kind: Annotated[str, typer.Option(help="load, benchmark or soak.")] = "load",
) -> None:
    """Write a commented hypothesis and its scenario, which can be run at once."""
    from lab.cli.new_files import detected_in, has_workers, write_new
    from lab.scaffolding import benchmark_files, load_files, soak_files

    if not FILE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not the name of a hypothesis. Write it with a-z, 0-9, - and _, as in "
            "narrow-pool"
        )
    root = Project.find().root
    match kind:
        case "benchmark":
            files = benchmark_files(name)
        case "soak":
            files = soak_files(name, detected_in(root))
        case "load":
            detected = detected_in(root)
            files = load_files(name, detected, has_workers=has_workers(root, detected))
        case _:
            raise UsageError(f"--kind {kind}: no such kind. Write one of {', '.join(_KINDS)}")
    if there := [path for path in files if (root / path).exists()]:
        raise UsageError(f"{root / there[0]} exists already. Choose another name")
    for each in write_new(root, files)[0]:
        print(f"wrote {each}")
    print(f"next: lab check {name}, then lab run {name}")
