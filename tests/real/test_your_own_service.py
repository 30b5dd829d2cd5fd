"""Services that the lab does not know, in folders of their own: from `lab init` to a verdict."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.lab.documents import blocks
from tests.runs import ROOT, lab
from tests.undisturbed import undisturbed

pytestmark = pytest.mark.real

PAGE = ROOT / "docs" / "your-own-service.md"


def verdict_of(project: Path, name: str) -> dict[str, Any]:
    verdict: dict[str, Any] = json.loads(
        (project / "reports" / name / "latest" / "verdict.json").read_text()
    )
    return verdict


def typed(line: str, project: Path) -> str:
    """What a line of the page prints."""
    program, *arguments = shlex.split(line)
    if program == "lab":
        extra = ("--no-profile",) if arguments[0] == "run" else ()
        done = undisturbed(lab(*arguments, *extra, project=project))
    else:
        done = subprocess.run(
            line, shell=True, cwd=project, capture_output=True, text=True, check=False
        )
    assert done.returncode in (0, 1), f"{line}: {done.stdout}{done.stderr}"
    return done.stdout


def test_the_page_is_a_transcript(tmp_path: Path) -> None:
    printed = ""
    shown = 0
    for block in blocks():
        if block.page != PAGE:
            continue
        language, _, file = block.info.partition(" ")
        if file:
            (tmp_path / file).parent.mkdir(exist_ok=True)
            (tmp_path / file).write_text(block.text)
        elif language == "sh":
            printed = "".join(typed(line, tmp_path) for line in block.text.splitlines())
        elif language == "text":
            shown += 1
            first = block.text.split()[0]
            if first in ("CONFIRMED", "REFUTED"):
                assert first in printed, f"{block}: {printed}"
            else:  # every line is printed, in this order, perhaps with others between
                lines = iter(printed.splitlines())
                assert all(line in lines for line in block.text.splitlines()), f"{block}: {printed}"
    assert shown == 4
    assert verdict_of(tmp_path, "lock")["verdict"] == "CONFIRMED"
    assert verdict_of(tmp_path, "item-lock")["verdict"] == "REFUTED"


NODE = """\
const http = require('http')
const crypto = require('crypto')

const HASH = process.env.HASH || 'sync'

function hash (done) {
  if (HASH === 'sync') return done(crypto.pbkdf2Sync('x', 'salt', 90000, 32, 'sha256'))
  if (HASH === 'none') return done(Buffer.alloc(32))
  crypto.pbkdf2('x', 'salt', 90000, 32, 'sha256', (_, key) => done(key))
}

http.createServer((request, response) => {
  if (request.url === '/quick') return response.end('quick')
  hash(key => response.end(key.toString('hex')))
}).listen(process.env.PORT, '127.0.0.1')
"""
NODE_SCENARIO = """\
from locust import FastHttpUser, constant, task


class Reader(FastHttpUser):
    wait_time = constant(0.02)

    @task(12)
    def quick(self) -> None:
        self.client.get("/quick")

    @task
    def hash(self) -> None:
        self.client.get("/hash")
"""
NODE_CLAIM = """\
---
question: Why is /quick slow, which does nothing?
claim: A hash that is computed synchronously stops the event loop for everybody.
kind: load
scenario: scenarios/mixed.py
load: {{users: 8}}
trial: {{warmup: 1s, window: 2s}}
arms:
  hashing: {{HASH: {hashing}}}
  without: {{HASH: none}}
control: hashing
allow: {{error_rate: 100%}}
predictions:
  - says: without the hash, /quick takes at most a third of the time
    measure: 'latency_mean{{name="/quick"}}'
    compare: without / hashing
    at_most: 0.33
rivals:
  - claim: requests fail, and are tried again
    says: if so, some of them fail
    measure: error_rate
    arm: hashing
    at_least: 0.01
budget: 5m
---
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
@pytest.mark.parametrize(("hashing", "verdict"), [("sync", "CONFIRMED"), ("async", "REFUTED")])
def test_a_service_of_node(hashing: str, verdict: str, tmp_path: Path) -> None:
    (tmp_path / "server.js").write_text(NODE)
    (tmp_path / "package.json").write_text('{"scripts": {"start": "node server.js"}}')
    done = lab("init", project=tmp_path)
    assert "guessed from `start` in package.json: node server.js" in done.stdout
    (tmp_path / "scenarios" / "mixed.py").write_text(NODE_SCENARIO)
    (tmp_path / "hypotheses" / "hash.md").write_text(NODE_CLAIM.format(hashing=hashing))
    done = undisturbed(lab("run", "hash", "--no-profile", project=tmp_path))
    assert verdict_of(tmp_path, "hash")["verdict"] == verdict, done.stdout + done.stderr
