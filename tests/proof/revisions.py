"""`lab diff` of commits that are known to change nothing, to slow down, or to speed up.

How much a commit slows down is measured apart, before anything is compared, and the part does not
hold if that is not what it should be.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lab.exit_codes import exit_code_of_verdict
from tests.proof.record import Steps, at_most, publish
from tests.proof.revision_effects import of_function, of_service
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
    change: float  # that is meant
    tolerance: float  # of what is measured of it
    effect_of: Callable[[Path, list[Change]], list[float]]  # of a slow commit: median, low, high
    of_what: str  # that effect
    measure: str  # of which the estimate is shown


CHECK_SUM = Work("shop/pricing.py", "ROUNDS", 8000, 8800)
LABEL = Work("shop/labels.py", "COLUMNS", 1000, 1031)
SERVICE = Subject(
    "an endpoint of a service",
    CHECK_SUM,
    ("--scenario", "scenarios/price.py"),
    "4%",
    0.08,
    0.01,
    lambda shop, changes: of_service(shop, _first_slower(changes), "/baskets/17/price"),
    "processor time of a request",
    "latency_mean after / before",
)
FUNCTION = Subject(
    "a function",
    LABEL,
    ("--benchmark", "scenarios/bench_labels.py"),
    "1%",
    0.03,
    0.005,
    lambda shop, _: of_function(shop, LABEL),
    "time of a call",
    "time after / before",
)


def prove() -> bool:
    """Every commit against its parent, of a service and of a function."""
    steps = Steps("revisions")
    held, lines = True, []
    for subject in (SERVICE, FUNCTION):
        effect, found = _compare_all(subject, steps)
        held &= _is_as_meant(subject, effect) and _holds(found)
        lines += _lines(subject, effect, found)
    publish("revisions", "Two revisions of the code", lines, steps)
    return held


def _compare_all(
    subject: Subject, steps: Steps
) -> tuple[list[float], dict[str, list[dict[str, Any]]]]:
    """The planted effect, and the outcomes by kind of commit: none if it is not as meant."""
    found: dict[str, list[dict[str, Any]]] = {"docs": [], "slower": [], "faster": []}
    with tempfile.TemporaryDirectory(prefix="lab-proof-") as folder:
        shop = Path(folder)
        changes = make_shop(shop, subject.work, CHANGES)
        key = f"{subject.option[1]} effect {subject.work.usual} to {subject.work.more}"
        effect = steps.do(key, partial(subject.effect_of, shop, changes))
        times = at_most(TIMES) if _is_as_meant(subject, effect) else 0
        for time in range(times):
            for number, change in enumerate(changes):
                key = f"{subject.option[1]} {number} {change.kind} {time}"
                found[change.kind].append(steps.do(key, partial(_diff, shop, subject, change)))
    return effect, found


def _first_slower(changes: list[Change]) -> Change:
    return next(change for change in changes if change.kind == "slower")


def _is_as_meant(subject: Subject, effect: list[float]) -> bool:
    """Whether a slow commit does as much more as it should, about."""
    return abs(effect[0] - 1 - subject.change) <= subject.tolerance


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
        and all(_ended_in_time(run) for runs in found.values() for run in runs)
    )


def _ended_in_time(run: dict[str, Any]) -> bool:
    """Whether a run has a verdict within its time, and ended with the exit code of that."""
    if "verdict" not in run or run["elapsed_s"] > 600:
        return False
    return bool(run["code"] == exit_code_of_verdict(run["verdict"], "CONFIRMED"))


def _lines(
    subject: Subject, effect: list[float], found: dict[str, list[dict[str, Any]]]
) -> list[str]:
    """A table with a row for each kind of commit."""
    claims = {
        "docs": f"not slower than {subject.bound}",
        "slower": f"not slower than {subject.bound}",
        "faster": f"faster than {subject.bound}",
    }
    what = {
        "docs": "comments or notes",
        "slower": f"{subject.work.name} from {subject.work.usual} to {subject.work.more}",
        "faster": f"{subject.work.name} from {subject.work.more} to {subject.work.usual}",
    }
    rows = [
        f"| {what[kind]} | {claims[kind]} | {_verdicts(runs)} | {_estimates(subject, runs)} | "
        f"{_longest(runs)} |"
        for kind, runs in found.items()
    ]
    ratio, low, high = effect
    compared = [
        "| the commit changed | claim | verdicts | estimates, lowest to highest | longest run |",
        "| --- | --- | --- | --- | --- |",
        *rows,
    ]
    if not _is_as_meant(subject, effect):
        compared = ["That is not what is meant, so no commits were compared."]
    return [
        f"### Of {subject.title}",
        "",
        f"A slow commit is meant to cost {subject.change:.0%} more. Measured apart, by pieces of "
        f"work of both versions in turn: {subject.of_what} {ratio:.3f} times that before "
        f"({low:.3f} to {high:.3f}), so a fast commit costs {1 / ratio:.3f} times that before.",
        "",
        *compared,
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
