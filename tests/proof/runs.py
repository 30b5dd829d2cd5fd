"""Runs of the real command, as a user would type it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.proof.record import ROOT

LAB = [sys.executable, "-m", "lab"]


def run_lab(*arguments: str) -> dict[str, Any]:
    """`lab run ...` to its end: exit code, and the verdict as it stands on disk."""
    began = time.monotonic()
    done = subprocess.run(
        [*LAB, "run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def outcome(code: int, stdout: str, stderr: str, took_s: float) -> dict[str, Any]:
    """What to keep of a run."""
    kept: dict[str, Any] = {"code": code, "took_s": round(took_s, 1)}
    report = next((line for line in stdout.splitlines() if line.startswith("report: ")), None)
    if report is None:
        return kept | {"said": (stderr or stdout)[-500:]}
    folder = Path(report.removeprefix("report: ")).parent
    verdict = json.loads((folder / "verdict.json").read_text())
    return kept | {
        "run": folder.name,
        "verdict": verdict["verdict"],
        "reasons": verdict["reasons"],
        "blocks": verdict["blocks"],
        "voided": verdict["voided"],
        "elapsed_s": verdict["elapsed_s"],
        "measuring_s": verdict["measuring_s"],
        "estimates": {
            f"{j['measure']} {j['subject']}": [j["estimate"], j["low"], j["high"], j["outcome"]]
            for j in (*verdict["predictions"], *verdict["rivals"])
        },
    }


@contextmanager
def started(name: str, *arguments: str) -> Iterator[Running]:
    """A run under way, as soon as its first block has begun."""
    reports = ROOT / "reports" / Path(name).stem
    before = set(reports.iterdir()) if reports.exists() else set()
    process = subprocess.Popen(
        [*LAB, "run", name, "--no-profile", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    running = Running(process, reports, before)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(30)


class Running:
    """A run in a process of its own."""

    def __init__(self, process: subprocess.Popen[str], reports: Path, before: set[Path]) -> None:
        self.process = process
        self._began = time.monotonic()
        self._reports, self._before = reports, before

    def wait_for(self, look: Callable[[], Any], limit_s: float = 60) -> Any:
        """Wait until `look` finds something."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        stdout, stderr = self.process.communicate() if self.process.poll() is not None else ("", "")
        raise AssertionError(f"never seen; the run said: {stdout[-800:]} {stderr[-800:]}")

    @property
    def folder(self) -> Path:
        """The run's folder, once its conditions are known."""

        def look() -> Path | None:
            if not self._reports.exists():
                return None
            new = [p for p in self._reports.iterdir() if p not in self._before]
            return next((p for p in new if (p / "conditions.json").exists()), None)

        found: Path = self.wait_for(look)
        return found

    def conditions(self) -> dict[str, Any]:
        """Who runs where."""
        data: dict[str, Any] = json.loads((self.folder / "conditions.json").read_text())
        return data

    def trials(self) -> int:
        """How many trials are on disk."""
        file = self.folder / "trials.jsonl"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def wait_for_trials(self, count: int) -> None:
        """Wait until so many trials are on disk."""
        self.wait_for(lambda: self.trials() >= count, 180)

    def wait_for_trial_begun(self) -> None:
        """Wait until a trial is being driven."""
        series = self.folder / "series"
        files = len(list(series.iterdir()))
        self.wait_for(lambda: len(list(series.iterdir())) > files)

    def end(self, limit_s: float = 600) -> dict[str, Any]:
        """Wait for its end."""
        stdout, stderr = self.process.communicate(timeout=limit_s)
        return outcome(self.process.returncode, stdout, stderr, time.monotonic() - self._began)
