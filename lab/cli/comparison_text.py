"""The hypotheses that `lab diff` and `lab certify` write, of a scenario or a benchmark."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from lab.cli.durations import parse_duration
from lab.cli.name_values import name_values
from lab.errors import UsageError

USERS = 4
BUDGET = "10m"
# Twelve blocks of two arms take about half of the budget. The rest is for blocks that are voided
# and for services that start slowly.
_BLOCKS_IN_BUDGET = 20
_OVERHEAD_S = 6.0  # of a block: fresh processes, warm-ups
_WINDOWS_S = (2, 10)  # the shortest and the longest


@dataclass(frozen=True)
class Workload:
    """What both arms are measured with.

    Attributes:
        file: A locustfile below `scenarios/`; of a benchmark with its function, if it has several.
        is_benchmark: Whether it is a pytest-benchmark file.
        users: Of a load test.
        parameters: Of a benchmark that is parametrized: the value of each.
        database: Whether a benchmark gets a database.
    """

    file: str
    is_benchmark: bool
    users: int = USERS
    parameters: Mapping[str, str] = field(default_factory=dict)
    database: bool = False

    @property
    def option(self) -> str:
        """How it is named on the command line."""
        if self.is_benchmark:
            values = [f"{name}={value}" for name, value in self.parameters.items()]
            parameters = "".join(f" --param {shlex.quote(each)}" for each in values)
            return (
                f"--benchmark {shlex.quote(self.file)}{parameters}" + " --database" * self.database
            )
        more = f" --users {self.users}" * (self.users != USERS)
        return f"--scenario {shlex.quote(self.file)}{more}"

    @property
    def slug(self) -> str:
        """It as part of a name."""
        path, _, function = self.file.partition("::")
        words = f"{PurePosixPath(path).stem}-{function}".lower()
        return re.sub(r"[^a-z0-9_]+", "-", words).strip("-_") or "code"

    @classmethod
    def of_options(
        cls,
        scenario: str | None,
        benchmark: str | None,
        users: int | None,
        parameters: Sequence[str] = (),
        *,
        database: bool = False,
    ) -> Workload:
        """The one that was named. UsageError if that is none, or two, or has not what is given."""
        if (scenario is None) == (benchmark is None):
            raise UsageError(
                "one of --scenario FILE and --benchmark FILE[::test] says what is measured. Name a "
                "file below scenarios/"
            )
        if scenario is not None:
            if parameters or database:
                option = "--param" if parameters else "--database"
                raise UsageError(f"{option}: a scenario has none. Leave {option} out")
            return cls(scenario, False, USERS if users is None else users)
        if users is not None:
            raise UsageError("--users: a benchmark has no users. Leave --users out")
        assert benchmark is not None
        form = "a value is written NAME=VALUE, as in depth=1000"
        values = name_values(parameters, form, "--param")
        return cls(benchmark, True, parameters=values, database=database)


@dataclass(frozen=True)
class Statement:
    """A prediction of the second arm over the first."""

    says: str
    measure: str
    bound: str  # as in a file: `at_most: 1.05`


def statements(workload: Workload, time_at_most: float, rate_at_least: float) -> list[Statement]:
    """That the second arm takes at most so much time, and serves at least so much, of the first.

    Args:
        workload: A benchmark has a time alone.
        time_at_most: The bound of latencies, or of the time of a call.
        rate_at_least: The bound of the throughput.
    """
    time = f"at_most: {time_at_most:.6g}"
    if workload.is_benchmark:
        return [Statement(f"a call takes at most {time_at_most:.6g} times as long", "time", time)]
    return [
        Statement(
            f"requests take at most {time_at_most:.6g} times as long, on average",
            "latency_mean",
            time,
        ),
        Statement(
            f"there are at least {rate_at_least:.6g} times as many",
            "throughput",
            f"at_least: {rate_at_least:.6g}",
        ),
    ]


def hypothesis_text(
    workload: Workload,
    question: str,
    claim: str,
    arms: Mapping[str, str],
    predicted: Iterable[Statement],
    *,
    prose: str,
    budget: str = BUDGET,
    rivals: Iterable[str] = (),
) -> str:
    """The text of a hypothesis file that compares two arms.

    Args:
        workload: What both are measured with.
        question: What is asked.
        claim: What is claimed.
        arms: What each has of its own, as YAML; the first is the control.
        predicted: Of the second arm over the first.
        prose: What stands below.
        budget: Of the run, as it is typed.
        rivals: As YAML; revisions need none.
    """
    first, second = arms
    lines = [
        f"question: {_quoted(question)}",
        f"claim: {_quoted(claim)}",
        *_of_kind(workload, budget),
        "arms:",
        *(f"  {arm}: {own}" for arm, own in arms.items()),
        f"control: {first}",
        "predictions:",
    ]
    for each in predicted:
        lines += [
            f"  - says: {_quoted(each.says)}",
            f"    measure: {each.measure}",
            f"    compare: {second} / {first}",
            f"    {each.bound}",
        ]
    if listed := list(rivals):
        lines += ["rivals:", *(f"  - {rival}" for rival in listed)]
    lines.append(f"budget: {budget}")
    return "\n".join(("---", *lines, "---", prose, ""))


def window_s(budget: str) -> int:
    """How long an arm is measured in a block, in seconds. UsageError if the budget is no time."""
    block_s = parse_duration(budget) / _BLOCKS_IN_BUDGET
    shortest, longest = _WINDOWS_S
    return max(shortest, min(longest, int((block_s - _OVERHEAD_S) / 2)))


def _of_kind(workload: Workload, budget: str) -> list[str]:
    """The keys that say what is measured, and how."""
    scenario, window = f"scenario: {_quoted(workload.file)}", f"window: {window_s(budget)}s"
    if not workload.is_benchmark:
        load = f"load: {{users: {workload.users}}}"
        return ["kind: load", scenario, load, f"trial: {{warmup: 1s, {window}}}"]
    lines = ["kind: benchmark", scenario, "statistic: median", f"trial: {{{window}}}"]
    if values := [f"{name}: {_quoted(value)}" for name, value in workload.parameters.items()]:
        lines.append(f"params: {{{', '.join(values)}}}")
    return lines + ["database: true"] * workload.database


def written_by(command: str, budget: str) -> str:
    """The prose: which command of the lab it was."""
    return f"Written by `lab {command}" + f" --budget {budget}" * (budget != BUDGET) + "`."


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def revision(written: str) -> str:
    """An arm that is a revision, as YAML."""
    return f"{{git: {_quoted(written)}}}"
