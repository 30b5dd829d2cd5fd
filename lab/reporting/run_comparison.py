"""Two runs side by side: in what they differ, and which estimates moved."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lab.hypothesis import Prediction
from lab.machine.conditions import machine_name
from lab.measures.number_format import DIGITS, MISSING, MOST_DIGITS
from lab.reporting.run_overview import began, commit_of
from lab.reporting.sections.conditions import flattened
from lab.reporting.table import Table
from lab.runs.judged_run import JudgedRun
from lab.trials.plan import PlannedWorkers
from lab.verdict.record import Judgement
from lab.verdict.wording import estimate_text

# differ from run to run, and say nothing about it
_OF_THE_RUN = ("pid", "url", "ports", "container", "joined")
_OF_A_SYSTEM = "target › url"  # that ran already; other URLs are of arms that the run started
_OF_THE_PLAN = ("schema", "hypothesis", "digest", "claim_digest", "seed", "orders", "attempts")
_UNKNOWN = "none recorded"


@dataclass(frozen=True)
class RunComparison:
    """What two runs have in common, and what not.

    Attributes:
        runs: Their verdicts, machines and commits.
        warnings: Why figures of the two may differ though the system is the same.
        conditions: Those that differ.
        settings: Of plan and hypothesis, those that differ.
        estimates: Of both, with what moved.
    """

    runs: Table
    warnings: tuple[str, ...]
    conditions: Table
    settings: Table
    estimates: Table


def compare_runs(first: JudgedRun, second: JudgedRun) -> RunComparison:
    """Compare two runs, of the same hypothesis or not."""
    a, b = first.run_folder.conditions(), second.run_folder.conditions()
    return RunComparison(
        runs=_runs(first, second),
        warnings=tuple(_warnings(first, second)),
        conditions=_differing(_conditions(a), _conditions(b)),
        settings=_differing(_settings(first), _settings(second)),
        estimates=_estimates(first, second),
    )


def _runs(first: JudgedRun, second: JudgedRun) -> Table:
    rows = []
    for run in (first, second):
        conditions = run.run_folder.conditions()
        rows.append(
            (
                f"{run.hypothesis.name}/{run.run_folder.run}",
                str(run.verdict.verdict),
                f"{run.verdict.blocks}",
                began(run.run_folder) or MISSING,
                commit_of(conditions) or MISSING,
                machine_name(conditions),
            )
        )
    head = ("run", "verdict", "blocks", "began (UTC)", "commit", "machine")
    return Table(head, tuple(rows), "llrlll")


def _warnings(first: JudgedRun, second: JudgedRun) -> Iterator[str]:
    a, b = first.measured, second.measured
    if a.machine != b.machine:
        yield (
            f"The machines differ ({a.machine}; {b.machine}): estimates of one arm are not "
            "comparable, and ratios of two arms may differ because of the machine."
        )
    if first.hypothesis.name != second.hypothesis.name:
        yield "The hypotheses differ: only what both predict about the same arms is compared."
    elif first.plan.claim_digest != second.plan.claim_digest:
        yield "The claim was edited between the two: arms, load or scenario may differ."
    if a.target != b.target:
        yield (
            f"The targets differ ({a.target}; {b.target}): estimates may differ because of where "
            "the system runs, and what runs there may be another one."
        )
    if a.cores != b.cores:
        yield (
            f"The target had {_cores(a.cores)} in the first run and {_cores(b.cores)} in the "
            "second: estimates may differ because of that."
        )
    if a.database != b.database:
        yield (
            f"The database servers differ ({a.database or _UNKNOWN}; {b.database or _UNKNOWN}): "
            "estimates may differ because of them."
        )
    if a.workers != b.workers:
        made = " and ".join(map(_made_by, (a.workers, b.workers)))
        yield (
            f"The load was made by {made}: more workers have other connections, send at other "
            "moments and have other limits, so that estimates may differ because of them."
        )
    for what, one, other in (
        ("processes", a.processes, b.processes),
        ("databases", a.databases, b.databases),
    ):
        if one != other:
            yield (
                f"The {what} of the arms were {one} in the first run and {other} in the second: "
                "fresh ones differ from block to block, so that estimates and intervals may differ "
                "because of them."
            )
    for run in (first, second):
        if run.verdict.verdict == "INVALID":
            yield f"{run.run_folder.run} is INVALID: its estimates are no evidence."


def _cores(count: int | None) -> str:
    return "an unknown number of cores" if count is None else f"{count} core{'s' * (count != 1)}"


def _made_by(workers: PlannedWorkers | None) -> str:
    return "a single process" if workers is None else str(workers)


def _conditions(conditions: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value
        for name, value in flattened(conditions)
        if name == _OF_A_SYSTEM or name.rpartition(" › ")[2] not in _OF_THE_RUN
    }


def _settings(run: JudgedRun) -> dict[str, str]:
    """Everything that was chosen: rule, load, arms, measures, what is allowed, and bounds."""
    hypothesis = run.hypothesis
    plan = {key: value for key, value in run.plan.as_dict().items() if key not in _OF_THE_PLAN}
    return dict(
        flattened(
            {
                "kind": hypothesis.kind.name,
                **asdict(hypothesis.kind),
                "scenario": hypothesis.scenario,
                "pass": ", ".join(sorted(hypothesis.passed)) or None,
                "control": hypothesis.control,
                "arms": hypothesis.arms,
                "measures": {name: asdict(each) for name, each in hypothesis.measures.items()},
                "allow": asdict(hypothesis.allow),
                "limits": asdict(hypothesis.limits),
                "bounds": _bounds(hypothesis.predictions),
                "bounds of rivals": _bounds(rival.prediction for rival in hypothesis.rivals),
                "plan": plan,
            }
        )
    )


def _bounds(predictions: Iterable[Prediction]) -> dict[str, list[str]]:
    """Those of each quantity, about which there may be several predictions."""
    bounds: dict[str, list[str]] = {}
    for each in predictions:
        bounds.setdefault(f"{each.quantity} {each.subject}", []).append(each.bound_words)
    return {quantity: sorted(words) for quantity, words in bounds.items()}


def _differing(a: Mapping[str, str], b: Mapping[str, str]) -> Table:
    names = dict.fromkeys((*a, *b))
    rows = tuple(
        (name, a.get(name, MISSING), b.get(name, MISSING))
        for name in names
        if a.get(name) != b.get(name)
    )
    return Table(("", "first", "second"), rows, "lll")


def _estimates(first: JudgedRun, second: JudgedRun) -> Table:
    a, b = _estimated(first), _estimated(second)
    rows = tuple(
        (name, _text(a.get(name)), _text(b.get(name)), _moved(a.get(name), b.get(name)))
        for name in dict.fromkeys((*a, *b))
    )
    return Table(("estimate", "first", "second", "moved"), rows, "llll")


def _estimated(run: JudgedRun) -> dict[str, Judgement]:
    """What was estimated, by its name; whoever predicts the same has the same estimate of it."""
    judged = (*run.verdict.predictions, *run.verdict.rivals)
    pairs = zip(run.hypothesis.all_predictions, judged, strict=True)
    return {f"{each.measure} {each.subject}{_growth(of)}": each for of, each in pairs}


def _growth(prediction: Prediction) -> str:
    """What is estimated of a growth: of a constant time its factor, of any other its exponent."""
    if prediction.grows is None:
        return ""
    return " factor" if prediction.grows == "constant" else " exponent"


def _text(judged: Judgement | None) -> str:
    return MISSING if judged is None else estimate_text(judged) or MISSING


def _moved(a: Judgement | None, b: Judgement | None) -> str:
    """Whether two estimates differ by more than their intervals allow.

    The interval of what there is none of up to some value begins there and has no end.
    """
    if a is None or b is None or not (_is_known(a) and _is_known(b)):
        return MISSING
    if _high(a) >= _low(b) and _high(b) >= _low(a):
        return "no: the intervals overlap"
    if a.estimate is None or b.estimate is None:
        return "yes"
    if a.estimate > 0 and b.estimate > 0:
        return f"yes, by {b.estimate / a.estimate - 1:+.1%}"
    moved = b.estimate - a.estimate
    return f"yes, by {moved:+.{DIGITS if moved % 1 else MOST_DIGITS}g}"


def _is_known(judged: Judgement) -> bool:
    return judged.estimate is not None or judged.low is not None


def _low(judged: Judgement) -> float:
    return -math.inf if judged.low is None else judged.low


def _high(judged: Judgement) -> float:
    return math.inf if judged.high is None else judged.high
