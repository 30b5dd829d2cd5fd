"""Which of the tests that pytest collects is the benchmark, and which of them is which level."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lab.errors import UsageError
from lab.hypothesis import Parameter
from lab.input_files import suggestion
from lab.instruments.benchmark_outcome import CollectedTest, Outcome, Problem

_KEEP = "Let the conftest.py keep it without any option of the command line"


class BenchmarkFileError(UsageError):
    """A benchmark file cannot be run as the hypothesis requires."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True)
class BenchmarkFunction:
    """The function of a benchmark file that is measured.

    Attributes:
        name: As pytest spells it, with its classes: `TestPages::test_page`.
        nodes: The id of the test at each level; of None alone if there are no levels.
    """

    name: str
    nodes: Mapping[float | None, str]


@dataclass(frozen=True)
class Wanted:
    """What a hypothesis says of the function.

    Attributes:
        scenario: The path of the file.
        function: Its name; None if it is the only benchmark of the file.
        parameter: What it is parametrized by, and the levels; None if it has no levels.
        fixed: The one value to measure, for each further parameter.
    """

    scenario: str
    function: str | None = None
    parameter: Parameter | None = None
    fixed: Mapping[str, str] = field(default_factory=dict)


def select(outcome: Outcome, wanted: Wanted) -> BenchmarkFunction:
    """The function that is wanted, with one test at each level.

    Raises:
        BenchmarkFileError: There is no such test in the file, or more than one.
    """
    name = _function(outcome, wanted)
    tests = [test for test in outcome.tests if test.function == name]
    for parameter, text in wanted.fixed.items():
        tests = _with_value(tests, wanted, parameter, text)
    if wanted.parameter is None:
        return BenchmarkFunction(name, {None: _only_one(tests, wanted).node})
    nodes: dict[float | None, str] = {}
    for level in wanted.parameter.levels:
        at_level = _with_value(tests, wanted, wanted.parameter.name, f"{level:.12g}")
        nodes[level] = _only_one(at_level, wanted).node
    return BenchmarkFunction(name, nodes)


# -- the function ----------------------------------------------------------------------------


def _function(outcome: Outcome, wanted: Wanted) -> str:
    """The name of the benchmark."""
    lines = {test.function: test.line for test in outcome.tests}
    sure, unsure, others = (
        list(dict.fromkeys(t.function for t in outcome.tests if t.takes_benchmark is takes))
        for takes in (True, None, False)
    )
    name, benchmarks = wanted.function, sure or unsure
    if name is None and len(benchmarks) == 1:
        return benchmarks[0]
    if name is None:
        raise BenchmarkFileError(_not_one(wanted.scenario, benchmarks, others, outcome))
    if name in sure or name in unsure:
        return name
    if name in others:
        problem = f"{name} does not take the `benchmark` fixture"
        example = f"`def {name.rpartition(':')[2]}(benchmark): benchmark(function)`"
        remedy = f"Let it take the fixture and hand it the function: {example}"
    elif name in map(_function_of, outcome.deselected):
        problem = f"{name} is deselected by a conftest.py"
        remedy = _KEEP
    else:
        problem = f"there is no benchmark {name}{_warnings(outcome)}"
        remedy = _nearest(name, benchmarks)
    raise BenchmarkFileError(Problem(problem, wanted.scenario, lines.get(name), remedy))


def _function_of(node: str) -> str:
    return node.partition("::")[2].partition("[")[0]


def _not_one(
    scenario: str, benchmarks: Sequence[str], others: Sequence[str], outcome: Outcome
) -> Problem:
    """Why no function of the file can be taken without its name."""
    if benchmarks:
        problem = f"the file holds {len(benchmarks)} benchmarks ({', '.join(benchmarks)})"
        remedy = f"Name one in the hypothesis: `scenario: {scenario}::{benchmarks[0]}`"
    elif others:
        problem = f"none of its tests takes the `benchmark` fixture ({', '.join(others)})"
        remedy = "Write one that does: `def test_page(benchmark): benchmark(page)`"
    elif outcome.deselected:
        names = ", ".join(map(_function_of, outcome.deselected))
        problem = f"a conftest.py deselects all of its tests ({names})"
        remedy = _KEEP
    elif outcome.not_collected:
        problem = f"pytest collects no test in it{_warnings(outcome)}"
        remedy = "Change it so that `pytest --collect-only` lists its tests"
    else:
        problem = "pytest collects no test in it"
        remedy = "Begin the names of its functions with test, and those of its classes with Test"
    return Problem(problem, scenario, remedy=remedy)


