"""Benchmark files as users write them: each is measured right, or refused by name.

The files of a case lie in `benchmark/CASE/`; `docs/compatibility.md` says where the situation was
found.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import pytest

from lab.cli.preflight import RunParts, collect_benchmark
from lab.experiment.benchmark_block_runner import BenchmarkBlocks
from lab.files.project_folder import Project
from lab.hypothesis import HypothesisError, loads
from lab.instruments.benchmark_outcome import MIN_LOOPS
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.runs.run_folder import RunFolder
from lab.system import System
from lab.targets.benchmark_target import BenchmarkTarget
from lab.trials.plan import PlannedSlices, draw
from lab.trials.trial import BenchmarkEvidence, Trial
from tests.runs import ended

pytestmark = pytest.mark.slow

CASES = Path(__file__).parent / "benchmark"
SLICES, SLICE_S = MIN_LOOPS, 0.01  # so few that a busy machine leaves none out
NO_CORES = Cores((), ())
HYPOTHESIS = """\
---
question: What does a call take?
claim: It takes longer in the second arm.
kind: benchmark
scenario: scenarios/{scenario}
{params}
statistic: median
trial: {{window: 50ms}}
arms:
  first: {{{setting}: 1}}
  second: {{{setting}: 2}}
control: first
predictions:
  - {{says: it does, measure: time, compare: second / first, {at}at_least: 1.05}}
{counts}rivals:
  - {{claim: by far, says: it is, measure: time, compare: second / first, {at}at_least: 1.25}}
