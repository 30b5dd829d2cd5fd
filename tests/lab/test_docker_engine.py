"""The engine's command line: what is made of its answers, and of none."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import ExitCode
from lab.targets import docker_engine
from lab.targets.docker_engine import Container, EngineError
from lab.targets.interface import TargetFailure, TargetUsageError
from lab.targets.service_readiness import await_ready
from tests.runs import ROOT

INSPECTED = {
    "Id": "c0ffee",
    "Image": "sha256:1",
    "State": {"Running": False, "Pid": 0, "ExitCode": 137, "OOMKilled": True},
    "Config": {"Image": "some/image", "Labels": {"com.docker.compose.service": "pricing"}},
    "NetworkSettings": {
        "Ports": {"8001/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}], "8000/tcp": None}
    },
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Puts shell scripts on an otherwise empty PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))

    def put(name: str, script: str) -> None:
        file = tmp_path / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    return put


def test_a_container_as_inspected() -> None:
    found = Container.of(INSPECTED)
    assert (found.service, found.project, found.running) == ("pricing", "", False)
    assert found.ending == "ended with exit code 137, over its memory limit"
    assert found.ports == {8001: (("127.0.0.1", 32768),), 8000: ()}


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"docker": "exit 0", "docker-compose": "exit 0"}, ("docker", "compose")),
        ({"docker": "exit 1", "docker-compose": "exit 0"}, ("docker-compose",)),
        ({"docker": "exit 0"}, ("docker", "compose")),
        ({"docker-compose": "exit 0"}, ("docker-compose",)),
    ],
)
def test_either_compose_will_do(there: dict[str, str], chosen: object, program: object) -> None:
    for name, script in there.items():
        program(name, script)  # type: ignore[operator]
    assert docker_engine.compose() == chosen


def test_no_compose_names_the_embedded_target(program: object) -> None:
    program("docker", "exit 1")  # type: ignore[operator]
    with pytest.raises(EngineError, match=r"`docker-compose` works here.*embedded"):
        docker_engine.compose()


def test_a_missing_and_a_stopped_engine_are_told_apart(program: object) -> None:
    with pytest.raises(EngineError, match=r"not installed.*embedded"):
        docker_engine.version()
    program("docker", "echo 'Cannot connect to it' >&2; exit 1")  # type: ignore[operator]
    with pytest.raises(EngineError, match=r"does not answer \(Cannot connect to it\).*embedded"):
        docker_engine.version()
    assert not docker_engine.answers()


def test_a_hanging_engine_is_given_up(program: object) -> None:
    program("docker", "exec /bin/sleep 60")  # type: ignore[operator]
    with pytest.raises(EngineError, match=r"does not answer within 0\.2 s"):
        docker_engine.docker("version", timeout_s=0.2)


def test_removal_looks_again_until_nothing_is_left(program: object, tmp_path: Path) -> None:
    """What a killed Compose command had asked for appears after the first look."""
    calls = tmp_path / "calls"
    program(  # type: ignore[operator]
        "docker",
        f'echo "$*" >> {calls}\n'
        'case "$1" in\n'
        f'ps) n=$(/usr/bin/grep -c "^ps" {calls}); [ "$n" -gt 2 ] || echo id$n lab-me-$n\n'
        "echo foreign lab-menot-1;;\n"
        "esac",
    )
    docker_engine.remove(docker_engine.of("lab-me"))
    told = calls.read_text().splitlines()
    assert [line for line in told if line.startswith("rm")] == [
        "rm --force --volumes id1",
        "rm --force --volumes id2",
    ]


def test_an_owner_that_lives_is_told_from_one_that_is_gone() -> None:
    mine = docker_engine.owner()
    host, boot, pid, start = mine.removeprefix("lab-").split("-")
    assert not docker_engine.abandoned(f"{mine}-1")
    assert docker_engine.abandoned(
        f"lab-{host}-{boot}-{pid}-{int(start) + 1}-1"
    )  # the id was used again
    assert docker_engine.abandoned(
        f"lab-{host}-00000000-{pid}-{start}-1"
    )  # before the machine restarted
    assert not docker_engine.abandoned(f"lab-00000000-{boot}-{pid}-1-1")  # another machine's
    assert not docker_engine.abandoned("lab-notebooks-1")


def test_waiting_mends_no_file() -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise TargetUsageError("the file is wrong")

    with pytest.raises(TargetUsageError, match="the file is wrong"):
        await_ready(ask, lambda: None, lambda: "")
    assert len(asked) == 1


def test_what_never_gets_ready_is_told_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.targets.service_readiness.READY_S", 0.2)

    def ask() -> None:
        raise TargetFailure("the service of arm narrow is not ready: 503")

    with pytest.raises(
        TargetFailure, match=r"not ready: 503 \(waited 0\.2 s\):\nlast line"
    ) as told:
        await_ready(ask, lambda: None, lambda: "last line")
    assert told.value.exit_code == ExitCode.INVALID


def test_the_image_installs_all_that_the_service_imports() -> None:
    from tests.lab.test_import_contracts import imported

    wanted = (ROOT / "service" / "requirements.txt").read_text().splitlines()
    listed = {line.partition("[")[0].replace("-", "_") for line in wanted if line[:1] != "#"}
    used = {name for path in ROOT.glob("service/**/*.py") for name in imported(path)}
    import sys

    foreign = used - set(sys.stdlib_module_names) - {"service"}
    assert foreign <= listed, foreign - listed
