"""What is refused before any container is started."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from lab.child_processes import Children
from lab.cpu_pinning import Cores
from lab.system import load_system
from lab.targets.compose_target import ComposeTarget
from lab.targets.target_interface import SettingError, TargetUsageError

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
ARMS = {"few": {"WORKERS": "1"}, "many": {"WORKERS": "4"}}


@pytest.fixture
def children(monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    place = "lab.targets.compose_target"
    monkeypatch.setattr(f"{place}.docker_engine.version", lambda: "28.0")
    monkeypatch.setattr(f"{place}.ComposeCommand", lambda *_: None)
    usable = SimpleNamespace(flaw=lambda: None)
    monkeypatch.setattr(ComposeTarget, "_resolved", lambda self, path: usable)
    with Children() as made:
        yield made


def target_of(folder: Path, children: Children, toml: str) -> ComposeTarget:
    (folder / "lab.toml").write_text(toml)
    (folder / "compose.yml").write_text("services: {web: {command: serve -w ${WORKERS:-2}}}\n")
    return ComposeTarget(load_system(folder), children, folder, Cores((0,), (0,)))


def test_a_placeholder_of_a_local_command_reaches_no_container(
    tmp_path: Path, children: Children
) -> None:
    target = target_of(tmp_path, children, TOML)
    with pytest.raises(SettingError, match=r"placeholder of a command in lab.toml, which contain"):
        target.check(ARMS)
    (tmp_path / "serve.sh").write_text('exec serve --workers "$WORKERS"\n')
    target.check(ARMS)


def test_a_reset_without_a_database_to_run_on_is_refused(
    tmp_path: Path, children: Children
) -> None:
    (tmp_path / "reset.sql").write_text("TRUNCATE orders;\n")
    reset = '\n[postgres]\nreset = "reset.sql"\n'
    target = target_of(tmp_path, children, TOML.replace("{WORKERS}", "2") + reset)
    with pytest.raises(TargetUsageError, match=r"\[compose\] names no `database` on which it"):
        target.check({"only": {}})
