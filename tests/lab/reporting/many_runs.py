"""A project with many runs, made from recorded ones: names, machines, figures and times differ."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.runs import ROOT

RECORDED = ROOT / "tests" / "recorded"
SOURCES = {
    "pool-exhaustion": RECORDED / "pool-exhaustion",
    "open-spike": RECORDED / "open-spike",
    "serializer": RECORDED / "serializer",
    "planted": RECORDED / "made-up-growth",
    "memory-leak": RECORDED / "made-up-leak",
}
OTHER = "Another Processor"


def copy_run(source: Path, reports: Path, name: str, began: datetime) -> Path:
    """A copy of a run, as if it had begun at this time."""
    run = reports / name / began.strftime("%Y%m%d-%H%M%S")
    shutil.copytree(source, run, ignore=shutil.ignore_patterns("series", "rounds", "profiles"))
    (run / "series").mkdir()
    for series in (source / "series").glob("*.intervals.jsonl"):  # of a soak they are evidence
        shutil.copy(series, run / "series")
    journal = run / "journal.jsonl"
    later = journal.read_text().splitlines()[1:] if journal.exists() else []
    first = {"at": began.isoformat(timespec="milliseconds"), "event": "session began"}
    journal.write_text("".join(f"{line}\n" for line in (json.dumps(first), *later)))
    (run / "report.html").touch()
    return run


def edit(file: Path, **changed: object) -> None:
    """Change keys of a JSON file; one that is missing is made."""
    data = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps({**data, **changed}))


def make_runs(reports: Path, each: int = 7) -> None:
    """Runs of five hypotheses; the estimates of `pool-exhaustion` drift, on two machines."""
    chance = random.Random(4)
    began = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
    for name, source in SOURCES.items():
        for number in range(each):
            began += timedelta(hours=7, minutes=13)
            run = copy_run(source, reports, name, began)
            edit(run / "conditions.json", commit=f"{number:07x}abcdef", dirty=number == 2)
            if name == "pool-exhaustion":
                _vary(run, number, chance)


def _vary(run: Path, number: int, chance: random.Random) -> None:
    if number in (1, 4):
        edit(run / "conditions.json", processor=OTHER, cores=8)
    if number == 0:
        edit(run / "plan.json", claim_digest="sha256:another")
    verdict = json.loads((run / "verdict.json").read_text())
    for judged in (*verdict["predictions"], *verdict["rivals"]):
        factor = 1 + 0.02 * chance.gauss(0, 1)
        for key in ("estimate", "low", "high"):
            judged[key] *= factor
    if number == 3:
        verdict["verdict"] = "REFUTED"
        verdict["predictions"][0] |= {
            "outcome": "contradicted",
            "estimate": 1.9,
            "low": 1.7,
            "high": 2.1,
        }
    (run / "verdict.json").write_text(json.dumps(verdict))
