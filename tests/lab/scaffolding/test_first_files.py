"""The files that are written are right as they are, whatever was found."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli.new_files import ignore_reports, write_new
from lab.hypothesis import load
from lab.scaffolding import (
    benchmark_files,
    example,
    first_name,
    lab_toml,
    load_files,
    soak_files,
)
from lab.scaffolding.found import Detected, FoundCompose, FoundProcess
from lab.scaffolding.scenario_text import locustfile
from lab.system import SystemFileError, load_system
from tests.runs import ROOT, lab

PROCESSES = (
    None,
    FoundProcess("Node", "package.json", "npm start", {"PORT": "{port}"}, ("/a", "/b/{id}")),
    FoundProcess("FastAPI", "app.py", "uvicorn a:b --port {port} --workers {WORKERS}"),
)
COMPOSE = (None, FoundCompose("compose.yml", "web", 80, "db"))
FOUND = tuple(
    Detected(process, compose, settings, metrics=metrics)
    for process, compose, settings, metrics in itertools.product(
        PROCESSES, COMPOSE, ((), ("POOL_SIZE", "CACHE")), (None, "/metrics")
    )
    if process or compose
)
PARTS = {"DB_HOST": "{postgres.host}", "DB_NAME": "{postgres.database}"}
EVERYTHING = [
    *FOUND,
    *(replace(each, database={"DATABASE_URL": "{postgres.url}"}) for each in FOUND),
    *(replace(each, database=PARTS, redis=("REDIS_URL",)) for each in FOUND),
]


@pytest.mark.parametrize("detected", EVERYTHING)
def test_every_lab_toml_is_accepted(detected: Detected, tmp_path: Path) -> None:
    text = lab_toml(detected)
    assert text is not None
    (tmp_path / "lab.toml").write_text(text)
    (tmp_path / "compose.yml").touch()
    system = load_system(tmp_path)
    assert [each.name for each in system.processes] == ["web"] * (detected.process is not None)
    assert (system.compose is not None) == (detected.process is None)
    has_database = bool(detected.database) and detected.process is not None
    assert (system.postgres is not None) == has_database


def test_the_process_of_a_cache_can_be_taken_as_it_is(tmp_path: Path) -> None:
    text = lab_toml(Detected(PROCESSES[1], redis=("REDIS_URL",)))
    assert text is not None
    lines = [line.removeprefix("# ") for line in text.splitlines()]
    commented = ("reset", "[[process]]", "name =", "command =", "ready = {log")
    kept = [line for line in lines if not line.startswith("#") and line.startswith(commented)]
    (tmp_path / "lab.toml").write_text("\n".join(kept) + '\nenv = {PORT = "{port}"}\n')
    system = load_system(tmp_path)
    assert [each.name for each in system.processes] == ["cache", "web"]
    assert system.loaded == "web" and system.reset is not None


def test_where_nothing_is_found_everything_is_a_comment(tmp_path: Path) -> None:
    assert lab_toml(Detected()) is None
    (tmp_path / "lab.toml").write_text(example())
    with pytest.raises(SystemFileError, match="process"):
        load_system(tmp_path)
    commented = example().replace("# [[", "[[").replace("# name", "name")
    (tmp_path / "lab.toml").write_text(commented.replace("# command", "command"))
    assert load_system(tmp_path).loaded == "web"


@pytest.mark.parametrize("detected", [Detected(), Detected(PROCESSES[1]), Detected(PROCESSES[2])])
@pytest.mark.parametrize("kind", ["load", "benchmark", "soak"])
def test_every_hypothesis_is_accepted(detected: Detected, kind: str, tmp_path: Path) -> None:
    for workers in (False, True):
        name = f"{kind}-{workers}".lower()
        files = {
            "load": load_files(name, detected, has_workers=workers),
            "benchmark": benchmark_files(name),
            "soak": soak_files(name, detected),
        }[kind]
        assert len(write_new(tmp_path, files)[0]) == 2
        hypothesis = load(tmp_path / "hypotheses" / f"{name}.md", tmp_path)
        assert (tmp_path / hypothesis.scenario).is_file()
    assert first_name(has_workers=True) != first_name(has_workers=False)


@pytest.mark.parametrize("kind", ["load", "soak"])
def test_a_locustfile_is_never_named_like_a_soak_script(kind: str, tmp_path: Path) -> None:
    files = {
        "load": load_files("soak-memory", Detected(), has_workers=False),
        "soak": soak_files("soak-memory", Detected()),
    }[kind]
    write_new(tmp_path, files)
    hypothesis = load(tmp_path / "hypotheses" / "soak-memory.md", tmp_path)
    assert hypothesis.scenario == "scenarios/locust_soak_memory.py"
    assert not hypothesis.is_soak_script


def test_the_statistics_that_the_template_offers_are_accepted(tmp_path: Path) -> None:
    write_new(tmp_path, benchmark_files("sorting"))
    file = tmp_path / "hypotheses" / "sorting.md"
    text = file.read_text()
    offered = re.search(r"^statistic: min +# .*: (\w+) or (\w+)$", text, re.M)
    assert offered is not None
    for statistic in offered.groups():
        file.write_text(text.replace("statistic: min ", f"statistic: {statistic} "))
        load(file, tmp_path)


@pytest.mark.parametrize("paths", [(), ("/a",), ("/b/{id}/c/{name:path}",), ("/health", "/d")])
def test_every_scenario_is_python(paths: tuple[str, ...]) -> None:
    text = locustfile(paths)
    compile(text, "scenario.py", "exec")
    assert "/health" not in text
    assert ("random" in text) == any("{" in path for path in paths)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    assert write_new(tmp_path, {"a/b.md": "new"}) == (["a/b.md"], [])
    (tmp_path / "a/b.md").write_text("edited")
    assert write_new(tmp_path, {"a/b.md": "new", "c.md": "new"}) == (["c.md"], ["a/b.md"])
    assert (tmp_path / "a/b.md").read_text() == "edited"


def test_reports_are_ignored_once_and_only_in_a_repository(tmp_path: Path) -> None:
    assert not ignore_reports(tmp_path)
    (tmp_path / ".git").mkdir()
    assert ignore_reports(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "/reports/\n"
    assert not ignore_reports(tmp_path)
    (tmp_path / ".gitignore").write_text("*.pyc")
    assert ignore_reports(tmp_path)
    assert (tmp_path / ".gitignore").read_text() == "*.pyc\n/reports/\n"
    (tmp_path / ".gitignore").write_text("reports\n")
    assert not ignore_reports(tmp_path)


# -- by the command --------------------------------------------------------------------------

SERVICE = """\
import os
from fastapi import FastAPI

