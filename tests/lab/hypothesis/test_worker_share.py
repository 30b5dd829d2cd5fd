from __future__ import annotations

import pytest

from lab.hypothesis import ClosedLoad, Load, OpenLoad, Stage, Sweep, why_too_many_workers


def arriving(rate: float, workers: int, most: int = 1000) -> OpenLoad:
    return OpenLoad("poisson", (Stage(None, rate, rate, None),), most, workers)


@pytest.mark.parametrize(
    "load",
    [
        ClosedLoad(1),
        ClosedLoad(4, workers=4),
        arriving(0.01, 1),
        arriving(10, 4),
        Sweep("users", (2, 4, 8, 16), workers=2),
        Sweep("rate", (10, 20, 40, 80), "poisson", workers=4),
    ],
)
def test_every_worker_has_something_to_do(load: Load) -> None:
    assert why_too_many_workers(load, 4.0) is None


@pytest.mark.parametrize(
    ("load", "problem", "remedy"),
    [
        (ClosedLoad(3, workers=4), "3 users cannot be shared by 4", "Use 3 workers at most."),
        (ClosedLoad(1, workers=2), "a single user cannot be", "Use a single process"),
        (arriving(9, 4), "about 36 arrivals are scheduled", "Use 3 workers at most."),
        (arriving(2, 2), "about 8 arrivals are scheduled", "Use a single process"),
        (arriving(100, 4, most=3), "3 users (`most_users`)", "Use 3 workers at most."),
        (Sweep("users", (2, 4, 8, 16), workers=3), "2 users cannot be", "Use 2 workers at most."),
        (Sweep("rate", (5, 20, 40, 80), "poisson", workers=4), "about 20 arrivals", "Use 2 work"),
    ],
)
def test_a_worker_with_nothing_to_do_is_refused(load: Load, problem: str, remedy: str) -> None:
    found = why_too_many_workers(load, 4.0)
    assert found is not None
    assert found[0].startswith(problem)
    assert found[1].startswith(remedy)


def test_the_window_of_a_soak_is_long_enough() -> None:
    assert why_too_many_workers(arriving(1, 100), None) is None


def test_a_level_of_a_sweep_has_the_workers_of_the_sweep() -> None:
    assert Sweep("users", (2, 4, 8, 16), workers=2).at(4) == ClosedLoad(4, workers=2)
    assert Sweep("rate", (9, 20, 40, 80), "poisson", workers=3).at(9) == arriving(9, 3)
