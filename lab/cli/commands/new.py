"""`lab new`: a hypothesis and its scenario that can be run at once, to be edited."""

from __future__ import annotations

import http.client
import importlib.util
import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.errors import UsageError
from lab.files.project_folder import Project
from lab.hypothesis.loader import FILE_NAME

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
    har: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Make the scenario from a recorded session."),
    ] = None,
    writes: Annotated[
        bool, typer.Option("--writes", help="Include requests that may modify data, such as POST.")
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
    given = [option for option, value in (("--openapi", openapi), ("--har", har)) if value]
    if given and kind == "benchmark":
        raise UsageError(f"{given[0]}: a benchmark sends no requests. Leave {given[0]} out")
    if len(given) > 1:
        raise UsageError("--openapi and --har both make the scenario. Leave one of them out")
    if writes and not given:
        raise UsageError(
            "--writes is for requests of a document. Use --openapi FILE or --har FILE as well"
        )
    root = Project.find().root
    text = None
    if openapi is not None:
        text = _of_document(openapi, writes=writes)
    elif har is not None:
        text = _of_recording(har, writes=writes)
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


def _of_document(source: str, *, writes: bool) -> str:
    """The scenario of a document; what it leaves out is printed."""
    from lab.scaffolding.openapi import operations
    from lab.scaffolding.scenario_text import chosen, locustfile_of

    try:
        found: list[Operation] = operations(_document(source))
        asked, left_out = chosen(found, with_writes=writes)
        scenario = locustfile_of(found, with_writes=writes)
    except ValueError as error:
        raise UsageError(
            f"--openapi {source}: {error}. Name a document such as openapi.json"
        ) from error
    if not asked:
        raise UsageError(
            f"--openapi {source}: none of its operations can be sent without writing. Use --writes "
            "if it may write"
        )
    for each in left_out:
        print(f"left out: {each}")
    return scenario


def _of_recording(source: str, *, writes: bool) -> str:
    """The scenario of a recorded session; what it leaves out is printed."""
    from lab.scaffolding.recording import described, read_recording, refuse_other_code

    if importlib.util.find_spec("har2locust") is None:
        raise UsageError(
            "--har needs har2locust. Install it beside the lab: pip install har2locust"
        )
    try:
        recording = read_recording(_text(Path(source)), with_writes=writes)
        scenario = _har2locust(recording.text)
        refuse_other_code(scenario)
    except (OSError, ValueError) as error:
        raise UsageError(f"--har {source}: {error}. Name a session that a browser saved") from error
    for each in recording.left_out:
        print(f"left out: {each}")
    return described(scenario, recording.left_out)


def _har2locust(recording: str) -> str:
    """The locustfile that har2locust makes of a recording. ValueError if it cannot."""
    with tempfile.TemporaryDirectory() as folder:  # without a configuration of har2locust's own
        file = Path(folder, "session.har")
        file.write_text(recording, encoding="utf-8")
        bin_folder = str(Path(sys.executable).parent)  # of ruff, which it runs
        done = subprocess.run(
            [sys.executable, "-m", "har2locust", file.name],
            cwd=folder,
            env={**os.environ, "PATH": os.pathsep.join((bin_folder, os.environ.get("PATH", "")))},
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode or not done.stdout.strip():
        last = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise ValueError(f"har2locust cannot read it ({last})")
    return done.stdout


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None


def _document(source: str) -> str:
    """The text of a file or URL. UsageError if it cannot be read."""
    try:
        if "://" not in source:
            return Path(source).read_text(encoding="utf-8-sig")
        with urllib.request.urlopen(source, timeout=_ANSWER_S) as answer:
            data: bytes = answer.read(_MOST_BYTES)
        return data.decode("utf-8-sig")
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = error.reason if isinstance(error, urllib.error.URLError) else error
        raise UsageError(
            f"--openapi {source}: cannot be read ({reason}). Name a file or a URL that answers"
        ) from error
