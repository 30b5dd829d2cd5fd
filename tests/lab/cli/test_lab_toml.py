"""A broken `lab.toml` ends every verb that needs it: exit code 2, one message, nothing started."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import pytest

from lab.cli.main import main
from lab.cli.run_assembly import target_of_run
from lab.cli.run_preparation import system_of
from lab.exit_codes import ExitCode
from lab.files.project_folder import Project
from lab.hypothesis import loads
from lab.processes.child_processes import Children
from lab.system import FILE
from tests.lab.system.broken_files import BROKEN, FILES, Broken, text_of
from tests.proof.bench import PLANTED, planted_project
from tests.runs import copy_project

pytestmark = pytest.mark.usefixtures("own_lock", "signal_handlers")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copy_project(tmp_path_factory.mktemp("project"))
    for name in FILES:
        (folder / name).touch()
    return folder


@pytest.fixture(autouse=True)
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a process was started")

    monkeypatch.setattr(Children, "__init__", started)
    monkeypatch.setattr("subprocess.Popen", started)


def typed(monkeypatch: pytest.MonkeyPatch, folder: Path, *arguments: str) -> object:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["lab", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: str(broken.name))
def test_check_ends_with_one_message(
    broken: Broken,
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (project / "lab.toml").write_text(text_of(broken))
    assert typed(monkeypatch, project, "check", "quick") == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    place = project / "lab.toml"
    assert err.startswith(f"lab: {place}:{broken.line}: " if broken.line else f"lab: {place}: ")
    assert broken.problem in err and len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("verb", [("run", "quick"), ("serve",), ("check",)])
def test_so_does_every_verb_that_starts_something(
    verb: tuple[str, ...],
    project: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (project / "lab.toml").write_text('[[process]]\nname = "web"\n')
    assert typed(monkeypatch, project, *verb) == ExitCode.USAGE
    assert "lab.toml:1: item 1 of process has no `command`" in capsys.readouterr().err


def test_a_project_without_the_file_gets_advice(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "lab.toml").unlink(missing_ok=True)
    assert typed(monkeypatch, project, "run", "quick") == ExitCode.USAGE
    assert "there is no such file, which says how the system" in capsys.readouterr().err


def test_the_file_is_found_from_any_folder_below_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    below = tmp_path / "src" / "deep"
    below.mkdir(parents=True)
    (tmp_path / "lab.toml").write_text("nothing")
    assert typed(monkeypatch, below, "serve") == ExitCode.USAGE
    assert f"lab: {tmp_path}/lab.toml:1: " in capsys.readouterr().err


@pytest.mark.parametrize("written", [None, '[url]\nbase = "http://127.0.0.1:8000"\n'])
def test_a_benchmark_runs_on_this_machine_whatever_is_described(
    written: str | None, tmp_path: Path
) -> None:
    project = planted_project(tmp_path)
    if written is not None:
        (project / FILE).write_text(written)
    text = (PLANTED / "slower-twin.md").read_text()
    hypothesis = loads(text, project / "hypotheses" / "slower-twin.md", project)
    system = system_of(hypothesis, Project(project))
    assert target_of_run(hypothesis, system) == "local"
