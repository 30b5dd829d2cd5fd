"""`lab new`: a hypothesis and its scenario that can be run at once, to be edited."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.errors import UsageError
from lab.hypothesis.loader import FILE_NAME
from lab.project_folder import Project

if TYPE_CHECKING:
    from lab.scaffolding.openapi import Operation

_KINDS = ("load", "benchmark", "soak")
_ANSWER_S = 20.0
_MOST_BYTES = 20_000_000


def command(
    name: Annotated[str, typer.Argument(help="The name of the hypothesis.", show_default=False)],
    kind: Annotated[str, typer.Option(help="load, benchmark or soak.")] = "load",
    openapi: Annotated[
        str | None,
        typer.Option(metavar="FILE|URL", help="Make the scenario from an OpenAPI document."),
    ] = None,
    writes: Annotated[
        bool, typer.Option("--writes", help="Send also what may change something.")
    ] = False,
) -> None:
    """Write a commented hypothesis and its scenario, which can be run at once."""
    from lab.cli.new_files import detected_in, has_workers, write_new
    from lab.scaffolding import benchmark_files, load_files, soak_files

    if not FILE_NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not the name of a hypothesis. Write it with a-z, 0-9, - and _, as in "
            "narrow-pool"
        )
    if kind not in _KINDS:
        raise UsageError(f"--kind {kind}: no such kind. Write one of {', '.join(_KINDS)}")
    if openapi is not None and kind == "benchmark":
        raise UsageError("--openapi: a benchmark sends no requests. Leave --openapi out")
    if writes and openapi is None:
        raise UsageError("--writes is for operations of a document. Say --openapi FILE as well")
    root = Project.find().root
    text = None if openapi is None else _scenario(openapi, writes=writes)
    if kind == "benchmark":
        files = benchmark_files(name)
    else:
        detected = detected_in(root)
        workers = has_workers(root, detected)
        files = (
            soak_files(name, detected, text)
            if kind == "soak"
            else load_files(name, detected, has_workers=workers, scenario_text=text)
        )
    if there := [path for path in files if (root / path).exists()]:
        raise UsageError(f"{root / there[0]} exists already. Choose another name")
    for each in write_new(root, files)[0]:
        print(f"wrote {each}")
    print(f"next: lab check {name}, then lab run {name}")


def _scenario(source: str, *, writes: bool) -> str:
    """The scenario of a document; what it leaves out is printed."""
    from lab.scaffolding.openapi import operations
    from lab.scaffolding.scenario_text import chosen, locustfile_of

    try:
        found: list[Operation] = operations(_document(source))
    except ValueError as error:
        raise UsageError(
            f"--openapi {source}: {error}. Name a document such as openapi.json"
        ) from error
    asked, left_out = chosen(found, with_writes=writes)
    if not asked:
        raise UsageError(
            f"--openapi {source}: none of its operations can be sent without writing. Say --writes "
            "if it may write"
        )
    for each in left_out:
        print(f"left out: {each}")
    return locustfile_of(found, with_writes=writes)


def _document(source: str) -> str:
    """The text of a file or URL. UsageError if it cannot be read."""
    try:
        if "://" not in source:
            return Path(source).read_text(encoding="utf-8")
        with urllib.request.urlopen(source, timeout=_ANSWER_S) as answer:
            data: bytes = answer.read(_MOST_BYTES)
        return data.decode("utf-8")
    except (OSError, ValueError) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UsageError(
            f"--openapi {source}: cannot be read ({reason}). Name a file or a URL that answers"
        ) from error
