from __future__ import annotations

from dataclasses import replace

import pytest

from lab.hypothesis import ClosedLoad
from lab.reporting.sections.reproduction import reproduction_section
from lab.trials.plan import DetectableSlope, PlannedWorkers
from tests.lab.builders import SHIPPED, plan, with_load

TOO_SHORT = DetectableSlope(
    "rss_bytes", "with", "at least 1 MB/h", 5e6, "a guess", is_too_large=True
)


@pytest.mark.parametrize(
    ("changes", "by_make", "direct"),
    [
        (
            {},
            "make experiment NAME=pool-exhaustion SEED=1",
            "lab run pool-exhaustion --seed 1",
        ),
        (
            {"target": "compose"},
            "make experiment NAME=pool-exhaustion SEED=1 TARGET=compose",
            "lab run pool-exhaustion --seed 1 --target compose",
        ),
        (
            {"length_s": 1800.0},
            "make soak NAME=pool-exhaustion HOURS=0.5 SEED=1",
            "lab run pool-exhaustion --seed 1 --for 0.5h",
        ),
        (
            {"length_s": 1800.0, "detectable": (TOO_SHORT,)},
            "make soak NAME=pool-exhaustion HOURS=0.5 SEED=1",
            "lab run pool-exhaustion --seed 1 --for 0.5h --anyway",
        ),
        (
            {"workers": PlannedWorkers(4)},
            "make experiment NAME=pool-exhaustion SEED=1 WORKERS=4",
            "lab run pool-exhaustion --seed 1 --workers 4",
        ),
        (
            {"workers": PlannedWorkers(4), "target": "compose", "length_s": 1800.0},
            "make soak NAME=pool-exhaustion HOURS=0.5 SEED=1 TARGET=compose WORKERS=4",
            "lab run pool-exhaustion --seed 1 --for 0.5h --target compose --workers 4",
        ),
    ],
)
def test_the_commands_repeat_the_run(changes: dict[str, object], by_make: str, direct: str) -> None:
    changed = replace(plan(), **changes)  # type: ignore[arg-type]
    assert reproduction_section(changed, SHIPPED).commands == (by_make, direct)


def test_a_single_process_is_asked_for_if_the_file_says_otherwise() -> None:
    shared = with_load(SHIPPED, ClosedLoad(50, workers=4))
    assert reproduction_section(plan(), shared).commands == (
        "make experiment NAME=pool-exhaustion SEED=1 WORKERS=1",
        "lab run pool-exhaustion --seed 1 --workers 1",
    )


def test_workers_of_other_machines_are_started_there() -> None:
    changed = replace(plan(), workers=PlannedWorkers(2, 4))
    run, worker = reproduction_section(changed, SHIPPED).commands
    assert run == (
        "lab run pool-exhaustion --seed 1 --workers 2 --expect-workers 6 --bind HOST:PORT"
    )
    assert worker == "lab worker HOST:PORT    # on other machines, 4 in all"
