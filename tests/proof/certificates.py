"""`lab certify`: is the effect that it calls the smallest decided, and equal arms not?

An effect of a size is planted as a bound of that distance from two equal arms: what is decided
depends on the distance of the two alone. Half of the runs have their bounds beyond equal arms, and
are right if they end CONFIRMED; the other half have them short of equal arms, and are right if
they end REFUTED. The same runs are runs of equal arms, so their noise says once more what the
smallest effect is.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from lab.analysis.block_noise import block_log_ratios, pool_noise
from lab.cli.comparison_text import BUDGET, window_s
from lab.exit_codes import DECIDED
from lab.hypothesis import load
from lab.runs.run_folder import RunFolder
from lab.trials.block_grouping import group_trials
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
  - {{says: not slower, measure: latency_mean, compare: other / one, at_most: {latency}}}
  - {{says: no fewer, measure: throughput, compare: other / one, at_least: {throughput}}}
rivals:
  - {{claim: not alike, says: so, measure: throughput, compare: other / one, at_least: 1.5}}
budget: {budget}
---
"""
_FACTOR = 1.5  # within which the smallest effect should be right
_NO_EFFECT = {"latency_mean": 0.0, "throughput": 0.0}


class Length(NamedTuple):
    """How long a run and its trials are."""

    warmup: str
    window: str
    budget: str


CERTIFIED = Length("1s", f"{window_s(BUDGET)}s", BUDGET)  # as `lab certify` has it
SHORT = Length("300ms", "1s", "3m")


def prove() -> bool:
    """The smallest effect of the sample service, and false alarms of whole runs."""
    steps = Steps("certify")
    with tempfile.TemporaryDirectory(prefix="lab-proof-") as folder:
        project = copy_project(Path(folder))
        certified = steps.do("certify", partial(_certify, project))
        planted = [
            steps.do(f"planted {n}", partial(_run, project, n, _planted(certified, n), CERTIFIED))
            for n in range(at_most(PLANTED))
        ]
        equal = [
            steps.do(f"equal {n}", partial(_run, project, n, _NO_EFFECT, SHORT))
            for n in range(at_most(EQUAL))
        ]
    latency = certified["latency_mean"]
    decided = sum(run["verdict"] == _expected(n) for n, run in enumerate(planted))
    wrong = sum(run["verdict"] == _expected(n + 1) for n, run in enumerate(planted))
    again = _smallest_again(latency, planted)
    valid = [run for run in equal if run["verdict"] != "INVALID"]
    false = sum(run["verdict"] in DECIDED for run in valid)
    publish(
        "certify",
        "What can be decided here",
        [
            "| what | figure |",
            "| --- | --- |",
            f"| smallest effect on latency, as certified | {latency['smallest']:.1%} |",
            f"| the same from the noise of the runs of the next row | {again:.1%} |",
            f"| runs that decided bounds so far from equal arms, rightly | {decided} of "
            f"{len(planted)} |",
            f"| the same, wrongly | {wrong} of {len(planted)} |",
            f"| valid runs that called equal arms different at bound 1.00 | {false} of "
            f"{len(valid)} |",
            f"| runs of equal arms that were INVALID | {len(equal) - len(valid)} of {len(equal)} |",
            f"| false alarms with labels exchanged, as certified | {latency['false_alarms']:.1%} |",
        ],
        steps,
    )
    return (
        decided >= 0.7 * len(planted)
        and 1 / _FACTOR <= math.log1p(again) / math.log1p(latency["smallest"]) <= _FACTOR
        and len(valid) >= 0.9 * len(equal)
        and false <= max(1, 0.08 * len(equal))
    )


def equal_arms(effects: Mapping[str, float], length: Length) -> str:
    """A hypothesis on two equal arms, with bounds so far from them, by measure."""
    return _TEXT.format(
        scenario=_SCENARIO,
        latency=f"{1 + effects['latency_mean']:.6g}",
        throughput=f"{1 / (1 + effects['throughput']):.6g}",
        **length._asdict(),
    )


def _certify(project: Path) -> dict[str, Any]:
    """What was certified of each measure."""
    done = lab("certify", "--scenario", _SCENARIO, project=project)
    files = list((project / ".lab" / "certificates").glob("*.json"))
    if done.returncode or len(files) != 1:
        raise RuntimeError(done.stderr or done.stdout)
    found: dict[str, Any] = json.loads(files[0].read_text())["measures"]
    return found


def _planted(certified: Mapping[str, Any], number: int) -> dict[str, float]:
    """The smallest effects beyond equal arms, and in every second run short of them."""
    found = {measure: each["smallest"] for measure, each in certified.items()}
    return found if number % 2 == 0 else {name: 1 / (1 + each) - 1 for name, each in found.items()}


def _expected(number: int) -> str:
    return "CONFIRMED" if number % 2 == 0 else "REFUTED"


def _run(project: Path, seed: int, effects: Mapping[str, float], length: Length) -> dict[str, Any]:
    """The outcome of a run, and the log ratio of latencies of each block."""
    file = project / "hypotheses" / "equal.md"
    file.write_text(equal_arms(effects, length))
    done = lab("run", "equal", f"--seed={seed}", "--no-profile", project=project)
    report = next((line for line in done.stdout.splitlines() if line.startswith("report: ")), None)
    if report is None:
        raise RuntimeError(done.stderr or done.stdout)
    folder = Path(report.removeprefix("report: ")).parent
    run_folder = RunFolder.open(folder)
    plan, hypothesis = run_folder.plan(), load(file, project)
    blocks = group_trials(run_folder.trials(), plan).complete
    ratios = block_log_ratios(hypothesis, hypothesis.predictions[0], blocks, plan.margins)
    return {**outcome_of(json.loads((folder / "verdict.json").read_text())), "log_ratios": ratios}


def _smallest_again(latency: Mapping[str, Any], runs: Sequence[Mapping[str, Any]]) -> float:
    """The smallest effect that the noise of these runs would give: it is in proportion, in logs."""
    noise = pool_noise([run["log_ratios"] for run in runs])
    assert noise is not None
    times = noise.deviation / latency["noise"]["deviation"]
    return math.expm1(math.log1p(latency["smallest"]) * times)
