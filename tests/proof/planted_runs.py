"""Runs of planted hypotheses, quiet or beside a neighbour."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from tests.disturbances import Neighbour, neighbour
from tests.runs import started

ONE_CORE = {"LAB_TARGET_CORES": "1"}  # so that the neighbour meets the target on any machine


def run_beside(
    make_project: Callable[[Path], Path],
    text: str,
    name: str,
    seed: int,
    beside: Neighbour | None = None,
) -> dict[str, Any]:
    """`lab run` of a hypothesis; a neighbour shares the target's core from its first block on.

    Args:
        make_project: Makes the project in an empty folder.
        text: Of the hypothesis.
        name: Its name.
        seed: Of the run.
        beside: The neighbour; None for a quiet machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        (project / "hypotheses" / f"{name}.md").write_text(text)
        with started(name, f"--seed={seed}", project=project, env=ONE_CORE) as run:
            target = run.conditions()["pinning"]["target"]
            with neighbour(beside, target) if beside else nullcontext():
                ended = run.end()
        latest = project / "reports" / name / "latest"
        if not (latest / "verdict.json").is_file():
            raise RuntimeError(ended.get("said", ended))
        verdict = json.loads((latest / "verdict.json").read_text())
        trials = [json.loads(line) for line in (latest / "trials.jsonl").read_text().splitlines()]
    return {
        "verdict": verdict["verdict"],
        "outcome": verdict["predictions"][0]["outcome"],
        "ratio": verdict["predictions"][0]["estimate"],
        "blocks": verdict["blocks"],
        "voided": verdict["voided"],
        "took_s": round(verdict["elapsed_s"], 1),
        "other_cpu": round(max(trial["other_cpu"] for trial in trials), 3),
        "reason": (verdict["reasons"] or [""])[0],
    }
