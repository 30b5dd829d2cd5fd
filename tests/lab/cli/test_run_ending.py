"""What a command says when its run is interrupted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import typer

from lab.cli.result_files import ResultFiles
from lab.cli.run_ending import run_to_the_end
from lab.cli.run_preparation import RunOptions, prepare
from lab.cli.signals import Interrupted
from lab.cli.worker_planning import WorkerOptions
from lab.driver_messages import WORKER_TOKEN
from lab.hypothesis import load
from tests.runs import ROOT, copy_project


@pytest.mark.parametrize(
    ("workers", "command"),
    [
        (WorkerOptions(), "lab run quick --resume"),
        (WorkerOptions(2), "lab run quick --resume"),
        (
            WorkerOptions(expected=2, bind="10.0.0.2:6000"),
            f"{WORKER_TOKEN}=... lab run quick --resume --bind 10.0.0.2:6000",
        ),
    ],
)
def test_an_interrupted_run_names_the_command_that_goes_on(
    workers: WorkerOptions,
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def interrupted(*_: Any) -> Any:
        raise Interrupted

    monkeypatch.chdir(copy_project(tmp_path))
    monkeypatch.setattr("lab.cli.run_execution.execute", interrupted)
    options = RunOptions("quick", 1, None, False, False, True, None, False, workers)
    with pytest.raises(typer.Exit):
        run_to_the_end(prepare(options), options, ResultFiles.prepare(None, None))
    told = capsys.readouterr().err
    assert told == (
        "lab: interrupted; finished blocks are kept, and the block under way is measured anew: "
        f"{command} continues\n"
    )


def test_an_interrupted_soak_keeps_what_it_has_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> Any:
        raise Interrupted

    monkeypatch.chdir(copy_project(tmp_path))
    monkeypatch.setattr("lab.cli.run_execution.execute", interrupted)
    options = RunOptions("quick", 1, None, False, False, True, None, False)
    soak = load(ROOT / "hypotheses" / "memory-leak.md", ROOT)
    prepared = prepare(options)._replace(hypothesis=soak)
    with pytest.raises(typer.Exit):
        run_to_the_end(prepared, options, ResultFiles.prepare(None, None))
    told = capsys.readouterr().err
    assert told == (
        "lab: interrupted; what was measured is kept: lab run memory-leak --resume continues\n"
    )
