from __future__ import annotations

from service.backoff import Backoff


def test_the_bound_doubles_up_to_the_limit() -> None:
    backoff = Backoff(0.2, 1.5, uniform=lambda _, high: high)

    assert [backoff.delay_s(failures) for failures in (1, 2, 3, 4, 5, 5_000)] == [
        0.2,
        0.4,
        0.8,
        1.5,
        1.5,
        1.5,
    ]


def test_the_jitter_is_full() -> None:
    asked: list[tuple[float, float]] = []

    def lowest(low: float, high: float) -> float:
        asked.append((low, high))
        return low

    assert Backoff(0.2, 1.5, uniform=lowest).delay_s(2) == 0
    assert asked == [(0, 0.4)]
