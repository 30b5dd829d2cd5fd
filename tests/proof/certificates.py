"""`lab certify`: is the effect that it calls the smallest decided, and equal arms not?

An effect of a size is planted as a bound of that distance from two equal arms: what is decided
depends on the distance of the two alone.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from tests.proof.record import Steps, at_most, publish
from tests.runs import copy_project, lab, outcome_of

PLANTED = 10
EQUAL = 60
_SCENARIO = "scenarios/checkout.py"
_TEXT = """\
---
question: Do two equal arms differ?
claim: They do not.
kind: load
scenario: {scenario}
load: {{users: 4}}
trial: {{warmup: {warmup}, window: {window}}}
processes: fresh
arms:
  one: {{}}
  other: {{}}
control: one
predictions:
  - {{says: not slower, measure: latency_mean, compare: other / one, at_most: {bound}}}
rivals:
  - {{claim: not alike, says: so, measure: rss_bytes, compare: other / one, at_least: 2}}
budget: {budget}
---
"""
_SMALLEST = re.compile(r"latency_mean: .* likely decide an effect ([0-9.]+)% or more")


def prove() -> bool:
    """The smallest effect of the sample service, and false alarms of whole runs."""
    steps = Steps("certify")
    with tempfile.TemporaryDirectory(prefix="lab-proof-") as folder:
        project = copy_project(Path(folder))
        certified = steps.do("certify", partial(_certify, project))
        smallest = certified["smallest"]
        planted = [
            steps.do(f"planted {n}", partial(_run, project, n, 1 + smallest, "4s", "1s", "10m"))
            for n in range(at_most(PLANTED))
        ]
        equal = [
            steps.do(f"equal {n}", partial(_run, project, n, 1.0, "500ms", "300ms", "3m"))
            for n in range(at_most(EQUAL))
        ]
    decided = sum(run.get("verdict") == "CONFIRMED" for run in planted)
    alarms = Counter(_outcome(run) for run in equal)
    false = alarms["supported"] + alarms["contradicted"]
    publish(
        "certify",
        "What can be decided here",
        [
            "| what | figure |",
            "| --- | --- |",
            f"| smallest effect on latency, as certified | {smallest:.1%} |",
            f"| runs that decided a bound so far from equal arms | {decided} of {len(planted)} |",
            f"| runs that called equal arms different at bound 1.00 | {false} of {len(equal)} |",
            f"| false alarms with labels exchanged, as certified | {certified['alarms']} |",
        ],
        steps,
    )
    return decided >= 0.7 * len(planted) and false <= max(1, 0.08 * len(equal))


def _certify(project: Path) -> dict[str, Any]:
    done = lab("certify", "--scenario", _SCENARIO, project=project)
    found = _SMALLEST.search(done.stdout)
    if found is None:
        raise RuntimeError(done.stderr or done.stdout)
    line = found.string[found.start() :].splitlines()[0]
    return {"smallest": float(found[1]) / 100, "alarms": line.rpartition("exchanged, ")[2]}


def _run(
    project: Path, seed: int, bound: float, window: str, warmup: str, budget: str
) -> dict[str, Any]:
    text = _TEXT.format(
        scenario=_SCENARIO, bound=f"{bound:.6g}", window=window, warmup=warmup, budget=budget
    )
    (project / "hypotheses" / "equal.md").write_text(text)
    done = lab("run", "equal", f"--seed={seed}", "--no-profile", project=project)
    latest = project / "reports" / "equal" / "latest" / "verdict.json"
    if done.returncode in (1, 2) or not latest.is_file():
        raise RuntimeError(done.stderr or done.stdout)
    return outcome_of(json.loads(latest.read_text()))


def _outcome(run: dict[str, Any]) -> str:
    outcome: str = run["estimates"]["latency_mean other / one"][3]
    return outcome
