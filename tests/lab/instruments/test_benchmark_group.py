"""Processes that are alive at the same time and measure in turn."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from lab.hypothesis import Step
from lab.instruments import benchmark_process
from lab.instruments.benchmark_group import BenchmarkGroup, expected_s
from lab.instruments.benchmark_process import BenchmarkError
from tests.lab.instruments.benchmark_files import FILE, BenchmarkFiles

pytestmark = pytest.mark.slow

A, B, C = Step("a"), Step("b"), Step("c")

# writes down, in a file of all processes, when each call was made
NOTED = """
    import os, pathlib, time
    import pytest
    NOTES = pathlib.Path("notes")
    def note(what):
        with NOTES.open("a") as file:
            file.write(f"{os.environ['ARM']} {what}\\n")
    def work():
        note("call")
        time.sleep(0.004)
    @pytest.fixture
    def shelf():
        note("set up")
        yield
        note("torn down")
    def test_a(benchmark, shelf):
        benchmark(work)
"""


@contextmanager
def group(
    files: BenchmarkFiles, available: Callable[[], int] = lambda: 2**50
) -> Iterator[BenchmarkGroup]:
    def start(step: Step) -> benchmark_process.BenchmarkProcess:
        return files.file.start(f"{FILE}::test_a", step, {"ARM": step.arm})

    with BenchmarkGroup(files.file, start, available) as made:
        yield made


def notes(folder: Path) -> list[str]:
    return (folder / "notes").read_text().splitlines()


def alive(files: BenchmarkFiles) -> list[psutil.Process]:
    """The processes of the file that run now."""
    return [
        each
        for each in psutil.Process().children(recursive=True)
        if f"{FILE}::test_a" in " ".join(each.cmdline())
    ]


def test_all_are_held_before_the_first_slice_and_then_measure_one_at_a_time(
    files: BenchmarkFiles,
) -> None:
    files.write(NOTED)
    with group(files) as processes:
        assert processes.start([(A, B, C)]) == []
        held = notes(files.folder)
        assert sorted(held) == sorted(f"{x} {what}" for x in "abc" for what in ("set up", "call"))
        rounds = list(processes.measure(0.03, 6, random.Random(5), 1))
        assert rounds == [(done, 6) for done in range(1, 7)]
        slices = notes(files.folder)[len(held) :]
        found = processes.finish("median")
        last = notes(files.folder)[len(held) + len(slices) :]
    assert [line for line in last if line.endswith("torn down")]
    # each position is that of one slice; every round holds each process once, in changing order
    order = sorted(
        (s.position, step.arm, s.iterations) for step, m in found.items() for s in m.slices
    )
    assert [position for position, *_ in order] == list(range(1, 19))
    by_round = ["".join(arm for _, arm, _ in order[i : i + 3]) for i in range(0, 18, 3)]
    assert all(sorted(each) == ["a", "b", "c"] for each in by_round)
    assert len(set(by_round)) > 1
    # and the calls followed that order, but for those of the calibration
    expected = [arm for _, arm, calls in order for _ in range(calls)]
    assert [line[0] for line in slices if line.endswith("call")][-len(expected) :] == expected
    assert alive(files) == []


def test_the_order_follows_from_the_seed(files: BenchmarkFiles) -> None:
    files.write("def test_a(benchmark):\n    benchmark(sum, range(100))\n")

    def positions(seed: int) -> dict[Step, list[int]]:
        with group(files) as processes:
            processes.start([(A, B)])
            list(processes.measure(0.02, 8, random.Random(seed), 1))
            found = processes.finish("min")
        return {step: [s.position for s in m.slices] for step, m in found.items()}

    assert positions(1) == positions(1) != positions(2)


def test_a_held_process_uses_no_processor_and_ends_with_the_lab(files: BenchmarkFiles) -> None:
    files.write("def test_a(benchmark):\n    benchmark(sum, range(100))\n")
    with group(files) as processes:
        processes.start([(A, B)])
        list(processes.measure(0.001, 5, random.Random(1), 1))
        held = [psutil.Process(pid) for pid in processes.pids]
        before = [sum(each.cpu_times()[:2]) for each in held]
        time.sleep(0.5)
        assert [sum(each.cpu_times()[:2]) for each in held] == before
        assert len(alive(files)) == 2
    assert alive(files) == []


@pytest.mark.parametrize(
    ("loop_s", "takes_s"),
    [(0.0005, 0.015), (0.0074, 0.015), (0.0076, 0.0152), (0.014, 0.028), (0.02, 0.02), (3.0, 3.0)],
)
def test_a_slice_takes_as_long_as_its_whole_loops(loop_s: float, takes_s: float) -> None:
    assert expected_s(loop_s, 0.015) == pytest.approx(takes_s)


def test_calls_slower_than_a_slice_leave_fewer_rounds(files: BenchmarkFiles) -> None:
    files.write("""
        import os, time
        def test_a(benchmark):
            benchmark(time.sleep, 0.1 if os.environ["ARM"] == "b" else 0.001)
        """)
    with group(files) as processes:
        processes.start([(A, B)])
        rounds = list(processes.measure(0.01, 40, random.Random(1), 1))
        found = processes.finish("median")
    assert len(rounds) == 7  # 2 processes x 40 slices of 10 ms, in rounds of 10 and 100 ms
    assert [len(found[step].slices) for step in (A, B)] == [7, 7]
    assert [s.iterations for s in found[B].slices] == [1] * 7


def test_where_memory_is_short_the_rest_is_left_for_another_group(files: BenchmarkFiles) -> None:
    files.write("def test_a(benchmark):\n    benchmark(sum, range(100))\n")
    units = [(Step("a", size), Step("b", size)) for size in (1.0, 2.0, 3.0)]
    total = psutil.virtual_memory().total
    with group(files, available=lambda: total // 10) as processes:  # as much as has to stay free
        assert processes.start(units) == units[1:]
        assert len(processes.pids) == 2  # arms at one value are never separated


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ("raise LookupError('gone')", "bench_a.py:7: LookupError: gone"),
        ("os.kill(os.getpid(), 9)", "pytest ended by SIGKILL before the test was over"),
        ("os._exit(0)", "pytest ended with exit code 0 before the test was over"),
        ("time.sleep(60)", "bench_a.py:7: a slice does not end within 0.5 s"),
    ],
)
def test_a_process_that_ends_or_hangs_in_a_slice_is_named_and_nothing_is_left(
    files: BenchmarkFiles, monkeypatch: pytest.MonkeyPatch, ends: str, said: str
) -> None:
    monkeypatch.setattr(benchmark_process, "_SLICE_S", 0.5)
    files.write(f"""
        import os, time
        calls = []
        def work():
            calls.append(1)
            if os.environ["ARM"] == "b" and len(calls) > 20:
                {ends}
            time.sleep(0.002)
        def test_a(benchmark):
            benchmark(work)
        """)
    with pytest.raises(BenchmarkError) as caught, group(files) as processes:
        processes.start([(A, B, C)])
        list(processes.measure(0.01, 40, random.Random(1), 1))
    assert caught.value.step == B
    assert said in str(caught.value)
    assert alive(files) == []


def test_a_process_that_fails_after_its_slices_is_named(files: BenchmarkFiles) -> None:
    files.write("""
        import os
        def test_a(benchmark):
            benchmark(sum, range(100))
            assert os.environ["ARM"] != "b"
        """)
    with pytest.raises(BenchmarkError) as caught, group(files) as processes:
        processes.start([(A, B)])
        list(processes.measure(0.001, 5, random.Random(1), 1))
        processes.finish("median")
    assert caught.value.step == B
    assert "bench_a.py:5: AssertionError" in str(caught.value)
    assert alive(files) == []