app = FastAPI()
SIZE = os.environ.get("SIZE", "1")


@app.get("/items/{item}")
async def item(item: int) -> str:
    return "x" * int(SIZE)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(SERVICE)
    (tmp_path / ".git").mkdir()
    return tmp_path


def typed(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return lab(*words, project=project)


@pytest.mark.slow
def test_init_writes_what_check_accepts_and_nothing_the_second_time(project: Path) -> None:
    done = typed(project, "init")
    assert done.returncode == 0, done.stderr
    assert "guessed from FastAPI in app.py, line 4: uvicorn app:app" in done.stdout
    assert "settings that the sources read: SIZE" in done.stdout
    files = {path: path.read_text() for path in project.rglob("*") if path.is_file()}
    assert {path.relative_to(project).as_posix() for path in files} == {
        *("app.py", "lab.toml", ".gitignore", "hypotheses/workers.md", "scenarios/workers.py"),
    }
    checked = typed(project, "check")
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.startswith("workers: ok")
    again = typed(project, "init")
    assert again.returncode == 0
    assert "left lab.toml as it is" in again.stdout and "wrote" not in again.stdout
    assert files == {path: path.read_text() for path in files}


@pytest.mark.slow
def test_init_where_nothing_serves_says_what_to_do(tmp_path: Path) -> None:
    done = typed(tmp_path, "init")
    assert done.returncode == 0
    assert "nothing here seems to serve HTTP: say in lab.toml how it is started" in done.stdout
    checked = typed(tmp_path, "check")
    assert checked.returncode == 2
    assert checked.stderr.startswith(f"lab: {tmp_path / 'lab.toml'}:")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["load", "benchmark", "soak"])
def test_new_writes_what_check_accepts(kind: str, project: Path) -> None:
    assert typed(project, "init").returncode == 0
    done = typed(project, "new", "my-claim", f"--kind={kind}")
    assert done.returncode == 0, done.stderr
    assert "next: lab check my-claim, then lab run my-claim" in done.stdout
    checked = typed(project, "check", "my-claim")
    assert checked.returncode == 0, checked.stderr
    again = typed(project, "new", "my-claim", f"--kind={kind}")
    assert again.returncode == 2
    assert "exists already. Choose another name" in again.stderr


def test_new_refuses_other_names_and_kinds(project: Path) -> None:
    shutil.copy(ROOT / "lab.toml", project)
    assert "narrow-pool" in typed(project, "new", "My Claim").stderr
    assert "--kind web: no such kind" in typed(project, "new", "mine", "--kind=web").stderr
    assert not (project / "hypotheses").exists()
