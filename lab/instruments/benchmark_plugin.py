"""A pytest plugin of the lab, loaded beside pytest-benchmark where it collects and measures.

It holds the fixture between slices, runs tests that are coroutine functions, and writes the
outcome: the tests of a file, the slices, and everything because of which a test yields none.
Nothing of it depends on the options and the JSON of pytest-benchmark, which a `conftest.py` may
change.
"""

from __future__ import annotations

import faulthandler
import gc
import inspect
import numbers
import os
import re
import signal
import sys
import warnings
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_benchmark.fixture
import pytest_benchmark.plugin
from pytest_benchmark.fixture import BenchmarkFixture

from lab import network_guard
from lab.instruments.async_calls import awaited_or_returned
from lab.instruments.benchmark_counts import counts_of
from lab.instruments.benchmark_errors import described
from lab.instruments.benchmark_fixture import SESSION, MeasuringFixture, MeasuringSession
from lab.instruments.benchmark_outcome import (
    CollectedTest,
    FixtureUse,
    Outcome,
    ParameterValue,
    Problem,
    Request,
)
from lab.instruments.imported_code import foreign_import
from lab.instruments.project_files import NOWHERE, Place

_PLUGINS = ("_pytest.", "pytest_benchmark.", "pytest_asyncio.", "anyio.")
_NEVER_AWAITED = re.compile(r"coroutine '(.+)' was never awaited")


def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Take the place of pytest-benchmark's fixture before any file of the project is imported."""
    network_guard.install(network_guard.allowed_by_environment())
    request = Request.from_environment()
    if request is None:  # a process that the benchmark itself starts
        return
    session = early_config.stash[SESSION] = MeasuringSession(request)
    options = vars(early_config.known_args_namespace).items()
    defaults = {name: value for name, value in options if name.startswith("benchmark_")}
    plugin = BenchmarkPlugin(session, defaults)
    session.begin("the import of the file")
    early_config.pluginmanager.register(plugin, "lab-benchmark")
    for module in (pytest_benchmark.plugin, pytest_benchmark.fixture):
        vars(module)["BenchmarkFixture"] = MeasuringFixture
    sys.path.append(str(_import_folder(Path(request.folder))))
    dump = os.open(request.stack_dump, os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    faulthandler.register(signal.SIGUSR1, file=dump, all_threads=False)


class BenchmarkPlugin:
    """Observes a pytest session and reports it to the lab."""

    def __init__(self, session: MeasuringSession, options: Mapping[str, Any]) -> None:
        self._session = session
        self._options = options
        self._process = os.getpid()
        self._tests: list[CollectedTest] = []
        self._deselected: list[str] = []
        self._not_collected: list[str] = []

    def pytest_configure(self, config: pytest.Config) -> None:
        """Undo what a conftest.py has done to options of pytest-benchmark.

        Of an early plugin this hook comes after those of all conftest.py files.
        """
        vars(config.option).update(self._options)

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Refuse processes of pytest-xdist."""
        if session.config.getoption("dist", "no") != "no":
            self._note(
                Problem(
                    "pytest-xdist runs the tests in further processes",
                    remedy="Leave the plugin and its options out of this file and its conftest.py",
                )
            )

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Record that the fixtures of a test are made."""
        self._session.begin(f"the fixtures of {item.name}")

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Keep what a conftest.py leaves out."""
        self._deselected += [item.nodeid for item in items]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note that a file is skipped as a whole."""
        if report.skipped:
            self._note(self._skipped(report.longrepr))

    def pytest_exception_interact(
        self, call: pytest.CallInfo[Any], report: pytest.CollectReport | pytest.TestReport
    ) -> None:
        """Note that a file cannot be collected."""
        if isinstance(report, pytest.CollectReport) and call.excinfo is not None:
            self._session.note_error(call.excinfo.value)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the tests that would run."""
        functions = (item for item in session.items if isinstance(item, pytest.Function))
        self._tests = [_collected(function) for function in functions]

    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Run a test that is a coroutine function, unless a plugin of the project does."""
        if not inspect.iscoroutinefunction(pyfuncitem.obj):
            return None
        names = pyfuncitem._fixtureinfo.argnames
        awaited_or_returned(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in names}))
        return True

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Note how a test ends, if it does not pass."""
        self._note_foreign_fixture(item)
        report = yield
        if report.outcome != "passed":
            self._note(self._not_passed(item, call, report))
        return report

    def pytest_warning_recorded(self, warning_message: warnings.WarningMessage) -> None:
        """Note coroutines that nothing awaits, and classes that pytest does not collect."""
        if issubclass(warning_message.category, pytest.PytestCollectionWarning):
            self._not_collected.append(" ".join(str(warning_message.message).split()))
        found = _NEVER_AWAITED.search(str(warning_message.message))
        if not found:
            return
        place = self._session.files.place(warning_message.filename, warning_message.lineno)
        if place == NOWHERE and self._tests:
            place = (self._tests[0].node.partition("::")[0], self._tests[0].line)
        if found[1].startswith(MeasuringFixture.__name__):
            message = "an async test does not await what `benchmark(...)` returns"
            self._note(Problem(message, *place, "Write `await benchmark(...)`"))
        else:
            message = f"the coroutine {found[1]!r} is never awaited"
            remedy = "Await it in an `async def` function, and hand that to `benchmark(...)`"
            self._note(Problem(message, *place, remedy))

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note that the session is ended from within, as by `pytest.exit`."""
        self._session.note_error(excinfo.value, " (it ends the session)")

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Note an error of a hook, as of a conftest.py."""
        self._session.note_error(excinfo.value)

    def pytest_unconfigure(self) -> None:
        """Write the outcome, unless this is a process that the test has forked."""
        if os.getpid() != self._process:
            return
        self._note_foreign_import()
        fixtures = [each for each in self._session.fixtures if each.slices]
        Outcome(
            tests=tuple(self._tests),
            deselected=tuple(self._deselected),
            not_collected=tuple(self._not_collected),
            uses=tuple(_use(each) for each in fixtures),
            problems=tuple(self._session.problems),
        ).write(Path(self._session.request.output))
        # What follows is the end of the interpreter, which would search all that is left for
        # garbage again and again: half a second of a process that has imported much.
        gc.freeze()

    def _note_foreign_fixture(self, item: pytest.Item) -> None:
        """Note a `benchmark` that is not pytest-benchmark's, which would raise an error there."""
        found = getattr(item, "funcargs", {}).get("benchmark")
        if found is not None and not isinstance(found, BenchmarkFixture):
            self._note(
                Problem(
                    f"the fixture `benchmark` returns a {type(found).__name__} in place of "
                    "pytest-benchmark's fixture",
                    *self._session.files.place(str(item.path), _line(item)),
                    "Return that fixture itself, or give this one another name",
                )
            )

    def _note_foreign_import(self) -> None:
        """Note that what a revision should measure is code of the working tree."""
        if self._session.request.revision is None:
            return
        revision, working_tree = map(Path, self._session.request.revision)
        if found := foreign_import(working_tree, revision, sys.modules):
            self._note(found)

    def _note(self, problem: Problem) -> None:
        self._session.problems.append(problem)

    def _not_passed(
        self, item: pytest.Item, call: pytest.CallInfo[None], report: pytest.TestReport
    ) -> Problem:
        place = self._session.files.place(str(item.path), _line(item))
        error = None if call.excinfo is None else call.excinfo.value
        if report.skipped and error is not None and hasattr(report, "wasxfail"):
            return Problem(f"it fails, as its xfail mark expects: {described(error)}", *place)
        if report.skipped:
            return self._skipped(report.longrepr, place)
        if error is None:
            return Problem(report.longreprtext.strip().partition("\n")[0], *place)
        if self._session.files.of_error(error) != NOWHERE:
            place = self._session.files.of_error(error)
        return Problem(described(error), *place, _remedy(error))

    def _skipped(self, reason: object, place: Place = NOWHERE) -> Problem:
        """A skip, from what pytest reports of it: file, line and reason."""
        message = str(reason)
        if isinstance(reason, tuple):
            file, line, message = reason
            found = self._session.files.place(file, line)
            place = place if found == NOWHERE else found
        return Problem(f"it is skipped: {message.removeprefix('Skipped: ')}", *place)


