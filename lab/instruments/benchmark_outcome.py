"""What the lab asks of a process that runs a benchmark file, and what that process reports.

The request travels in an environment variable, the outcome in a file of the lab's own. So neither
depends on options or on JSON that a project's `conftest.py` may change.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

REQUEST = "LAB_BENCHMARK"
"""The environment variable that holds the request."""

MIN_LOOPS = 3
"""What a process measures at least, whatever a call takes: each of the launches of a block."""


@dataclass(frozen=True)
class Request:
    """What a process has to do. On SIGUSR1 it dumps its stack into `stack_dump`.

    Attributes:
        output: The file that gets the outcome.
        folder: The folder of the benchmark file: what the file imports may lie beside it.
        window_s: How long to measure without the lab's turns; 0 if the file is only collected.
        profile: The file that gets a profile of the function; None for no profile.
        turns: The descriptor of the socket on which the lab says when to measure; None to measure
            at once.
        revision: If the process measures a revision: the folder of its files, and that of the
            working tree, from which nothing may be imported; else None.
    """

    output: str
    folder: str
    window_s: float = 0.0
    profile: str | None = None
    turns: int | None = None
    revision: tuple[str, str] | None = None

    @property
    def stack_dump(self) -> str:
        """The file that gets the stack of a process that hangs."""
        return f"{self.output}.stack"

    @property
    def stage(self) -> str:
        """The file that gets what the process does at the moment, in words."""
        return f"{self.output}.stage"

    def to_environment(self) -> dict[str, str]:
        """The environment variable."""
        return {REQUEST: json.dumps(asdict(self))}

    @classmethod
    def from_environment(cls) -> Request | None:
        """The request of this process, which is removed so that its children do not get it."""
        text = os.environ.pop(REQUEST, None)
        return None if text is None else cls(**json.loads(text))


@dataclass(frozen=True)
class ParameterValue:
    """A value of a parametrized test: as text, and as a number if it is one."""

    text: str
    number: float | None = None


@dataclass(frozen=True)
class CollectedTest:
    """A test as pytest collects it.

    Attributes:
        node: Its id, as in `scenarios/bench_a.py::TestPages::test_page[10]`.
        function: Its name without file and parameters, as in `TestPages::test_page`.
        parameters: The values of this test by the name of the parameter.
        takes_benchmark: Whether it takes pytest-benchmark's fixture; None if that is only known
            when it runs, because it or a fixture of its own can ask for other fixtures by name.
        line: Where it begins.
    """

    node: str
    function: str
    parameters: Mapping[str, ParameterValue]
    takes_benchmark: bool | None
    line: int | None = None


@dataclass(frozen=True)
class Problem:
    """Why a test or a file yields nothing that could be used.

    Attributes:
        message: What is wrong, without a full stop.
        file: Where, as a path from the project's folder; None if that is not known.
        line: The line in that file.
        remedy: What would be right, without a full stop; empty if only the file's author can know.
    """

    message: str
    file: str | None = None
    line: int | None = None
    remedy: str = ""

    def __str__(self) -> str:
        place = "".join(f"{part}:" for part in (self.file, self.line) if part)
        return f"{place} {self.message}".strip() + (f". {self.remedy}" if self.remedy else "")


@dataclass(frozen=True)
class FixtureUse:
    """What one use of the fixture measured.

    Attributes:
        name: The name that the fixture had in the end.
        slices: Of each slice in turn: seconds of one call, by timed loop.
        iterations: Calls per timed loop.
        counts: The whole numbers in `extra_info`.
        other_info: What else `extra_info` held, and what it was, as in "text ('7')".
    """

    name: str
    slices: tuple[tuple[float, ...], ...]
    iterations: int
    counts: Mapping[str, int] = field(default_factory=dict)
    other_info: Mapping[str, str] = field(default_factory=dict)

    @property
    def loops(self) -> tuple[float, ...]:
        """Seconds of one call, by timed loop of all slices."""
        return tuple(itertools.chain.from_iterable(self.slices))


@dataclass(frozen=True)
class Outcome:
    """What a process found: the tests that it collected, what was measured, what went wrong.

    Attributes:
        tests: Those that pytest would run, or has run.
        deselected: Ids of tests that a conftest.py has left out.
        not_collected: What pytest warns of while it collects, as of a class that it leaves out.
        uses: Of the fixture, as far as they measured something.
        problems: In the order in which they arose, so that the first is the cause.
    """

    tests: tuple[CollectedTest, ...] = ()
    deselected: tuple[str, ...] = ()
    not_collected: tuple[str, ...] = ()
    uses: tuple[FixtureUse, ...] = ()
    problems: tuple[Problem, ...] = ()

    def write(self, file: Path) -> None:
        """Write the file, whole or not at all."""
        draft = file.with_suffix(".draft")
        draft.write_text(json.dumps(asdict(self)), encoding="utf-8")
        draft.replace(file)

    @classmethod
    def read(cls, file: Path) -> Outcome | None:
        """The outcome; None if the process wrote none."""
        try:
            data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return cls(
            tuple(_test(each) for each in data["tests"]),
            tuple(data["deselected"]),
            tuple(data["not_collected"]),
            tuple(
                FixtureUse(**each | {"slices": tuple(map(tuple, each["slices"]))})
                for each in data["uses"]
            ),
            tuple(Problem(**each) for each in data["problems"]),
        )


def _test(data: Mapping[str, Any]) -> CollectedTest:
    values = {name: ParameterValue(**value) for name, value in data["parameters"].items()}
    return CollectedTest(**{**data, "parameters": values})
