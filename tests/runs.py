"""Runs of the real command, as a user types it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psutil

ROOT = Path(__file__).parent.parent
Result = TypeVar("Result")
# `python` in a lab.toml is then the one that runs the tests, in a copied project too
PATH = {"PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
QUICK = ROOT / "tests" / "planted" / "quick.md"
QUICK_SLICES = ROOT / "tests" / "planted" / "quick-slices.md"
QUICK_SOAK = ROOT / "tests" / "planted" / "quick-soak.md"


def lab(
    *arguments: str, project: Path = ROOT, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a `lab` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments],
        cwd=project,
        env=os.environ | PATH | dict(env or {}),
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )


def gone(family: list[psutil.Process], limit_s: float) -> bool:
    """Whether all these processes end in time."""
    _, alive = psutil.wait_procs(family, timeout=limit_s)
    return not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def run_lab(*arguments: str) -> dict[str, Any]:
    """Run `lab run ...` to its end: its exit code and its verdict, as JSON types."""
    began = time.monotonic()
    done = lab("run", *arguments)
    return outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - began)


def ended(running: Generator[object, None, Result]) -> Result:
    """What a generator of progress events returns, when it has ended."""
    while True:
        try:
            next(running)
        except StopIteration as end:
            result: Result = end.value
            return result


def copy_project(folder: Path) -> Path:
    """Make a project in a folder, so that the runs of a test do not mix with the user's."""
    for part in ("scenarios", "service"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("lab.toml", "docker-compose.yml", ".dockerignore", "requirements.txt"):
        shutil.copy(ROOT / file, folder)
    (folder / ".venv").symlink_to(sys.prefix)  # `python` of its lab.toml, whatever is on the PATH
    (folder / "hypotheses").mkdir()
    shutil.copy(QUICK, folder / "hypotheses")
    return folder


def outcome(code: int, stdout: str, stderr: str, took_s: float) -> dict[str, Any]:
    """What a proof keeps of a run: exit code, and its verdict or the end of its output."""
    kept: dict[str, Any] = {"code": code, "took_s": round(took_s, 1)}
    report = next((line for line in stdout.splitlines() if line.startswith("report: ")), None)
    if report is None:
        return kept | {"said": (stderr or stdout)[-500:]}
    folder = Path(report.removeprefix("report: ")).parent
    verdict = json.loads((folder / "verdict.json").read_text())
    return kept | {"run": folder.name} | outcome_of(verdict)


def outcome_of(verdict: dict[str, Any]) -> dict[str, Any]:
    """What a proof keeps of a verdict; of what a rival estimates too, what the prediction says."""
    estimates: dict[str, list[Any]] = {}
    for j in (*verdict["predictions"], *verdict["rivals"]):
        found = [j["estimate"], j["low"], j["high"], j["outcome"]]
        estimates.setdefault(f"{j['measure']} {j['subject']}", found)
    return {
        "verdict": verdict["verdict"],
        "reasons": verdict["reasons"],
        "blocks": verdict["blocks"],
        "voided": verdict["voided"],
        "elapsed_s": verdict["elapsed_s"],
        "measuring_s": verdict["measuring_s"],
        "estimates": estimates,
    }


@contextmanager
def started(
    name: str, *arguments: str, project: Path = ROOT, env: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """A run in the background, without profiles; it is ended when the context is left."""
    running = Running(name, arguments, project, env or {})
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.terminate()
        running.process.communicate()


class Running:
    """A run in a process of its own, and what is on disk of it."""

    def __init__(
        self, name: str, arguments: tuple[str, ...], project: Path, env: Mapping[str, str]
    ) -> None:
        self._reports = project / "reports" / Path(name).stem
        self._before = set(self._reports.iterdir()) if self._reports.exists() else set()
        self._began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lab", "run", name, "--no-profile", *arguments],
            cwd=project,
            env=os.environ | PATH | dict(env),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def wait_for(self, look: Callable[[], Any], limit_s: float = 60) -> Any:
        """Wait until `look` finds something; what it found. AssertionError if the run ends."""
        deadline = time.monotonic() + limit_s
        while time.monotonic() < deadline:
            if found := look():
                return found
            if self.process.poll() is not None:
                stdout, stderr = self.process.communicate()
                raise AssertionError(f"the run ended: {stdout[-800:]} {stderr[-800:]}")
            time.sleep(0.02)
        raise AssertionError(f"not seen within {limit_s} s")

    @property
    def folder(self) -> Path:
        """The folder of the run; waits until its conditions are on disk."""

        def look() -> Path | None:
            if not self._reports.exists():
                return None
            new = [path for path in self._reports.iterdir() if path not in self._before]
            return next((path for path in new if (path / "conditions.json").exists()), None)

        found: Path = self.wait_for(look)
        return found

    def conditions(self) -> dict[str, Any]:
        """The conditions: processes and cores among them."""
        data: dict[str, Any] = json.loads((self.folder / "conditions.json").read_text())
        return data

    def family(self) -> list[psutil.Process]:
        """All processes that the run has started so far, the watchdog included."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def trials(self) -> int:
        """How many trials are on disk."""
        file = self.folder / "trials.jsonl"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def wait_for_trials(self, count: int) -> None:
        """Wait until so many trials are on disk."""
        self.wait_for(lambda: self.trials() >= count, 180)

    def wait_for_trial_begun(self) -> str:
        """Wait until a trial begins; its arm."""
        series = self.folder / "series"
        before = set(series.iterdir())
        (begun,) = self.wait_for(lambda: set(series.iterdir()) - before)
        return str(begun.stem.partition("-")[2])

    def finish(self, limit_s: float = 600) -> subprocess.CompletedProcess[str]:
        """Wait for its end."""
        stdout, stderr = self.process.communicate(timeout=limit_s)
        return subprocess.CompletedProcess(
            self.process.args, self.process.returncode, stdout, stderr
        )

    def end(self, limit_s: float = 600) -> dict[str, Any]:
        """Wait for its end; what a proof keeps of it."""
        done = self.finish(limit_s)
        return outcome(done.returncode, done.stdout, done.stderr, time.monotonic() - self._began)
