"""What belongs to whom on a Docker engine, and its removal."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.targets import docker_cleanup
from lab.targets.docker_engine import EngineError
from tests.lab.targets.conftest import Program


def test_removal_is_repeated_until_nothing_is_left(program: Program, tmp_path: Path) -> None:
    """What a killed Compose command had asked for appears after the first listing."""
    calls = tmp_path / "calls"
    program(
        "docker",
        f'echo "$*" >> {calls}\n'
        'case "$1" in\n'
        f'ps) n=$(/usr/bin/grep -c "^ps" {calls}); [ "$n" -gt 2 ] || echo id$n lab-me-$n\n'
        "echo foreign lab-menot-1;;\n"
        "esac",
    )
    docker_cleanup.remove(docker_cleanup.owned_by("lab-me"))
    called = calls.read_text().splitlines()
    assert [line for line in called if line.startswith("rm")] == [
        "rm --force --volumes id1",
        "rm --force --volumes id2",
    ]


def test_what_cannot_be_removed_is_reported(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docker_cleanup, "_REMOVAL_S", 0.5)
    script = 'case "$1" in ps) echo id lab-me-1;; rm) echo "in use" >&2; exit 1;; esac'
    program("docker", script)
    with pytest.raises(EngineError, match="cannot be removed: docker rm: in use"):
        docker_cleanup.remove(docker_cleanup.owned_by("lab-me"))


def test_only_projects_of_ended_processes_of_this_machine_are_abandoned() -> None:
    mine = docker_cleanup.owner()
    host, boot, pid, start = mine.removeprefix("lab-").split("-")
    is_abandoned = docker_cleanup.is_abandoned
    assert not is_abandoned(f"{mine}-1")
    assert is_abandoned(f"lab-{host}-{boot}-{pid}-{int(start) + 1}-1")  # the id was used again
    assert is_abandoned(f"lab-{host}-00000000-{pid}-{start}-1")  # before the machine restarted
    assert not is_abandoned(f"lab-00000000-{boot}-{pid}-1-1")  # another machine's
    assert not is_abandoned("lab-notebooks-1")
