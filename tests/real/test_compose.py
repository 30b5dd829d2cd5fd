"""The same experiment in containers; skipped with the reason if no Docker engine answers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from lab.instruments.process_sampler import ProcessSampler, usage_over
from lab.targets import docker_cleanup, docker_engine
from lab.targets.compose_command import find_program
from tests.disturbances import kill
from tests.runs import ROOT, copy_project, lab, started
from tests.undisturbed import undisturbed

pytestmark = pytest.mark.real

COMPOSE = ("--target", "compose")


def _why_not() -> str | None:
    """Why experiments cannot run in containers here; None if they can."""
    try:
        docker_engine.version()
        find_program()
    except docker_engine.EngineError as error:
        return str(error)
    for name, usual in (("PYTHON_IMAGE", "python:3.13-slim"), ("POSTGRES_IMAGE", "postgres:18")):
        image = os.environ.get(name, usual)
        for look in (("image", "inspect", image), ("pull", "--quiet", image)):
            with suppress(docker_engine.EngineError):
                docker_engine.docker(*look, timeout_s=300)
                break
        else:
            return f"the image {image} is not here and cannot be fetched; {name} chooses another"
    return None


@pytest.fixture(scope="module", autouse=True)
def needs_an_engine() -> None:
    if problem := _why_not():
        pytest.skip(f"no experiment in containers here: {problem}")


def left() -> list[str]:
    """Containers, volumes, networks and images of any run of the lab."""
    kinds = ("ps", "volume", "network", "image")
    return [name for kind in kinds for name in docker_cleanup.resources(kind, _ours)]


def _ours(project: str) -> bool:
    return project.startswith("lab-")


def gone(limit_s: float) -> bool:
    deadline = time.monotonic() + limit_s
    while left() and time.monotonic() < deadline:
        time.sleep(0.1)
    return not left()


def test_pool_exhaustion_is_confirmed_in_containers_too(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    shutil.copy(ROOT / "hypotheses" / "pool-exhaustion.md", project / "hypotheses")
    expected = ("--expect", "CONFIRMED")
    done = undisturbed(lab("run", "pool-exhaustion", *COMPOSE, *expected, project=project))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not left()
    folder = (project / "reports" / "pool-exhaustion" / "latest").resolve()
    trials = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    for role in ("service", "pricing", "database"):
        usage = trials[-1]["usage"][role]
        assert usage["rss_bytes"] > 1e6
        assert 0 <= usage["throttled"] <= 1
    assert any(trial["usage"]["service"]["cpu"] > 0.05 for trial in trials)
    target = json.loads((folder / "conditions.json").read_text())["target"]
    assert target["name"] == "compose" and target["images"]["service"]["digest"]
    for profile in (folder / "profiles").iterdir():
        assert "place_order" in profile.read_text()
    secret = b"postgresql://"
    assert not [p for p in folder.rglob("*") if p.is_file() and secret in p.read_bytes()]
    assert "TARGET=compose" in (folder / "report.md").read_text()


def test_interrupted_and_killed_runs_leave_nothing(tmp_path: Path) -> None:
    """A is interrupted, resumed as B and killed: its trials are kept, and nothing else is left."""
    project = copy_project(tmp_path)
    with started("quick", *COMPOSE, "--seed=3", project=project) as a:
        a.wait_for_trials(1)
        a.wait_for_trial_begun()
        assert left()
        a.process.send_signal(signal.SIGINT)
        assert a.process.wait(60) == 130
        assert not left()
    logs = {path.name for path in (a.folder / "logs").iterdir()}
    assert {"service-narrow.log", "database-wide.log"} <= logs
    kept = a.trials()
    with started("quick", "--resume", project=project) as b:
        b.wait_for(lambda: a.trials() > kept, 120)
        family, kept = b.family(), a.trials()
        kill(b.process.pid)
        assert gone(30), f"left after kill -9: {left()}"
        _, alive = psutil.wait_procs(family, timeout=10)
        assert not [p for p in alive if p.status() != psutil.STATUS_ZOMBIE]
    assert a.trials() >= kept


def test_interrupted_while_starting(tmp_path: Path) -> None:
    with started("quick", *COMPOSE, "--seed=4", project=copy_project(tmp_path)) as run:
        run.wait_for(left, 60)
        run.process.send_signal(signal.SIGTERM)
        _, stderr = run.process.communicate(timeout=60)
        assert run.process.returncode == 130
        assert "nothing was measured yet" in stderr
        assert not left()


def test_what_belongs_to_another_lab_is_not_removed(tmp_path: Path) -> None:
    """To one of this machine that runs, and to one of another machine; not to a killed one."""
    host, boot, pid, start = docker_cleanup.owner().removeprefix("lab-").split("-")
    alive, dead = f"lab-{host}-{boot}-{pid}-{start}-7", f"lab-{host}-{boot}-{pid}-1-7"
    elsewhere = f"lab-00000000-{boot}-{pid}-1-7"
    made = [f"{project}_volume" for project in (alive, dead, elsewhere)]
    try:
        for project, name in zip((alive, dead, elsewhere), made, strict=True):
            docker_engine.docker(
                "volume", "create", "--label", f"{docker_engine.PROJECT_LABEL}={project}", name
            )
        docker_cleanup.remove(docker_cleanup.is_abandoned)
        assert sorted(docker_cleanup.resources("volume", _ours)) == sorted([made[0], made[2]])
    finally:
        docker_engine.docker("volume", "rm", "--force", *made)


def test_the_engine_stops_answering_in_the_middle_of_a_run(tmp_path: Path) -> None:
    """The lab reaches the engine through a socket of this test, which is closed."""
    project = copy_project(tmp_path / "project")
    try:
        with _forwarded(tmp_path / "engine.sock") as (env, close):
            with started("quick", *COMPOSE, "--seed=5", project=project, env=env) as run:
                run.wait_for_trials(2)
                arms = run.conditions()["target"]["arms"].values()
                close()
                for arm in arms:
                    kill(arm["service"]["pid"])  # an engine that stops ends its containers
                stdout, stderr = run.process.communicate(timeout=120)
            assert run.process.returncode == 4, stdout + stderr
            assert "the Docker engine does not answer any more" in stdout
            assert "docker rm --force" in stderr
            assert run.trials() >= 2
            assert (run.folder / "report.html").exists()
        assert left(), "what could not be removed is still there"
        done = lab("run", "quick", *COMPOSE, "--no-profile", project=project)  # the next run does
        assert not left()
        assert undisturbed(done).returncode == 0, done.stdout + done.stderr
    finally:
        docker_cleanup.remove(_ours)


@pytest.mark.parametrize(
    ("old", "new", "code", "message"),
    [
        ('["127.0.0.1:${SERVICE_PORT-8000}:8000"]', '["127.0.0.1:80:8000"]', 2, "only one arm can"),
        ('["127.0.0.1:${SERVICE_PORT-8000}:8000"]', "[]", 2, "does not publish its port 8000"),
        ('["127.0.0.1:${SERVICE_PORT-8000}:8000"]', '["8000"]', 2, "other machines can reach"),
        (
            "${POSTGRES_IMAGE:-postgres:18}",
            "lab-test/absent:1",
            2,
            "cannot be fetched",
        ),
        ("  database:\n    image", "  storage:\n    image", 2, "undefined"),
        ("services:", "services: [", 2, "docker-compose.yml"),
        ("//orders@database/orders", "//orders@database/absent", 4, "database cannot be reached"),
        (
            "volumes:\n  database: {}",
            "volumes:\n  database: {name: one}",
            2,
            "all arms would share",
        ),
        (
            "  database:\n    image",
            "  database:\n    container_name: x\n    image",
            2,
            "only one arm",
        ),
        ("  pricing:\n    <<", "  pricing:\n    scale: 0\n    <<", 2, "starts no container"),
    ],
)
def test_a_mistake_in_the_file_is_one_message(
    old: str, new: str, code: int, message: str, tmp_path: Path
) -> None:
    project = copy_project(tmp_path)
    file = project / "docker-compose.yml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    done = lab("run", "quick", *COMPOSE, project=project)
    assert done.returncode == code, done.stdout + done.stderr
    assert message in done.stderr
    assert done.stderr.count("lab: ") == 1 and "Traceback" not in done.stderr
    assert not (project / "reports").exists()
    assert not left()


def test_further_services_are_started_too(tmp_path: Path) -> None:
    """One that stays, and one that has ended before the first trial, because that is waited for.

    The command that resets an arm reaches the container of that arm.
    """
    project = copy_project(tmp_path)
    asks = f"{' '.join(find_program())} exec -T stays printenv HOSTNAME"
    notes = f"sh -c 'echo $({asks}) $DATABASE_URL >> resets.txt'"
    system = project / "lab.toml"
    table = "[compose]\n"
    system.write_text(system.read_text().replace(table, f'{table}reset = "{notes}"\n'))
    file = project / "docker-compose.yml"
    needed = "      pricing: {condition: service_healthy}\n"
    more = needed + "      once: {condition: service_completed_successfully}\n"
    once = "  once:\n    <<: *app\n    command: [sleep, '2']\n    depends_on: [stays]\n"
    stays = "  stays:\n    <<: *app\n    command: [python, -m, http.server]\n"
    text = file.read_text()
    assert needed in text
    file.write_text(text.replace(needed, more).replace("services:\n", f"services:\n{once}{stays}"))
    done = lab("run", "quick", *COMPOSE, "--no-profile", project=project)
    docker_engine.docker("image", "rm", "bottleneck-lab/once", "bottleneck-lab/stays")
    assert not left()
    assert undisturbed(done).returncode == 0, done.stdout + done.stderr
    folder = (project / "reports" / "quick" / "latest").resolve()
    trials = [json.loads(line) for line in (folder / "trials.jsonl").read_text().splitlines()]
    assert trials[-1]["usage"]["stays"]["rss_bytes"] > 1e6
    assert not [trial for trial in trials if "once" in trial["usage"]]
    seen = [line.split() for line in (project / "resets.txt").read_text().splitlines()]
    hosts, urls = ({line[number] for line in seen} for number in (0, 1))
    assert len(seen) >= len(trials) and len(hosts) == len(urls) == 3  # one of each arm


def test_no_engine_names_the_local_target(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    stopped = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    missing = {"PATH": str(Path(sys.executable).parent)}
    for env, message in ((stopped, "does not answer"), (missing, "not installed")):
        done = lab("run", "quick", *COMPOSE, project=project, env=env)
        assert done.returncode == 2
        assert message in done.stderr and "target local" in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


def test_a_container_that_its_quota_throttles_is_reported() -> None:
    name, image = f"lab-test-{os.getpid()}", os.environ.get("PYTHON_IMAGE", "python:3.13-slim")
    busy = "import time; end = time.time() + 30\nwhile time.time() < end: pass"
    try:
        command = ("--cpus", "0.1", image, "python", "-c", busy)
        docker_engine.docker("run", "--detach", "--name", name, *command, timeout_s=60)
        watch = ProcessSampler({"busy": (docker_engine.inspect(name).pid,), "own": (os.getpid(),)})
        watch.sample()
        time.sleep(2)
        watch.sample()
    finally:
        docker_engine.docker("rm", "--force", "--volumes", name)
    usage = usage_over(watch.samples)
    assert usage["busy"].throttled is not None and usage["busy"].throttled > 0.5
    assert usage["busy"].cpu < 0.3
    assert not usage["own"].throttled


def test_the_services_tests_pass_on_the_images_postgresql() -> None:
    """The embedded server is 18; the image may have the version of a team's own server."""
    name, image = f"lab-test-{os.getpid()}", os.environ.get("POSTGRES_IMAGE", "postgres:18")
    password, publish = f"POSTGRES_PASSWORD={os.getpid()}", ("--publish", "127.0.0.1::5432")
    command = (image, "postgres", "-c", "max_connections=400", "-c", "fsync=off")
    try:
        docker_engine.docker(
            *("run", "--detach", "--name", name, "--env", password, *publish, *command),
            timeout_s=60,
        )
        _, port = docker_engine.inspect(name).ports[5432][0]
        url = f"postgresql://postgres:{os.getpid()}@127.0.0.1:{port}/postgres"
        _await_database(url)
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "tests/service", "-q"],
            cwd=ROOT,
            env=os.environ | {"TEST_DATABASE_URL": url},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    finally:
        docker_engine.docker("rm", "--force", "--volumes", name)


def _await_database(url: str) -> None:
    import psycopg

    deadline = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.Error:
            assert time.monotonic() < deadline, "PostgreSQL did not start"
            time.sleep(0.1)


@contextmanager
def _forwarded(path: Path) -> Iterator[tuple[dict[str, str], Callable[[], None]]]:
    """A socket that forwards to the engine until it is closed."""
    behind = docker_engine.docker(
        "context", "inspect", "--format", "{{.Endpoints.docker.Host}}"
    ).strip()
    behind = os.environ.get("DOCKER_HOST", behind).removeprefix("unix://")
    ours: list[socket.socket] = [socket.socket(socket.AF_UNIX)]
    ours[0].bind(str(path))
    ours[0].listen()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                near, _ = ours[0].accept()
                far = socket.socket(socket.AF_UNIX)
                far.connect(behind)
                ours.extend((near, far))
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    def close() -> None:
        path.unlink(missing_ok=True)
        for each in ours:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield {"DOCKER_HOST": f"unix://{path}"}, close
    finally:
        close()
