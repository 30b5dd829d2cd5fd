"""What is refused before any container is started, and when one is ready."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.system import ComposeSpec, Ready, load_system
from lab.targets.compose_arm import ComposeArm
from lab.targets.compose_command import ComposeProject
from lab.targets.compose_file import COMPLETED, HEALTHY, ComposeFile
from lab.targets.compose_target import ComposeTarget
from lab.targets.docker_engine import Container
from lab.targets.target_interface import SettingError, TargetFailure, TargetUsageError
from tests.lab.targets.conftest import Program
from tests.lab.targets.test_compose_arm import inspected

TOML = """\
[[process]]
name = "web"
command = "python web.py --port {port} --workers {WORKERS}"
metrics = "/metrics"

[compose]
file = "compose.yml"
service = "web"
port = 8000
"""
INTERPOLATED = "services: {web: {command: serve -w ${WORKERS:-2}}}\n"
SPEC = ComposeSpec("compose.yml", "web", 8000)
ARMS = {"few": {"WORKERS": "1"}, "many": {"WORKERS": "4"}}


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    place = "lab.targets.compose_target"
    monkeypatch.setattr(f"{place}.docker_engine.version", lambda: "28.0")
    monkeypatch.setattr(f"{place}.ComposeCommand", lambda *_: None)
    usable = SimpleNamespace(flaw=lambda: None, images=dict)
    monkeypatch.setattr(ComposeTarget, "_resolved", lambda self, project: usable)
    with Children() as made:
        yield made


def target_of(
    folder: Path, children: Children, toml: str, compose: str = "services: {web: {image: web}}\n"
) -> ComposeTarget:
    (folder / "lab.toml").write_text(toml)
    (folder / "compose.yml").write_text(compose)
    return ComposeTarget(load_system(folder), children, folder, Cores((0,), (0,)))


def test_a_placeholder_of_a_local_command_reaches_no_container(
    tmp_path: Path, children: Children
) -> None:
    target = target_of(tmp_path, children, TOML)
    with pytest.raises(SettingError, match=r"placeholder of a command in lab.toml, which contain"):
        target.check(ARMS)
    (tmp_path / "serve.sh").write_text('exec serve --workers "$WORKERS"\n')
    target.check(ARMS)


def test_what_the_compose_file_interpolates_is_a_setting(
    tmp_path: Path, children: Children
) -> None:
    target_of(tmp_path, children, TOML, INTERPOLATED).check(ARMS)
    target_of(tmp_path, children, TOML.replace("{WORKERS}", "2"), INTERPOLATED).check(ARMS)


@pytest.mark.parametrize("name", ["PATH", "DOCKER_HOST", "SERVICE_PORT"])
def test_what_docker_reads_itself_is_no_setting(
    name: str, tmp_path: Path, children: Children
) -> None:
    target = target_of(tmp_path, children, TOML.replace("{WORKERS}", "2"))
    with pytest.raises(SettingError, match=f"{name}: Docker and Compose read it themselves"):
        target.check({"only": {name: "1"}})


@pytest.mark.parametrize(
    ("service", "is_refused"),
    [
        ("command: serve -w $WORKERS", False),
        ("build: {context: ., args: {WORKERS: $WORKERS}}", True),
        ("image: web:$WORKERS", True),
    ],
)
def test_arms_have_the_same_images(
    service: str, is_refused: bool, tmp_path: Path, program: Program
) -> None:
    resolved = f'echo "services: {{web: {{{service}}}}}"'
    program("docker", f'case "$1 $2" in version*|*version) echo 28;; *) {resolved};; esac')
    with Children() as children:
        target = target_of(tmp_path, children, TOML, INTERPOLATED)
        if is_refused:
            with pytest.raises(TargetUsageError, match=r"arm many changes the `image` or `build`"):
                target.check(ARMS)
        target.check({"few": {"WORKERS": "1"}, "same": {"WORKERS": "1"}})


def test_a_reset_without_a_database_to_run_on_is_refused(
    tmp_path: Path, children: Children
) -> None:
    (tmp_path / "reset.sql").write_text("TRUNCATE orders;\n")
    reset = '\n[postgres]\nreset = "reset.sql"\n'
    target = target_of(tmp_path, children, TOML.replace("{WORKERS}", "2") + reset)
    with pytest.raises(TargetUsageError, match=r"\[compose\] names no `database` on which it"):
        target.check({"only": {}})


def test_a_reset_of_processes_is_none_of_containers(tmp_path: Path, children: Children) -> None:
    toml = 'reset = "true"\n' + TOML.replace("{WORKERS}", "2")
    with pytest.raises(TargetUsageError, match=r"`reset` at the root .* Write one into .compose."):
        target_of(tmp_path, children, toml).check({"only": {}})
    own = toml.replace("[compose]\n", '[compose]\nreset = "true {web.url} {SIZE}"\n')
    with pytest.raises(SettingError, match=r"`reset` in lab.toml needs \{SIZE\}"):
        target_of(tmp_path, children, own).check({"only": {}})
    target_of(tmp_path, children, own).check({"only": {"SIZE": "1"}})


def test_a_line_that_was_printed_before_a_restart_makes_no_service_ready(
    tmp_path: Path, children: Children, program: Program
) -> None:
    program("docker", 'case "$*" in *--since*) ;; *) echo Started;; esac')
    ready = 'ready = {log = "Started"}\n\n[compose]'
    target = target_of(tmp_path, children, TOML.replace("[compose]", ready))
    data, process = inspected("service"), target._process("web")
    arm = ComposeArm("few", ComposeProject("lab-me-1", ()), SPEC)
    arm.containers["web"] = Container.of(data)
    target._check_ready(arm, process)
    data["State"]["FinishedAt"] = "2026-01-02T03:04:05.6Z"
    arm.containers["web"] = Container.of(data)
    with pytest.raises(TargetFailure, match="its log has no line with `Started`"):
        target._check_ready(arm, process)


def test_without_a_process_the_table_says_how_the_service_is_asked(
    tmp_path: Path, children: Children
) -> None:
    alone = TOML[TOML.index("[compose]") :]
    asked = 'ready = {path = "/up", within = "2m"}\nmetrics = "/metrics"\n'
    target = target_of(tmp_path, children, alone + asked)
    assert target._process("web").ready == Ready("/up", None, 120.0)
    assert target.loaded.metrics == "/metrics"


def test_what_a_service_depends_on_is_waited_for(
    tmp_path: Path, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = {"seed": COMPLETED, "cache": HEALTHY, "mail": "service_started"}
    web = {"depends_on": {name: {"condition": how} for name, how in needed.items()}}
    target = target_of(tmp_path, children, TOML)
    target._files["few"] = ComposeFile("me", {"services": {"web": web}}, SPEC)
    asked: list[str] = []
    monkeypatch.setattr(ComposeArm, "check_done", lambda _, role: asked.append(f"{role} done"))
    monkeypatch.setattr(ComposeArm, "check_healthy", lambda _, role: asked.append(f"{role} fit"))
    arm = ComposeArm("few", ComposeProject("lab-me-1", ()), SPEC)
    target._await_layer(arm, ("cache", "mail", "seed"))
    assert asked == ["cache fit", "seed done"]
