"""The lean client gets the same answers from real servers as httpx does, byte for byte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.real.generated_requests import REDIRECTS, Generator
from tests.conformance.real.servers import KINDS, missing, serving
from tests.runs import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.real]

SEED, COUNT = 17, 200


def take(client: str, kind: str, url: str) -> dict[str, Any]:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tests.conformance.real.take_answers"),
            *(client, kind, url, str(SEED), str(COUNT)),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    data: dict[str, Any] = json.loads(done.stdout)
    return data


@pytest.mark.parametrize("kind", KINDS)
def test_the_answers_are_those_of_httpx(kind: str, tmp_path: Path) -> None:
    if reason := missing(kind):
        pytest.skip(reason)
    with serving(kind, tmp_path) as url:
        lean, httpx = take("lean", kind, url), take("httpx", kind, url)
    requests = Generator(kind, SEED).requests(COUNT)
    assert len(lean["answers"]) == len(httpx["answers"]) == COUNT
    different = [
        f"{number}: {request}: {name} is {found[name]!r:.300}, of httpx {right[name]!r:.300}"
        for number, (request, found, right) in enumerate(
            zip(requests, lean["answers"], httpx["answers"], strict=True)
        )
        for name in right
        if found[name] != right[name]
    ]
    assert not different, f"{len(different)} differences\n" + "\n".join(different[:20])
    assert lean["reported"] == COUNT  # one event each, redirects included
    _covers(httpx["answers"])


def _covers(answers: list[dict[str, Any]]) -> None:
    """Enough of every kind was drawn, so that the comparison could fail."""
    statuses = {answer["status"] for answer in answers}
    assert {200, 204} < statuses
    assert len([status for status in statuses if status >= 400]) >= 3
    assert any(status in REDIRECTS for status in statuses)  # not followed
    assert any(answer["history"] for answer in answers)
    assert any(answer["cookies"] for answer in answers)
    assert any("content-encoding" in answer["headers"] for answer in answers)
    assert any(len(answer["content"]) > 2 * 50_000 for answer in answers)
