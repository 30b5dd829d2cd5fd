"""Arguments and rounds of `benchmark.pedantic`."""

from __future__ import annotations

from typing import Any

import pytest

from lab.instruments.benchmark_pedantic import PedanticCall


def call(**given: Any) -> PedanticCall:
    known = {"target": sum, "args": (), "kwargs": {}, "setup": None, "teardown": None}
    return PedanticCall(**{**known, "iterations": 1, **given})


@pytest.mark.parametrize(
    ("pedantic", "rounds", "warmup_rounds", "problem"),
    [
        (call(iterations=0), 1, 0, "`iterations` of `benchmark.pedantic` is 0"),
        (call(iterations=2.0), 1, 0, "`iterations` of `benchmark.pedantic` is 2.0"),
        (call(), 0, 0, "`rounds` of `benchmark.pedantic` is 0"),
        (call(), "9", 0, "`rounds` of `benchmark.pedantic` is '9'"),
        (call(), 1, -1, "`warmup_rounds` of `benchmark.pedantic` is -1"),
        (call(iterations=2, setup=list), 1, 0, "more than 1 `iterations` with a `setup` function"),
    ],
)
def test_what_pytest_benchmark_refuses_is_refused(
    pedantic: PedanticCall, rounds: object, warmup_rounds: object, problem: str
) -> None:
    found = pedantic.flaw(rounds, warmup_rounds)
    assert found is not None
    assert problem in found[0]


def test_arguments_are_those_of_the_set_up_or_those_given() -> None:
    assert call().flaw(400, 5) is None
    assert call(args=(1,), kwargs={"a": 2}).arguments() == ((1,), {"a": 2})
    assert call(args=(1,), setup=lambda: None).arguments() == ((1,), {})
    assert call(setup=lambda: ((3,), {"b": 4})).arguments() == ((3,), {"b": 4})
    with pytest.raises(TypeError, match="if `setup` returns the arguments"):
        call(args=(1,), setup=lambda: ((3,), {})).arguments()


def test_a_set_up_that_is_a_coroutine_function_is_refused() -> None:
    async def setup() -> None: ...

    with pytest.raises(TypeError, match="has to be no coroutine function"):
        call(setup=setup).arguments()


async def test_a_whole_round_ends_with_the_tear_down() -> None:
    log: list[str] = []

    async def target(name: str) -> str:
        log.append(f"call {name}")
        return name

    whole = {"setup": lambda: (("a",), {}), "teardown": lambda name: log.append(f"end {name}")}
    assert await call(target=target, **whole).whole_round() == "a"
    assert log == ["call a", "end a"]
    assert call(target=log.append, **whole).whole_round() is None
    assert log[2:] == ["a", "end a"]
