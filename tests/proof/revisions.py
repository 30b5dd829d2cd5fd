"""`lab diff` of commits that are known to change nothing, to slow down, or to speed up."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from tests.proof.record import Steps, at_most, publish
from tests.repositories import git
from tests.revision_shop import Change, Work, make_shop
from tests.runs import lab, outcome_of

CHANGES = 4  # of each kind
TIMES = 2  # that each is compared
LETTERS = {"CONFIRMED": "C", "REFUTED": "R", "INCONCLUSIVE": "I", "INVALID": "V"}


class Subject(NamedTuple):
    """What is compared, and with which bound."""

    title: str
    work: Work
    option: tuple[str, str]  # of the command line
    bound: str
    change: str  # in words
    measure: str  # of which the estimate is shown


SERVICE = Subject(
    "an endpoint of a service",
    Work("shop/pricing.py", "ROUNDS", 8000, 8800),
    ("--scenario", "scenarios/price.py"),
    "4%",
    "8 %",
    "latency_mean after / before",
)
FUNCTION = Subject(
    "a function",
    Work("shop/labels.py", "COLUMNS", 1000, 1031),
    ("--benchmark", "scenarios/bench_labels.py"),
    "1%",
    "3 %",
    "time after / before",
)


def prove() -> bool:
    """Every commit against its parent, of a service and of a function."""
    steps = Steps("revisions")
    held, lines = True, []
    for subject in (SERVICE, FUNCTION):
        found = _compare_all(subject, steps)
        holds = _holds(found)
        held &= holds
        lines += _lines(subject, found)
    publish("revisions", "Two revisions of the code", lines, steps)
    return held


def _compare_all(subject: Subject, steps: Steps) -> dict[str, list[dict[str, Any]]]:
    """The outcomes by the kind of the commit."""
    found: dict[str, list[dict[str, Any]]] = {"docs": [], "slower": [], "faster": []}
    with tempfile.TemporaryDirectory(prefix="lab-proof-") as folder:
        shop = Path(folder)
        changes = make_shop(shop, subject.work, CHANGES)
        for time in range(at_most(TIMES)):
            for number, change in enumerate(changes):
                key = f"{subject.option[1]} {number} {change.kind} {time}"
                found[change.kind].append(steps.do(key, partial(_diff, shop, subject, change)))
    return found


def _diff(shop: Path, subject: Subject, change: Change) -> dict[str, Any]:
    """Compare a commit with its parent; a build is apart from the time of the run."""
    claim = "--faster-than" if change.kind == "faster" else "--slower-than"
    done = lab(
        "diff",
        f"{change.before[:10]}..{change.after[:10]}",
        *subject.option,
        claim,
        subject.bound,
        "--no-profile",
        project=shop,
    )
    report = next((line for line in done.stdout.splitlines() if line.startswith("report: ")), None)
    if report is None:
        return {"code": done.returncode, "said": (done.stderr or done.stdout)[-500:]}
    folder = Path(report.removeprefix("report: ")).parent
    sealed = json.loads((folder / "plan.json").read_text())["revisions"]
    assert sealed["before"] == git(shop, "rev-parse", change.before), "the commit that was asked"
    return {
        "code": done.returncode,
        **outcome_of(json.loads((folder / "verdict.json").read_text())),
    }


def _holds(found: dict[str, list[dict[str, Any]]]) -> bool:
    """Whether equal code is never called slower, slow code never accepted, and most is decided."""
    counted = {kind: Counter(run.get("verdict") for run in runs) for kind, runs in found.items()}
    allowed = {kind: max(1, len(runs) // 8) for kind, runs in found.items()}
    return (
        not counted["docs"]["REFUTED"]
        and not counted["slower"]["CONFIRMED"]
        and counted["docs"]["CONFIRMED"] >= len(found["docs"]) - allowed["docs"]
        and counted["slower"]["REFUTED"] >= len(found["slower"]) - allowed["slower"]
        and counted["faster"]["CONFIRMED"] >= len(found["faster"]) - allowed["faster"]
        and all(run.get("elapsed_s", 601) <= 600 for runs in found.values() for run in runs)
    )


def _lines(subject: Subject, found: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A table with a row for each kind of commit."""
    claims = {
        "docs": f"not slower than {subject.bound}",
        "slower": f"not slower than {subject.bound}",
        "faster": f"faster than {subject.bound}",
    }
    what = {
        "docs": "comments or notes",
        "slower": f"about {subject.change} more work",
        "faster": f"about {subject.change} less work",
    }
    rows = [
        f"| {what[kind]} | {claims[kind]} | {_verdicts(runs)} | {_estimates(subject, runs)} | "
        f"{_longest(runs)} |"
        for kind, runs in found.items()
    ]
    return [
        f"### Of {subject.title}",
        "",
        "| the commit changed | claim | verdicts | estimates, lowest to highest | longest run |",
        "| --- | --- | --- | --- | --- |",
        *rows,
        "",
    ]


def _verdicts(runs: Sequence[dict[str, Any]]) -> str:
    return "".join(LETTERS.get(run.get("verdict", ""), "-") for run in runs)


def _estimates(subject: Subject, runs: Sequence[dict[str, Any]]) -> str:
    found = [run["estimates"][subject.measure][0] for run in runs if "estimates" in run]
    known = [each for each in found if each is not None]
    return f"{min(known):.3f} to {max(known):.3f}" if known else "none"


def _longest(runs: Sequence[dict[str, Any]]) -> str:
    return f"{max((run.get('elapsed_s', 0.0) for run in runs), default=0.0) / 60:.1f} min"
