"""How to repeat the run: commands, digests of what was sealed, earlier runs."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from lab.hypothesis import Benchmark, Hypothesis
from lab.reporting.table import Table
from lab.trials.plan import LOCAL, Plan, PlannedWorkers

_WRITTEN_BY = re.compile(r"Written by `(lab [^`]+)`")
_RANGE = re.compile(r"(?<=^lab diff )\S+")
_SHOWN = 12  # characters of a commit


@dataclass(frozen=True)
class ReproductionSection:
    """What is needed to repeat a run, and what it repeats."""

    commands: tuple[str, ...]
    seals: Table
    earlier: Table


def reproduction_section(plan: Plan, hypothesis: Hypothesis) -> ReproductionSection:
    """Commands, digests and earlier runs of a plan.

    Args:
        plan: Of the run.
        hypothesis: Of the run; one that the lab wrote itself says by which command.
    """
    written = _WRITTEN_BY.match(hypothesis.prose.strip())
    return ReproductionSection(
        commands=(_written_command(written[1], plan),)
        if written
        else _commands(plan, _workers_of_file(hypothesis)),
        seals=Table(
            ("sealed", "digest"),
            (("hypothesis file", plan.digest), ("claim", plan.claim_digest)),
            "ll",
        ),
        earlier=Table(
            ("run", "verdict", "claim"),
            tuple(
                (attempt.run, attempt.verdict, "the same" if attempt.same_claim else "edited since")
                for attempt in plan.attempts
            ),
            "lll",
        ),
    )


def _workers_of_file(hypothesis: Hypothesis) -> int:
    """How many processes share the load if the command does not say."""
    kind = hypothesis.kind
    return 1 if isinstance(kind, Benchmark) else kind.load.workers


def _written_command(command: str, plan: Plan) -> str:
    """A command that wrote its hypothesis, with the commits that its revisions were."""
    commits = "..".join(commit[:_SHOWN] for commit in plan.revisions.values())
    return f"{_RANGE.sub(commits, command)} --seed {plan.seed}"


def _commands(plan: Plan, of_file: int) -> tuple[str, ...]:
    by_make = f"make experiment NAME={plan.hypothesis} SEED={plan.seed}"
    direct = f"lab run {plan.hypothesis} --seed {plan.seed}"
    if plan.length_s is not None:
        hours = f"{plan.length_s / 3600:.6g}"
        by_make = f"make soak NAME={plan.hypothesis} HOURS={hours} SEED={plan.seed}"
        direct += f" --for {hours}h" + " --anyway" * any(
            each.is_too_large for each in plan.detectable
        )
    if plan.target_name != LOCAL:
        target = shlex.quote(plan.target)
        by_make, direct = f"{by_make} TARGET={target}", f"{direct} --target {target}"
    workers = plan.workers or PlannedWorkers(1)
    if workers.remote:  # as many commands as machines: none that make could run
        here = f" --workers {workers.local}" * bool(workers.local)
        return (
            f"{direct}{here} --expect-workers {workers.total} --bind HOST:PORT",
            f"lab worker HOST:PORT    # on other machines, {workers.remote} in all",
        )
    if plan.workers is not None or of_file > 1:
        by_make, direct = (
            f"{by_make} WORKERS={workers.local}",
            f"{direct} --workers {workers.local}",
        )
    return by_make, direct