def _warnings(outcome: Outcome) -> str:
    return f" ({'; '.join(outcome.not_collected)})" if outcome.not_collected else ""


def _nearest(name: str, benchmarks: Sequence[str]) -> str:
    if not benchmarks:
        return "The file holds no benchmark"
    in_class = [each for each in benchmarks if each.endswith(f"::{name}")]
    if in_class:
        return f"Write it with its class: `{in_class[0]}`"
    return suggestion(name, benchmarks).rstrip(".")


# -- its parameters --------------------------------------------------------------------------


def _with_value(
    tests: Sequence[CollectedTest], wanted: Wanted, parameter: str, text: str
) -> list[CollectedTest]:
    """The tests in which a parameter has a value."""
    found = [test for test in tests if _has(test, parameter, text)]
    if found:
        return found
    known = tests[0].parameters
    shown = "; ".join(f"{each} = {', '.join(_values(tests, each))}" for each in known)
    if parameter in known:
        remedy = f"Change the values of {parameter}, in the file or in `params` of the hypothesis"
    elif known:
        remedy = f"Name a parameter that it has: {', '.join(known)}"
    else:
        decorator = f'@pytest.mark.parametrize("{parameter}", [{text}])'
        remedy = f"Parametrize it, as in `{decorator}`, or leave `params` out of the hypothesis"
    problem = f"{tests[0].function} is not parametrized with {parameter} = {text}"
    there_is = f" (there is {shown})" if shown else ""
    raise _refusal(tests[0], wanted, problem + there_is, remedy)


def _only_one(tests: Sequence[CollectedTest], wanted: Wanted) -> CollectedTest:
    """The one test that is left."""
    first = tests[0]
    if len(tests) == 1:
        return first
    varied = [name for name in first.parameters if len(_values(tests, name)) > 1]
    if not varied:
        nodes = ", ".join(test.node.partition("::")[2] for test in tests)
        problem = f"{first.function} is parametrized with the same values twice ({nodes})"
        raise _refusal(first, wanted, problem, "Leave one of them out")
    also = "also " if wanted.parameter or wanted.fixed else ""
    values = ", ".join(_values(tests, varied[0]))
    raise _refusal(
        first,
        wanted,
        f"{first.function} is {also}parametrized by {varied[0]} ({values})",
        f"Say in the hypothesis what to measure: `{_params(tests, wanted, varied)}`; with lab diff "
        f"and lab certify, by --param {varied[0]}={_values(tests, varied[0])[0]}",
    )


def _refusal(test: CollectedTest, wanted: Wanted, problem: str, remedy: str) -> BenchmarkFileError:
    return BenchmarkFileError(Problem(problem, wanted.scenario, test.line, remedy))


def _has(test: CollectedTest, parameter: str, text: str) -> bool:
    """Whether a parameter has a value, which is written as a number, as text or as pytest's id."""
    value = test.parameters.get(parameter)
    if value is None:
        return False
    if value.number is not None:
        try:
            return value.number == float(text)
        except ValueError:
            pass
    id_ = test.node.partition("[")[2].removesuffix("]")
    return text == value.text or (len(test.parameters) == 1 and text == id_)


def _values(tests: Iterable[CollectedTest], parameter: str) -> list[str]:
    """The different values of a parameter, in their order."""
    return list(dict.fromkeys(test.parameters[parameter].text for test in tests))


def _params(tests: Sequence[CollectedTest], wanted: Wanted, varied: Sequence[str]) -> str:
    """The key `params` that would leave one test at each level."""
    entries = {name: _yaml(text) for name, text in wanted.fixed.items()}
    if wanted.parameter is not None:
        entries[wanted.parameter.name] = _levels(wanted.parameter.levels)
    for name in varied:
        numbers = {test.parameters[name].number for test in tests}
        levels = sorted(number for number in numbers if number is not None and number >= 0)
        if len(levels) == len(numbers) and not any("[" in each for each in entries.values()):
            entries[name] = _levels(levels)
        else:
            entries[name] = _yaml(_values(tests, name)[0])
    return f"params: {{{', '.join(f'{name}: {value}' for name, value in entries.items())}}}"


def _levels(levels: Iterable[float]) -> str:
    return f"[{', '.join(f'{level:.12g}' for level in levels)}]"


def _yaml(text: str) -> str:
    """A text as a value of the hypothesis."""
    return text if re.fullmatch(r"[A-Za-z][\w.-]*", text) else json.dumps(text, ensure_ascii=False)
