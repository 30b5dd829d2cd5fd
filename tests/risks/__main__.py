"""`make risks`: plant each risk's defect in a copy, and see the layer that answers for it go red.

A suite that stays green with a defect in it guards nothing. Each defect is planted alone, in a copy
of the project; the working tree is never touched.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from rich.console import Console
from rich.progress import track
from rich.table import Table

from tests.risks.catalogue import RISKS, Risk
from tests.runs import ROOT

_PARTS = ("service", "lab", "tests", "scenarios", "hypotheses", "examples", "docs")
_FILES = ("pyproject.toml", "docker-compose.yml", "requirements.txt")
_COPIES = 2  # as many run at once
_LIMIT_S = 600


@dataclass(frozen=True)
class Outcome:
    """What a layer's tests said."""

    code: int
    output: str

    @property
    def first_failure(self) -> str:
        """The test that went red first; empty where pytest itself could not run."""
        found = re.search(r"^(?:FAILED|ERROR) (?:\S*/)?(\S+)", self.output, re.M)
        return found[1] if found and self.code == 1 else ""


def copy(folder: Path) -> Path:
    """The project without what is made from it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", ".*")
    for part in _PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    for file in _FILES:
        shutil.copy(ROOT / file, folder)
    where = subprocess.run(
        [sys.executable, "-c", "import service; print(service.__file__)"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    if not Path(where.strip()).is_relative_to(folder):
        raise SystemExit(f"the copy is not what its tests would import, but {where.strip()}")
    return folder


def run(folder: Path, *tests: str) -> Outcome:
    """Run tests in a copy until the first failure."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=_LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(1, f"FAILED nothing ended within {_LIMIT_S} s")
    return Outcome(done.returncode, done.stdout + done.stderr)


def plant(risk: Risk, folder: Path) -> Outcome:
    """Put the defect in, run the layer (the named test first), take it out again."""
    file = folder / risk.file
    sound = file.read_text(encoding="utf-8")
    try:
        file.write_text(risk.planted(sound), encoding="utf-8")
        return run(folder, f"{risk.folder}/{risk.test}", risk.folder)
    finally:
        file.write_text(sound, encoding="utf-8")


def main(wanted: Sequence[str]) -> int:
    """Sound copies first, then each defect; prints the table. Exit 1 unless all are caught."""
    console = Console(highlight=False)
    chosen = [risk for risk in RISKS if not wanted or risk.name in wanted]
    if unknown := set(wanted) - {risk.name for risk in RISKS}:
        console.print(f"no such risk: {', '.join(sorted(unknown))}")
        return 2
    with tempfile.TemporaryDirectory(prefix="risks-") as scratch, console.status("") as status:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(_COPIES):
            free.put(copy(Path(scratch) / f"copy-{number}"))
        status.update("without a defect ...")
        layers = sorted({risk.folder for risk in chosen})
        first = free.get()
        sound = run(first, *layers)
        free.put(first)
        if sound.code:
            console.print(sound.output)
            console.print("The suite is red without any defect: nothing can be shown.")
            return 1
        status.stop()

        def tried(risk: Risk) -> Outcome:
            folder = free.get()
            try:
                return plant(risk, folder)
            finally:
                free.put(folder)

        with ThreadPoolExecutor(_COPIES) as pool:
            outcomes = list(
                track(pool.map(tried, chosen), "planting", len(chosen), console=console)
            )
    table = Table(box=None, pad_edge=False, title="Without a defect, all of these layers are green")
    for heading in ("", "risk", "layer", "went red first"):
        table.add_column(heading, overflow="fold")
    for risk, outcome in zip(chosen, outcomes, strict=True):
        mark = "[green]caught[/]" if outcome.first_failure else "[red]MISSED[/]"
        table.add_row(mark, risk.name, risk.layer, outcome.first_failure)
    console.print(table)
    caught = sum(bool(outcome.first_failure) for outcome in outcomes)
    console.print(f"{caught} of {len(chosen)} risks caught by the layer named")
    return 0 if caught == len(chosen) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
