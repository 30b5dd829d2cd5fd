"""The scenario of pool-exhaustion with LeanHttpUser: the same verdict at less processor time."""

from __future__ import annotations

import json
import math
import random
import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lab.runs.run_folder import RunFolder
from lab.trials.trial import LoadEvidence, Trial
from tests.proof.record import Steps, at_most, publish
from tests.runs import ROOT, copy_project, lab, outcome_of

NAME, SCENARIO = "pool-exhaustion", "checkout.py"
SHIPPED, LEAN = "FastHttpUser", "LeanHttpUser"
RUNS = 3
MOST_CPU = 0.25  # of the shipped scenario's processor time per request
_FEW, _MANY = "narrow", "wide"  # arms of few and of many requests a second


def prove() -> bool:
    """Same verdicts, estimates within each other's intervals, a quarter of the processor time."""
    steps = Steps("lean-user")
    pairs = []
    for seed in range(1, at_most(RUNS) + 1):
        found = {}
        for client in random.Random(f"lean-user {seed}").sample((SHIPPED, LEAN), 2):
            found[client] = steps.do(f"{client} {seed}", partial(run, client, seed))
        pairs.append((found[SHIPPED], found[LEAN]))
    lines = [
        "The shipped hypothesis, its scenario as it is and with the other base class, in turn and "
        "in random order. Processor time is the driver's, all of it: its ticks, its frames and "
        "the pauses of the shoppers too, which no client changes. *Of one more request* is what "
        f"the arm {_MANY} used more than {_FEW}, by the requests that it sent more.",
        "",
        "| seed | client | verdict | wide / narrow | short-hold / narrow | pool wait share "
        "| more-pricing / narrow | driver ms per request | of one more request, ms |",
        "| --- " * 9 + "|",
    ]
    for seed, pair in enumerate(pairs, 1):
        lines += [
            row(seed, client, each) for client, each in zip((SHIPPED, LEAN), pair, strict=True)
        ]
    share, of_more = (share_of(pairs, key) for key in ("cpu_ms", "more_ms"))
    alike = all(agree(*pair) for pair in pairs)
    same = all(shipped["verdict"] == lean["verdict"] for shipped, lean in pairs)
    lines += [
        "",
        f"{'All' if same else 'Not all'} pairs have the same verdict. "
        f"{'All' if alike else 'Not all'} estimates lie within each other's intervals. "
        f"LeanHttpUser's processor time per request is {share:.2f} of FastHttpUser's (promised: at "
        f"most {MOST_CPU:g}), of one more request {of_more:.2f}.",
    ]
    publish("lean-user", "The lean user: pool-exhaustion with either client", lines, steps)
    return alike and share <= MOST_CPU


def run(client: str, seed: int) -> dict[str, Any]:
    """One run with a client: its verdict and estimates, and the driver's processor time."""
    with tempfile.TemporaryDirectory() as folder:
        project = copy_project(Path(folder))
        hypothesis = (ROOT / "hypotheses" / f"{NAME}.md").read_text()
        (project / "hypotheses" / f"{NAME}.md").write_text(hypothesis)
        scenario = project / "scenarios" / SCENARIO
        scenario.write_text(with_client(scenario.read_text(), client))
        done = lab("run", NAME, f"--seed={seed}", "--no-profile", project=project)
        latest = project / "reports" / NAME / "latest"
        if not (latest / "verdict.json").is_file():
            raise RuntimeError((done.stderr or done.stdout)[-500:])
        verdict = json.loads((latest / "verdict.json").read_text())
        return outcome_of(verdict) | cpu_of(RunFolder(latest.resolve()).trials())


def with_client(scenario: str, client: str) -> str:
    """The shipped scenario with users of that class."""
    if client == SHIPPED:
        return scenario
    text = scenario.replace(f"import {SHIPPED}, ", "import ")
    text = text.replace("\n\nSKUS", "\n\nfrom lab.driver.client import LeanHttpUser\n\nSKUS", 1)
    return text.replace(f"({SHIPPED})", f"({LEAN})")


def cpu_of(trials: Sequence[Trial]) -> dict[str, float]:
    """Milliseconds of the driver per request: of all, and of one more request."""
    used: dict[str, float] = {}
    sent: dict[str, int] = {}
    for trial in trials:
        evidence = trial.evidence
        assert isinstance(evidence, LoadEvidence)
        requests = sum(seen.count for seen in evidence.requests.values())
        used[trial.arm] = used.get(trial.arm, 0.0) + evidence.usage["driver"].cpu * trial.window_s
        sent[trial.arm] = sent.get(trial.arm, 0) + requests
    both = {_FEW, _MANY} <= used.keys()
    more_s, more = (used[_MANY] - used[_FEW], sent[_MANY] - sent[_FEW]) if both else (0.0, 0)
    return {
        "cpu_ms": round(1000 * sum(used.values()) / sum(sent.values()), 4),
        "more_ms": round(1000 * more_s / more, 4) if more > 0 else 0.0,
        "requests": sum(sent.values()),
    }


def agree(shipped: Mapping[str, Any], lean: Mapping[str, Any]) -> bool:
    """Whether verdicts are the same, and each estimate lies within the other's interval."""
    pairs = zip(shipped["estimates"].values(), lean["estimates"].values(), strict=True)
    return shipped["verdict"] == lean["verdict"] and all(
        within(one, other) and within(other, one) for one, other in pairs
    )


def within(estimate: Sequence[Any], other: Sequence[Any]) -> bool:
    """Whether an estimate lies in the interval of another; an edge that is None is open."""
    value, (_, low, high, *_) = estimate[0], other
    if value is None:
        return False
    return (low is None or value >= low) and (high is None or value <= high)


def share_of(pairs: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]], key: str) -> float:
    """The geometric mean of the lean client's figures over the shipped one's; NaN without them."""
    if not all(found[key] > 0 for pair in pairs for found in pair):
        return math.nan  # on a busy machine, more requests may take less time
    logs = [math.log(lean[key] / shipped[key]) for shipped, lean in pairs]
    return math.exp(sum(logs) / len(logs))


def row(seed: int, client: str, found: Mapping[str, Any]) -> str:
    """A line of the table."""
    estimates = [
        "-" if value is None else f"{value:.2f} [{_edge(low)} to {_edge(high)}]"
        for value, low, high, _ in found["estimates"].values()
    ]
    return (
        f"| {seed} | {client} | {found['verdict']} | {' | '.join(estimates)} "
        f"| {found['cpu_ms']:.3f} | {found['more_ms']:.3f} |"
    )


def _edge(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"