def _collected(test: pytest.Function) -> CollectedTest:
    classes = [node.name for node in test.listchain() if isinstance(node, pytest.Class)]
    callspec = getattr(test, "callspec", None)
    values = {} if callspec is None else callspec.params
    return CollectedTest(
        test.nodeid,
        "::".join([*classes, test.originalname]),
        {name: _parameter(value) for name, value in values.items()},
        _takes_benchmark(test),
        _line(test),
    )


def _line(item: pytest.Item) -> int | None:
    return None if item.location[1] is None else item.location[1] + 1


def _parameter(value: Any) -> ParameterValue:
    if isinstance(value, numbers.Real) and not isinstance(value, bool):
        return ParameterValue(f"{float(value):.12g}", float(value))
    return ParameterValue(" ".join(str(value).split())[:60])


def _takes_benchmark(test: pytest.Function) -> bool | None:
    if "benchmark" in test.fixturenames:
        return True
    found = test._fixtureinfo
    definitions = [each for defined in found.name2fixturedefs.values() for each in defined]
    own = [each for each in definitions if not each.func.__module__.startswith(_PLUGINS)]
    asks = "request" in found.argnames or any("request" in each.argnames for each in own)
    return None if asks else False


def _use(fixture: MeasuringFixture) -> FixtureUse:
    counts, others = counts_of(fixture.extra_info)
    slices = tuple(each.loops for each in fixture.slices)
    return FixtureUse(str(fixture.name), slices, fixture.iterations, counts, others)


def _remedy(error: BaseException) -> str:
    if isinstance(error, pytest.FixtureLookupError):
        return (
            "The lab loads no plugin but pytest-benchmark: name the one that has it in the file, "
            'as in `pytest_plugins = ["pytest_mock"]`'
        )
    if isinstance(error, pytest.fail.Exception) and "an async fixture" in str(error.msg):
        return 'Name a plugin that runs it, as in `pytest_plugins = ["pytest_asyncio.plugin"]`'
    return ""


def _import_folder(folder: Path) -> Path:
    """The folder that pytest's default import mode adds to the import path."""
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder
