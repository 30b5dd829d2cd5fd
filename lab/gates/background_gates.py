"""Gates of what the rest of the machine did: other processes, and the hypervisor."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lab.decision_margins import GateLimits
from lab.gates.gate_check import Check
from lab.trial import Trial


def checks(trial: Trial, limits: GateLimits) -> Iterator[Check]:
    """Of a load, and of one process of a benchmark."""
    yield Check(
        "other_cpu",
        trial.other_cpu,
        limits.max_other_cpu,
        f"Other processes kept the machine busy: {trial.other_cpu:.2f} cores "
        f"(limit {limits.max_other_cpu:g}).",
    )
    yield Check(
        "steal",
        trial.steal,
        limits.max_steal,
        f"The hypervisor took {trial.steal:.0%} of the cores (limit {limits.max_steal:.0%}).",
    )


def soak_checks(trial: Trial, limits: GateLimits) -> Iterator[Check]:
    """Of a soak, whose limits are wide: its arms run side by side and meet every disturbance."""
    shares = (
        ("other_cpu", "Other processes", trial.other_cpu / (os.cpu_count() or 1)),
        ("steal", "The hypervisor", trial.steal),
    )
    for gate, who, share in shares:
        yield Check(
            gate,
            share,
            limits.max_soak_background,
            f"{who} took {share:.0%} of the machine all along.",
        )
