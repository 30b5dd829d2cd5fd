"""What a new run will record of its machine and its target, as far as noise depends on it."""

from __future__ import annotations

from typing import Any

from lab.cli.cores_of_run import target_cores_of_new_run
from lab.hypothesis import Benchmark, Hypothesis
from lab.machine.conditions import this_machine
from lab.system import System
from lab.targets.postgres_databases import OF_EACH_ARM, users_server_url, whose_server
from lab.trials.plan import Plan
from lab.trials.process_lifetime import URL


def expected_conditions(hypothesis: Hypothesis, plan: Plan, system: System) -> dict[str, Any]:
    """As `conditions.json` of the run will have it; of the target's cores their number counts.

    Raises:
        UsageError: LAB_TARGET_CORES is no number of cores.
    """
    if plan.target == URL and system.url is not None:
        return {**this_machine(), "target": {"url": system.url.base}}
    cores = list(range(target_cores_of_new_run(hypothesis, plan.local_workers)))
    database = _database(hypothesis, plan, system)
    return {**this_machine(), "target": {"cores": cores, **database}}


def _database(hypothesis: Hypothesis, plan: Plan, system: System) -> dict[str, str]:
    """Whose PostgreSQL the arms get; empty if they get none."""
    if plan.target == "compose":
        has_one = system.compose is not None and system.compose.database is not None
        return OF_EACH_ARM if has_one else {}
    if isinstance(hypothesis.kind, Benchmark):
        has_one = hypothesis.kind.database
    else:
        has_one = system.postgres is not None
    return whose_server(users_server_url()) if has_one else {}
