"""Compose as a command: which one is used, its environment, and what a failure says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.processes.child_processes import Children
from lab.system import ComposeSpec
from lab.targets.compose_command import ComposeCommand, ComposeProject, find_program
from lab.targets.docker_engine import EngineError
from tests.lab.targets.conftest import Program

SPEC = ComposeSpec("docker-compose.yml", "service", 8000)
PROJECT = ComposeProject("lab-me-1", (Path("a.yml"), Path("b.json")))


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as made:
        yield made


@pytest.mark.parametrize(
    ("installed", "found"),
    [
        ({"docker": "exit 0", "docker-compose": "exit 0"}, ("docker", "compose")),
        ({"docker": "exit 1", "docker-compose": "exit 0"}, ("docker-compose",)),
        ({"docker": "exit 0"}, ("docker", "compose")),
        ({"docker-compose": "exit 0"}, ("docker-compose",)),
    ],
)
def test_either_compose_is_used(
    installed: dict[str, str], found: tuple[str, ...], program: Program
) -> None:
    for name, script in installed.items():
        program(name, script)
    assert find_program() == found


def test_without_compose_the_message_names_the_local_target(program: Program) -> None:
    program("docker", "exit 1")
    with pytest.raises(EngineError, match=r"`docker-compose` works here.*target local"):
        find_program()


def test_a_command_names_the_files_and_the_project(
    program: Program, children: Children, tmp_path: Path
) -> None:
    program("docker", 'echo "$* $POSTGRES_PASSWORD[$SERVICE_PORT]"')
    command = ComposeCommand(children, tmp_path, SPEC, "secret")
    command.run("up", PROJECT, "up", "--detach")
    command.run_each([("one", PROJECT), ("two", PROJECT)], "up")
    chosen = "compose --file a.yml --file b.json --project-name lab-me-1 up"
    logs = {file.name: file.read_text() for file in children.logs.glob("compose-*.log")}
    assert logs == {
        "compose-up.log": f"{chosen} --detach secret[]\n",
        "compose-one.log": f"{chosen} secret[]\n",
        "compose-two.log": f"{chosen} secret[]\n",
    }
    assert not children.running()


def test_the_files_of_an_arm_are_interpolated_with_its_settings(
    program: Program, children: Children, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORKERS", "of the shell")
    program("docker", 'echo "$WORKERS"')
    command = ComposeCommand(children, tmp_path, SPEC, "secret")
    arms = {workers: ComposeProject("lab-me-1", (), {"WORKERS": workers}) for workers in "14"}
    command.run_each(arms.items(), "up")
    logs = {name: (children.logs / f"compose-{name}.log").read_text() for name in arms}
    assert logs == {"1": "1\n", "4": "4\n"}


@pytest.mark.parametrize(
    ("older", "typed"),
    [(False, "restart --no-deps service pricing"), (True, "restart service pricing")],
)
def test_services_are_restarted_alone_by_either_compose(
    older: bool, typed: str, program: Program, children: Children, tmp_path: Path
) -> None:
    program("docker", 'case "$1" in compose) exit 1;; esac' if older else 'echo "$*"')
    program("docker-compose", 'echo "$*"')
    command = ComposeCommand(children, tmp_path, SPEC, "")
    command.restart_each([("restart-one", PROJECT)], ("service", "pricing"))
    log = (children.logs / "compose-restart-one.log").read_text()
    assert log.endswith(f"--project-name lab-me-1 {typed}\n")


def test_the_resolved_file_comes_without_the_warnings(
    program: Program, children: Children, tmp_path: Path
) -> None:
    program("docker", "echo 'a warning' >&2; echo 'services: {}'")
    command = ComposeCommand(children, tmp_path, SPEC, "")
    assert command.resolved(PROJECT, tmp_path / "answer.yml") == "services: {}\n"


def test_compose_1_gets_the_address_of_the_engine(
    program: Program,
    children: Children,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    program("docker", 'case "$1" in context) echo unix:///engine;; *) exit 1;; esac')
    program("docker-compose", 'echo "$DOCKER_HOST"')
    ComposeCommand(children, tmp_path, SPEC, "").run("up", PROJECT, "up")
    assert (children.logs / "compose-up.log").read_text() == "unix:///engine\n"


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        ("Bind for 127.0.0.1:80 failed: port is already allocated", "publishes is taken"),
        ("pull access denied for lab-test/absent", "Name one that is, in docker-compose.yml"),
        ("yaml: line 3", "docker-compose.yml: Compose failed:\nyaml: line 3"),
    ],
)
def test_a_failure_names_its_cause_and_shows_the_log(
    printed: str, message: str, program: Program, children: Children, tmp_path: Path
) -> None:
    script = f'case "$2" in --file) echo {json.dumps(printed)} >&2; exit 1;; esac'
    program("docker", script)
    command = ComposeCommand(children, tmp_path, SPEC, "")
    with pytest.raises(EngineError) as failed:
        command.run("up", PROJECT, "up")
    assert message in str(failed.value) and str(failed.value).endswith(printed)


def test_a_failure_of_the_engine_is_named_instead(
    program: Program, children: Children, tmp_path: Path
) -> None:
    script = 'case "$1 $2" in "compose version") ;; *) echo gone >&2; exit 1;; esac'
    program("docker", script)
    command = ComposeCommand(children, tmp_path, SPEC, "")
    with pytest.raises(EngineError, match=r"the Docker engine does not answer \(gone\)"):
        command.run("up", PROJECT, "up")


def test_a_command_that_does_not_end_is_given_up(
    program: Program, children: Children, tmp_path: Path
) -> None:
    program("docker", 'case "$2" in version) ;; *) exec /bin/sleep 60;; esac')
    command = ComposeCommand(children, tmp_path, SPEC, "")
    with pytest.raises(EngineError, match=r"did not end within 0\.2 s"):
        command.run("up", PROJECT, "up", limit_s=0.2)
    assert len(children.running()) == 1
    command.stop()
    assert not children.running()
