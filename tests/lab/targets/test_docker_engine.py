"""The Docker engine's command line: how its answers are read, and what happens without one."""

from __future__ import annotations

import pytest

from lab.targets import docker_engine
from lab.targets.docker_engine import Container, EngineError
from tests.lab.targets.conftest import Program

STATE = {
    "Running": False,
    "Pid": 0,
    "ExitCode": 137,
    "OOMKilled": True,
    "FinishedAt": "2026-01-02T03:04:05.6Z",
}
INSPECTED = {
    "Id": "c0ffee",
    "Image": "sha256:1",
    "State": STATE,
    "Config": {"Image": "some/image", "Labels": {"com.docker.compose.service": "pricing"}},
    "NetworkSettings": {
        "Ports": {"8001/tcp": [{"HostIp": "127.0.0.1", "HostPort": "32768"}], "8000/tcp": None}
    },
}


def test_a_container_as_inspected() -> None:
    found = Container.of(INSPECTED)
    assert (found.service, found.project, found.running) == ("pricing", "", False)
    assert found.ending == "ended with exit code 137, over its memory limit"
    assert found.ports == {8001: (("127.0.0.1", 32768),), 8000: ()}
    assert found.ended_at == "2026-01-02T03:04:05.6Z"
    first = INSPECTED | {"State": {**STATE, "FinishedAt": "0001-01-01T00:00:00Z"}}
    assert Container.of(first).ended_at is None


def test_a_missing_and_a_stopped_engine_have_different_messages(program: Program) -> None:
    with pytest.raises(EngineError, match=r"not installed.*target local"):
        docker_engine.version()
    program("docker", "echo 'Cannot connect to it' >&2; exit 1")
    with pytest.raises(EngineError, match=r"answer \(Cannot connect to it\).*target local"):
        docker_engine.version()
    assert not docker_engine.answers()


def test_a_hanging_engine_is_given_up(program: Program) -> None:
    program("docker", "exec /bin/sleep 60")
    with pytest.raises(EngineError, match=r"does not answer within 0\.2 s"):
        docker_engine.docker("version", timeout_s=0.2)
