"""The lean client against a server that misbehaves on purpose: one test for every case."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.all_cases import CASES
from tests.conformance.case import Case
from tests.conformance.certificates import make_certificates
from tests.conformance.judgement import flaws
from tests.runs import ROOT

pytestmark = pytest.mark.slow


def _run(folder: Path) -> dict[str, Any]:
    """All cases, once: what the client saw, and what the servers received."""
    make_certificates(folder)
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.conformance.scripted_server", str(folder)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        client = subprocess.run(
            [sys.executable, "-m", "tests.conformance.ask_client", str(folder)],
            cwd=ROOT,
            input=server.stdout.readline(),
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert client.returncode == 0, client.stderr[-4000:]
        logs, _ = server.communicate()
    finally:
        server.kill()
        server.communicate()
    return {**json.loads(client.stdout), "logs": json.loads(logs), "stderr": client.stderr}


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Any]:
    """The run of all cases; tests that run side by side share one."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    folder, found = shared / "conformance", shared / "conformance.json"
    with (shared / "conformance.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not found.exists():
            folder.mkdir()
            found.write_text(json.dumps(_run(folder)))
        data: dict[str, Any] = json.loads(found.read_text())
    return data


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_client_does_what_is_right(case: Case, ran: dict[str, Any]) -> None:
    if case.name not in ran["logs"]:
        pytest.skip("there is no openssl, which makes the certificates")
    seen = ran["seen"][case.name]
    assert isinstance(seen, list), seen
    found = list(flaws(case, seen, ran["logs"][case.name]))
    assert not found, "\n".join(found)


def test_no_descriptor_stays_open(ran: dict[str, Any]) -> None:
    before, after = ran["descriptors"]
    assert after <= before


def test_nothing_is_complained_of(ran: dict[str, Any]) -> None:
    """Greenlets and watchers print what they do not raise."""
    assert "Traceback" not in ran["stderr"], ran["stderr"][-4000:]


def test_every_case_has_a_name_of_its_own() -> None:
    twice = [name for name, count in Counter(case.name for case in CASES).items() if count > 1]
    assert not twice
    assert len(CASES) >= 60
