"""Which test is the benchmark, and which of its parametrizations is which level."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from lab.hypothesis import Parameter
from lab.instruments.benchmark_outcome import CollectedTest, Outcome, ParameterValue
from lab.instruments.benchmark_selection import BenchmarkFileError, Wanted, select

FILE = "scenarios/bench_a.py"
SIZES = Parameter("size", (10.0, 100.0))


def collected(
    name: str, takes: bool | None = True, id_: str = "", /, **values: Any
) -> CollectedTest:
    parameters = {
        key: ParameterValue(str(value), float(value) if isinstance(value, int | float) else None)
        for key, value in values.items()
    }
    id_ = id_ or "-".join(map(str, values.values()))
    return CollectedTest(
        f"{FILE}::{name}" + (f"[{id_}]" if id_ else ""), name, parameters, takes, 7
    )


def refusal(tests: list[CollectedTest], wanted: Wanted, deselected: tuple[str, ...] = ()) -> str:
    with pytest.raises(BenchmarkFileError) as caught:
        select(Outcome(tuple(tests), deselected), wanted)
    assert caught.value.problem.file == FILE
    return str(caught.value)


def test_the_only_function_that_takes_the_fixture_is_the_benchmark() -> None:
    tests = [collected("test_result", False), collected("test_maybe", None), collected("test_a")]
    found = select(Outcome(tuple(tests)), Wanted(FILE))
    assert (found.name, found.nodes) == ("test_a", {None: f"{FILE}::test_a"})


def test_one_that_may_ask_for_the_fixture_is_taken_if_no_other_does() -> None:
    tests = [collected("test_result", False), collected("test_maybe", None)]
    assert select(Outcome(tuple(tests)), Wanted(FILE)).name == "test_maybe"


def test_ordinary_tests_are_never_recommended() -> None:
    tests = [collected("test_1", False), collected("T::test_b"), collected("T::test_c")]
    said = refusal(tests, Wanted(FILE))
    assert "the file holds 2 benchmarks (T::test_b, T::test_c)" in said
    assert f"`scenario: {FILE}::T::test_b`" in said
    assert "test_1" not in said
    assert "It can be: T::test_b, T::test_c" in refusal(tests, Wanted(FILE, "test_other_thing"))
    assert "Did you mean `T::test_b`?" in refusal(tests, Wanted(FILE, "T::test_bb"))
    assert "with its class: `T::test_c`" in refusal(tests, Wanted(FILE, "test_c"))


def test_a_file_without_benchmarks_is_refused_with_the_reason() -> None:
    assert "pytest collects no test in it" in refusal([], Wanted(FILE))
    assert "none of its tests takes the `benchmark` fixture (test_1)" in refusal(
        [collected("test_1", False)], Wanted(FILE)
    )
    with pytest.raises(BenchmarkFileError, match=r"collects no test in it \(cannot collect T\)"):
        select(Outcome(not_collected=("cannot collect T",)), Wanted(FILE))
    said = refusal([], Wanted(FILE), (f"{FILE}::test_slow[1]",))
    assert "a conftest.py deselects all of its tests (test_slow)" in said
    said = refusal([collected("test_a")], Wanted(FILE, "test_slow"), (f"{FILE}::test_slow",))
    assert "test_slow is deselected by a conftest.py" in said


def test_a_level_is_found_by_the_value_and_not_by_the_id() -> None:
    tests = [
        collected("test_a", True, "small", size=10),
        collected("test_a", True, "n=100", size=100.0),
        collected("test_a", True, "more", size=1000),
    ]
    found = select(Outcome(tuple(tests)), Wanted(FILE, None, SIZES))
    assert found.nodes == {10: f"{FILE}::test_a[small]", 100: f"{FILE}::test_a[n=100]"}


def test_a_parameter_that_belongs_to_the_level_need_not_be_named() -> None:
    tests = [collected("test_a", size=10, half=5), collected("test_a", size=100, half=50)]
    assert set(select(Outcome(tuple(tests)), Wanted(FILE, None, SIZES)).nodes) == {10, 100}


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (["sorted", "reversed"], "sorted"),
        (["a b", "c: d"], "a b"),
        (["1.10", "2"], "1.10"),
        ([True, False], "True"),
    ],
)
def test_the_remedy_for_a_further_parameter_leaves_one_test_at_each_level(
    values: list[Any], written: str
) -> None:
    tests = [
        collected("test_a", size=size, how=str(value)) for value in values for size in (10, 100)
    ]
    said = refusal(tests, Wanted(FILE, None, SIZES))
    assert f"test_a is also parametrized by how ({values[0]}, {values[1]})" in said
    params: Mapping[str, Any] = yaml.safe_load(said.rpartition("`params:")[2].partition("`")[0])
    assert params["size"] == [10, 100]
    assert str(params["how"]) == written
    wanted = Wanted(FILE, None, SIZES, {"how": str(params["how"])})
    assert select(Outcome(tuple(tests)), wanted).nodes.keys() == {10, 100}


def test_numbers_are_recommended_as_levels_and_text_as_one_value() -> None:
    numbers = [collected("test_a", depth=depth) for depth in (1000, 0, 10)]
    assert "`params: {depth: [0, 10, 1000]}`" in refusal(numbers, Wanted(FILE))
    assert select(Outcome(tuple(numbers)), Wanted(FILE, fixed={"depth": "10"})).nodes[None]
    negative = [collected("test_a", depth=depth) for depth in (-1, 1)]
    assert '`params: {depth: "-1"}`' in refusal(negative, Wanted(FILE))
    assert select(Outcome(tuple(negative)), Wanted(FILE, fixed={"depth": "-1"})).nodes[None]


def test_a_value_may_be_named_by_the_id_that_the_file_gives_it() -> None:
    tests = [
        collected("test_a", True, "small", shape=object()),
        collected("test_a", shape=object()),
    ]
    found = select(Outcome(tuple(tests)), Wanted(FILE, fixed={"shape": "small"}))
    assert found.nodes == {None: f"{FILE}::test_a[small]"}


def test_one_value_alone_need_not_be_named() -> None:
    tests = [collected("test_a", size=10)]
    assert select(Outcome(tuple(tests)), Wanted(FILE)).nodes == {None: f"{FILE}::test_a[10]"}


@pytest.mark.parametrize(
    ("tests", "wanted", "problem", "remedy"),
    [
        (
            [collected("test_a")],
            Wanted(FILE, None, SIZES),
            "test_a is not parametrized with size = 10",
            '`@pytest.mark.parametrize("size", [10])`',
        ),
        (
            [collected("test_a", depth=10)],
            Wanted(FILE, None, SIZES),
            "test_a is not parametrized with size = 10 (there is depth = 10)",
            "Name a parameter that it has: depth",
        ),
        (
            [collected("test_a", size=10), collected("test_a", size=11)],
            Wanted(FILE, None, SIZES),
            "test_a is not parametrized with size = 100 (there is size = 10, 11)",
            "Change the values of size",
        ),
        (
            [collected("test_a", how="x"), collected("test_a", how="y")],
            Wanted(FILE, fixed={"how": "z"}),
            "test_a is not parametrized with how = z (there is how = x, y)",
            "Change the values of how",
        ),
        (
            [
                collected("test_a", True, "10_0", size=10),
                collected("test_a", True, "10_1", size=10),
            ],
            Wanted(FILE),
            "test_a is parametrized with the same values twice (test_a[10_0], test_a[10_1])",
            "Leave one of them out",
        ),
    ],
)
def test_values_that_are_not_there_are_refused(
    tests: list[CollectedTest], wanted: Wanted, problem: str, remedy: str
) -> None:
    said = refusal(tests, wanted)
    assert f"{FILE}:7: {problem}" in said
    assert remedy in said
