"""A run over a worker of another machine: another network, another clock, a slow way between."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.lab.driver.fleets import free_port
from tests.runs import lab
from tests.two_machines import CLOCK_S, HERE, WAY_S, DelayedWay, other_machine, why_not
from tests.undisturbed import undisturbed

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(why_not() is not None, reason=f"no second machine: {why_not()}"),
]

TOKEN = "a-token-of-the-tests"
SERVICE = """\
import asyncio, json, pathlib, sys

async def next_head(reader):
    try:
        return await reader.readuntil(b"\\r\\n\\r\\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""

async def serve(reader, writer):
    while head := await next_head(reader):
        delay_ms = json.loads(pathlib.Path("settings.json").read_text())["delay_ms"]
        if head.startswith(b"GET /settings "):
            body = json.dumps({"settings": {"delay_ms": delay_ms}}).encode()
        else:
            await asyncio.sleep(int(delay_ms) / 1000)
            body = b"ok"
        writer.write(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body)
    writer.close()

async def main():
    server = await asyncio.start_server(serve, sys.argv[1], 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""
SWITCH = """\
import os, pathlib
pathlib.Path("settings.json").write_text('{"delay_ms": "%s"}' % os.environ["DELAY_MS"])
"""
SCENARIO = """\
from locust import FastHttpUser, constant_pacing, task

class Reader(FastHttpUser):
    wait_time = constant_pacing(0.1)

    @task
    def read(self):
        self.client.get("/")
"""
HYPOTHESIS = """\
---
question: How long does an answer take?
claim: A service that waits longer answers later.
kind: load
scenario: scenarios/read.py
load: {users: 6}
trial: {warmup: 1s, window: 3s}
arms:
  quick: {DELAY_MS: 4}
  slow: {DELAY_MS: 12}
control: quick
predictions:
  - says: it takes twice as long
    measure: latency_p50
    compare: slow / quick
    at_least: 1.5
rivals:
  - claim: it refuses what it cannot do in time
    says: then it answers less
    measure: throughput
    compare: slow / quick
    at_most: 0.8
budget: 4m
---
A test of workers.
"""


def _write(project: Path, url: str) -> None:
    for name, text in {
        "service.py": SERVICE,
        "switch.py": SWITCH,
        "settings.json": '{"delay_ms": "4"}',
        "scenarios/read.py": SCENARIO,
        "hypotheses/waits.md": HYPOTHESIS,
        "lab.toml": (
            f'[url]\\nbase = "{url}"\\nswitch = "python switch.py"\\n'
            f'settings = "/settings#settings"\\n[safety]\\nallow_hosts = ["{HERE}"]\\n'
        ).replace("\\n", "\n"),
    }.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@contextmanager
def _service(project: Path) -> Iterator[str]:
    _write(project, "http://127.0.0.1")
    process = subprocess.Popen(
        [sys.executable, "service.py", HERE], cwd=project, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield f"http://{HERE}:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.communicate()


def _trials(project: Path) -> list[dict[str, Any]]:
    file = project / "reports" / "waits" / "latest" / "trials.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_a_run_over_a_worker_of_another_machine_has_the_right_verdict(tmp_path: Path) -> None:
    project, copy = tmp_path / "here", tmp_path / "there"
    port = free_port()
    with other_machine() as prefix, _service(project) as url:
        _write(project, url)
        shutil.copytree(project, copy)
        way = DelayedWay((HERE, port))
        worker = subprocess.Popen(
            [*prefix, sys.executable, "-m", "lab", "worker", f"{HERE}:{way.port}", "--once"],
            cwd=copy,
            env={**os.environ, "LAB_WORKER_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            done = lab(
                *("run", "waits", "--seed", "1", "--anyway", "--no-profile"),
                *("--workers", "1", "--expect-workers", "2", "--bind", f"{HERE}:{port}"),
                project=project,
                env={"LAB_WORKER_TOKEN": TOKEN},
            )
            said, _ = worker.communicate(timeout=30)
            assert worker.returncode == 0, said
            assert "joined as worker 2 of 2" in said
        finally:
            worker.kill()
            way.close()
    latest = project / "reports" / "waits" / "latest"
    text = done.stdout + done.stderr
    text += "".join(
        file.read_text(errors="replace") for file in latest.rglob("*") if file.is_file()
    )
    assert TOKEN not in text
    for trial in _trials(project):
        near, far = trial["fleet"]["workers"]
        assert (near["clock_offset_s"], near["clock_error_s"]) == (0, 0)
        # there and back took 40 ms, of which nobody knows which way took how much
        assert WAY_S <= far["clock_error_s"] < 2 * WAY_S
        assert abs(far["clock_offset_s"] - CLOCK_S) <= far["clock_error_s"]
        assert far["begin_late_s"] < 0.05
        assert (near["users"], far["users"]) == (3, 3)
        assert near["requests"] > 60 and far["requests"] > 60
        assert near["place"].startswith("process ") and HERE in far["place"]
    # the rest needs a machine that nothing else uses
    assert undisturbed(done).returncode == 0, done.stdout + done.stderr
    verdict = json.loads((latest / "verdict.json").read_text())
    assert verdict["verdict"] == "CONFIRMED"
    # 12 ms to 4 ms, with what client and system take, and without the 20 ms to the master
    assert 2 < verdict["predictions"][0]["estimate"] < 3.2