budget: 2m
---
"""


@dataclass(frozen=True)
class Case:
    """A benchmark file, and what the hypothesis says of it."""

    name: str  # of the folder
    scenario: str
    params: str = ""
    at: float | None = None
    counts: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}/{self.scenario.replace('::', '.')}"

    @property
    def hypothesis(self) -> str:
        """The text of the hypothesis."""
        at = "" if self.at is None else f"at: {self.at:g}, "
        file = CASES / self.name / self.scenario.partition("::")[0]
        counts = "".join(
            f"  - {{says: it counts, count: {name}, arm: first, {at}at_most: 0}}\n"
            for name in self.counts
        )
        return HYPOTHESIS.format(
            scenario=self.scenario,
            params=f"params: {self.params}" if self.params else "",
            setting="HUNT" if "HUNT" in file.read_text() else "SHOP",
            at=at,
            counts=counts,
        )


class Bench:
    """A project with the files of a case, as far as `lab check` and the first trials of a run."""

    def __init__(self, folder: Path, children: Children) -> None:
        self._folder = folder
        self._children = children

    def check(self, case: Case) -> BenchmarkBlocks:
        """Do what `lab check` does."""
        shutil.copytree(CASES / case.name, self._folder / "scenarios")
        (self._folder / "hypotheses").mkdir()
        file = self._folder / "hypotheses" / "case.md"
        file.write_text(case.hypothesis)
        hypothesis = loads(case.hypothesis, file, self._folder)
        parts = RunParts(
            hypothesis, file, self._children, Project(self._folder), NO_CORES, System()
        )
        benchmark_file, function = collect_benchmark(parts)
        run_folder = RunFolder.create(self._folder / "reports", "case")
        target = BenchmarkTarget(self._children, NO_CORES, None, database=False)
        plan = replace(
            draw(hypothesis, seed=1, target="local"), slices=PlannedSlices(SLICE_S, SLICES)
        )
        return BenchmarkBlocks(hypothesis, plan, run_folder, target, benchmark_file, function)

    def trial(self, case: Case) -> Trial:
        """Run one process of the first arm."""
        (trial,) = ended(self.check(case).block([Trial(1, 1, "first", 0.0, 0.0, case.at)]))
        return trial


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Children() as children:
        yield Bench(tmp_path, children)


def evidence_of(trial: Trial) -> BenchmarkEvidence:
    """What was measured; other processes may void the trial on a busy machine."""
    assert {fault.gate for fault in trial.faults} <= {"other_cpu", "steal"}, trial.faults
    assert isinstance(trial.evidence, BenchmarkEvidence)
    return trial.evidence


MEASURED = [  # and the seconds that a call takes, at least and at most
    (Case("B1-class", "bench_class.py::TestSorting::test_sorted"), 1e-6, 1e-3),
    (Case("B1-class", "bench_class.py::TestSorting::test_reversed"), 1e-6, 1e-3),
    (Case("B2-marker-options", "bench_marker.py"), 1e-6, 1e-3),
    (Case("B3-pedantic-one-round", "bench_pedantic.py"), 2e-3, 2e-2),
    (Case("B4-async", "bench_async.py"), 1e-7, 1e-3),
    (Case("B4-async", "bench_async_plugin.py"), 1e-8, 1e-4),
    (Case("B4-async", "bench_async_plugin2.py"), 1e-8, 1e-4),
    (Case("B4-async", "bench_coroutine.py"), 1e-2, 1e-1),
    (Case("B7-tests-beside", "bench_beside.py"), 1e-8, 1e-4),
    (Case("B21-two-parameters", "bench_two_parameters.py", "{size: [10, 100], how: sorted}", 100),
     1e-7, 1e-4),
    (Case("B22-parameters-of-a-fixture", "bench_fixture.py", "{shelf: [10, 100]}", 100),
     1e-7, 1e-4),
    (Case("B23-rounds-with-setup", "bench_setup.py"), 2e-5, 5e-3),
    (Case("B28-loop-of-its-own", "bench_loop.py"), 2e-3, 2e-2),
    (Case("B30-class-skipped-in-part", "bench_class.py::TestShelf::test_sort"), 1e-6, 1e-3),
    (Case("B30-class-skipped-in-part", "bench_testcase.py::Shelf::test_sort"), 1e-6, 1e-3),
    (Case("B31-json-reshaped", "bench_reshaped.py"), 1e-6, 1e-3),
    (Case("B32-options-by-conftest", "bench_options.py"), 1e-6, 1e-3),
    (Case("B33-clock-of-its-own", "bench_clock.py"), 1e-3, 2e-2),
    (Case("B33-clock-of-its-own", "bench_nanoseconds.py"), 1e-6, 1e-3),
    (Case("B34-stops-when-precise", "bench_precise.py"), 1e-6, 1e-3),
    (Case("B37-option-of-the-project", "bench_option.py::test_sort"), 1e-6, 1e-3),
    (Case("B38-grouped-in-odd-ways", "bench_decorated.py"), 1e-6, 1e-3),
]  # fmt: skip


@pytest.mark.parametrize(("case", "least_s", "most_s"), MEASURED, ids=lambda each: str(each))
def test_it_is_measured_in_slices(bench: Bench, case: Case, least_s: float, most_s: float) -> None:
    evidence = evidence_of(bench.trial(case))
    timing, slices = evidence.timing, evidence.slices
    assert least_s <= timing.value_s <= most_s
    assert MIN_LOOPS <= len(slices) <= SLICES  # fewer if a call takes about a slice
    assert timing.rounds >= len(slices)
    assert [each.position for each in slices] == list(range(1, len(slices) + 1))
    slice_s = median(each.value_s * each.iterations for each in slices)
    assert slice_s <= max(2 * SLICE_S, 2 * most_s)
    assert sum(each.iterations for each in slices) == timing.rounds * timing.iterations


REFUSED = [
    (Case("B1-class", "bench_class.py"), None,
     "the file holds 2 benchmarks (TestSorting::test_sorted, TestSorting::test_reversed)",
     "`scenario: scenarios/bench_class.py::TestSorting::test_sorted`"),
    (Case("B1-class", "bench_class.py::test_sorted"), None,
     "there is no benchmark test_sorted", "with its class: `TestSorting::test_sorted`"),
    (Case("B7-tests-beside", "bench_beside.py::test_result"), 7,
     "test_result does not take the `benchmark` fixture", "def test_result(benchmark)"),
    (Case("B21-two-parameters", "bench_two_parameters.py", "{size: [10, 100]}", 100), 9,
     "test_sort is also parametrized by how (sorted, reversed)",
     "`params: {size: [10, 100], how: sorted}`"),
    (Case("B22-parameters-of-a-fixture", "bench_fixture.py"), 16,
     "test_walk is parametrized by shelf (10, 100, 1000, 10000)",
     "`params: {shelf: [10, 100, 1000, 10000]}`"),
    (Case("B22-parameters-of-a-fixture", "bench_fixture.py", "{shelf: [10, 20]}", 10), 16,
     "test_walk is not parametrized with shelf = 20 (there is shelf = 10, 100, 1000, 10000)",
     "Change the values of shelf"),
    (Case("B29-mark-on-a-fixture", "bench_marked_fixture.py"), 9,
     "Marks cannot be applied to fixtures", "bench_marked_fixture.py` succeeds"),
    (Case("B35-mark-without-fixture", "bench_mark_only.py"), None,
     "none of its tests takes the `benchmark` fixture (test_sort)", "def test_page(benchmark)"),
    (Case("B35-mark-without-fixture", "bench_mark_only.py::test_sort"), 9,
     "test_sort does not take the `benchmark` fixture", "def test_sort(benchmark)"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "line", "problem", "remedy"), REFUSED, ids=lambda each: str(each))
def test_it_is_refused_before_anything_starts(
    bench: Bench, case: Case, line: int | None, problem: str, remedy: str
) -> None:
    with pytest.raises(HypothesisError) as caught:
        bench.check(case)
    assert caught.value.path.name == case.scenario.partition("::")[0]
    assert caught.value.line == line
    assert problem in caught.value.problem
    assert remedy in caught.value.remedy


VOID = [
    (Case("B23-rounds-with-setup", "bench_setup_iterations.py"), 12,
     "cannot use more than 1 `iterations` with a `setup` function"),
    (Case("B24-weave", "bench_weave.py"), 18, "aspectlib"),
    (Case("B25-two-fixtures", "bench_two_fixtures.py"), 33, "2 things (plain, reversed)"),
    (Case("B26-limit-of-its-own", "bench_limit.py"), 11, "slower than 20 ms"),
    (Case("B30-class-skipped-in-part", "bench_class.py::TestShelf::test_elsewhere"), 29,
     "it is skipped: needs the other system"),
    (Case("B36-generator", "bench_generator.py"), 15,
     "returns a generator, which runs nothing until it is iterated"),
    (Case("B37-option-of-the-project", "bench_option.py::test_gated"), 11,
     "it is skipped: needs --slow-ones"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "line", "cause"), VOID, ids=lambda each: str(each))
def test_its_first_trial_ends_the_run_with_the_cause(
    bench: Bench, case: Case, line: int, cause: str
) -> None:
    trial = bench.trial(case)
    fault = trial.faults[0]
    assert (fault.gate, fault.retryable) == ("alive", False)
    assert f"scenarios/{case.scenario.partition('::')[0]}:{line}: " in fault.message
    assert cause in fault.message
    assert trial.evidence is None


COUNTED = [
    (Case("B6-numpy-count", "bench_numpy.py"),
     {"rows": 1000, "total": 499500, "exact": 5, "plain": 7}),
    (Case("B27-kinds-of-extra-info", "bench_kinds.py"),
     {"whole": 7, "negative": -7, "huge": 2**70, "whole_float": 7, "level": 3}),
    (Case("B31-json-reshaped", "bench_reshaped.py"), {"rows": 1000}),
    (Case("B38-grouped-in-odd-ways", "bench_decorated.py"), {"rows": 1000}),
]  # fmt: skip


@pytest.mark.parametrize(("case", "counts"), COUNTED, ids=lambda each: str(each)[:40])
def test_its_whole_numbers_are_counts(bench: Bench, case: Case, counts: dict[str, int]) -> None:
    counting = Case(case.name, case.scenario, counts=tuple(counts))
    assert evidence_of(bench.trial(counting)).counts == counts


NO_COUNT = [
    (Case("B6-numpy-count", "bench_numpy.py", counts=("big",)), "big of first is a bool (True)"),
    (Case("B27-kinds-of-extra-info", "bench_kinds.py", counts=("text",)),
     "text of first is text ('7')"),
    (Case("B27-kinds-of-extra-info", "bench_kinds.py", counts=("absent",)),
     "first reports no absent (it reports dear, huge, level, "),
]  # fmt: skip


@pytest.mark.parametrize(("case", "what"), NO_COUNT, ids=lambda each: str(each)[:40])
def test_what_is_no_count_is_named(bench: Bench, case: Case, what: str) -> None:
    (fault,) = (each for each in bench.trial(case).faults if each.gate == "evidence")
    assert what in fault.message
    assert f'benchmark.extra_info["{case.counts[0]}"] = ' in fault.message
    assert not fault.retryable


def test_every_other_kind_of_value_is_described(bench: Bench) -> None:
    found = evidence_of(bench.trial(Case("B27-kinds-of-extra-info", "bench_kinds.py"))).other_info
    assert found == {
        "ratio": "a fraction (0.5)",
        "not_a_number": "not a number (nan)",
        "text": "text ('7')",
        "yes": "a bool (True)",
        "nothing": "None",
        "dear": "a Decimal (Decimal('7'))",
        "part": "a Fraction (Fraction(7, 1))",
        "span": "a timedelta (datetime.timedelta(seconds=7))",
        "several": "a list ([7, 8])",
        "nested": "a dict ({'rows': 7})",
        "transfer_rate": "text ('12.5 MB/s')",
    }
