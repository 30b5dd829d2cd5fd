"""The containers of an arm: found by role, their ports, and how one ended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab.system import ComposeSpec
from lab.targets.compose_arm import ComposeArm
from lab.targets.compose_command import ComposeProject
from lab.targets.docker_engine import EngineError
from lab.targets.target_interface import TargetFailure, TargetUsageError
from tests.lab.targets.conftest import Program

SPEC = ComposeSpec("docker-compose.yml", "service", 8000, {"pricing": 8001}, "database")
INNER = {"service": 8000, "pricing": 8001, "database": 5432}


def inspected(
    role: str, pid: int = 0, *, address: str = "127.0.0.1", code: int = 0, running: bool = False
) -> dict[str, Any]:
    """What `docker inspect` prints of a container whose inner port is published as port 5000."""
    published = [{"HostIp": address, "HostPort": "5000"}] if address else None
    return {
        "Id": f"id-{role}",
        "Image": "sha256:1",
        "State": {
            "Running": running,
            "Pid": pid,
            "ExitCode": code,
            "FinishedAt": "0001-01-01T00:00:00Z",
        },
        "Config": {"Image": "image", "Labels": {"com.docker.compose.service": role}},
        "NetworkSettings": {"Ports": {f"{INNER.get(role, 1)}/tcp": published}},
    }


class Engine:
    """A `docker` that knows these containers."""

    def __init__(self, program: Program, folder: Path) -> None:
        self._program, self._folder = program, folder

    def shows(self, *containers: dict[str, Any]) -> None:
        every = self._folder / "every.json"
        every.write_text(json.dumps(containers))
        for each in containers:
            name = self._folder / f"{each['Config']['Labels']['com.docker.compose.service']}.json"
            name.write_text(json.dumps([each]))
        self._program(
            "docker",
            'case "$1" in\n'
            "ps) echo id;;\n"
            f'inspect) case "$2" in id-*) exec /bin/cat {self._folder}/"${{2#id-}}".json;; '
            f"*) exec /bin/cat {every};; esac;;\n"
            "logs) echo log of $4;;\n"
            "esac",
        )


@pytest.fixture
def engine(program: Program, tmp_path: Path) -> Engine:
    return Engine(program, tmp_path)


@pytest.fixture
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs is a process of this machine."""
    monkeypatch.setattr("lab.targets.docker_engine.is_local", lambda container: True)


@pytest.fixture
def arm() -> ComposeArm:
    return ComposeArm("narrow", ComposeProject("lab-me-1", ()), SPEC)


def test_a_role_without_a_container_is_refused(engine: Engine, arm: ComposeArm) -> None:
    engine.shows(inspected("service"))
    with pytest.raises(TargetUsageError, match="starts no container for service pricing"):
        arm.find("service", "pricing")


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("0.0.0.0", "publishes port 8000 on 0.0.0.0, which other machines can reach"),
        ("::", "which other machines can reach"),
        ("::1", "does not publish its port 8000"),
        ("", "does not publish its port 8000"),
    ],
)
def test_a_port_must_be_published_on_loopback(
    address: str, message: str, engine: Engine, arm: ComposeArm
) -> None:
    engine.shows(inspected("service", address=address))
    arm.find("service")
    with pytest.raises(TargetUsageError, match=message):
        arm.url("service")


def found_running(role: str, engine: Engine, arm: ComposeArm) -> subprocess.Popen[bytes]:
    """The process of a container that the arm has found; it ends by a line of input."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    engine.shows(inspected(role, process.pid, running=True))
    arm.find()
    return process


@pytest.mark.usefixtures("local")
def test_a_container_that_runs_is_not_dead(engine: Engine, arm: ComposeArm) -> None:
    engine.shows(inspected("service", os.getpid(), running=True))
    arm.find("service")
    assert arm.dead() is None
    assert arm.url("service") == "http://127.0.0.1:5000"
    assert arm.log_tail(5) == "log of id-service"


def test_how_a_container_ended_is_reported(engine: Engine, arm: ComposeArm) -> None:
    engine.shows(inspected("service", code=3))
    arm.find("service")
    assert arm.dead() == "the service's container of arm narrow ended with exit code 3"


def test_a_further_service_may_end_when_its_work_is_done(engine: Engine, arm: ComposeArm) -> None:
    engine.shows(inspected("migration"))
    arm.find()
    assert arm.dead() is None
    assert arm.containers == {}


@pytest.mark.usefixtures("local")
def test_a_further_service_that_was_started_again_has_not_done_its_work(
    engine: Engine, arm: ComposeArm
) -> None:
    process = found_running("queue", engine, arm)
    process.communicate(b"\n")
    engine.shows(inspected("queue", os.getpid(), running=True))
    assert arm.dead() == "the queue's container of arm narrow ended, and started again"


@pytest.mark.usefixtures("local")
def test_a_further_service_is_waited_for_until_its_work_is_done(
    engine: Engine, arm: ComposeArm
) -> None:
    process = found_running("seed", engine, arm)
    with pytest.raises(TargetFailure, match="the seed of arm narrow has not ended"):
        arm.check_done("seed")
    process.communicate(b"\n")
    assert arm.dead() is None, "the engine has not seen it yet"
    engine.shows(inspected("seed"))
    assert arm.dead() is None
    arm.check_done("seed")


@pytest.mark.usefixtures("local")
def test_work_that_was_done_before_it_was_found_is_not_waited_for(
    engine: Engine, arm: ComposeArm
) -> None:
    """The engine may still say that it runs."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    engine.shows(inspected("seed", process.pid, running=True))
    arm.find()
    assert arm.dead() is None
    engine.shows(inspected("seed"))
    assert arm.dead() is None
    arm.check_done("seed")


def test_a_further_service_that_fails_is_dead(engine: Engine, arm: ComposeArm) -> None:
    engine.shows(inspected("seed", code=1))
    arm.find()
    assert arm.dead() == "the seed's container of arm narrow ended with exit code 1"
    assert arm.log_tail(5) == "log of id-seed"


@pytest.mark.usefixtures("local")
def test_a_further_service_is_healthy_by_its_own_check(engine: Engine, arm: ComposeArm) -> None:
    cache = inspected("cache", os.getpid(), running=True)
    engine.shows(cache)
    arm.find()
    with pytest.raises(TargetUsageError, match="cache has no healthcheck"):
        arm.check_healthy("cache")
    cache["State"]["Health"] = {"Status": "starting"}
    engine.shows(cache)
    with pytest.raises(TargetFailure, match="the cache of arm narrow is starting"):
        arm.check_healthy("cache")
    cache["State"]["Health"] = {"Status": "healthy"}
    engine.shows(cache)
    arm.check_healthy("cache")


def test_an_engine_that_stopped_is_reported(
    engine: Engine, arm: ComposeArm, program: Program
) -> None:
    engine.shows(inspected("service"))
    arm.find("service")
    program("docker", "exit 1")
    assert (arm.dead() or "").endswith("the Docker engine does not answer any more")


def test_containers_of_another_machine_are_refused(engine: Engine, arm: ComposeArm) -> None:
    engine.shows(inspected("service", os.getpid(), running=True))
    with pytest.raises(EngineError, match="another machine, or in a virtual one"):
        arm.find("service")


def test_after_a_restart_the_containers_are_found_again(engine: Engine, arm: ComposeArm) -> None:
    engine.shows(inspected("service"), inspected("pricing"))
    arm.find("service", "pricing")
    fresh = inspected("service")
    fresh["NetworkSettings"]["Ports"]["8000/tcp"][0]["HostPort"] = "5001"
    engine.shows(fresh, inspected("pricing"))
    arm.find_again("service", "pricing")
    assert arm.port("service") == 5001
