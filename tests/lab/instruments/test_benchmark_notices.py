"""What a benchmark process is waited for is said while it lasts."""

from __future__ import annotations

import pytest

from tests.lab.instruments.benchmark_files import FILE, BenchmarkFiles

pytestmark = pytest.mark.slow

SLOW_S = 1.2
FILE_OF = """
    import pytest, time
    {at_import}

    @pytest.fixture
    def shop():
        {in_fixture}
        yield
        {in_tear_down}

    def work():
        {in_call}
        time.sleep(0.002)

    def test_a(benchmark, shop):
        benchmark(work)
"""
SLOW = f"time.sleep({SLOW_S})"
QUICK = dict.fromkeys(("at_import", "in_fixture", "in_call", "in_tear_down"), "pass")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lab.instruments.benchmark_process.WAITING_S", 0.3)
    monkeypatch.setattr("lab.instruments.benchmark_process.POLL_S", 0.1)


@pytest.mark.parametrize(
    ("where", "what"),
    [
        ("at_import", "the import of the file"),
        ("in_fixture", "the fixtures of test_a"),
        ("in_call", "the first call in test_a"),
        ("in_tear_down", "the end of test_a"),
    ],
)
def test_a_process_that_takes_long_is_said_to(where: str, what: str, files: BenchmarkFiles) -> None:
    slow = SLOW
    if where == "in_call":  # the first one only
        slow = f"'slept' in globals() or globals().update(slept={SLOW})"
    files.write(FILE_OF.format(**QUICK | {where: slow}))
    files.measure()
    assert files.notices.count(f"{FILE} waits for {what}") == 1


def test_calibration_and_slices_are_told_apart(files: BenchmarkFiles) -> None:
    count = """
    import time
    calls = []

    def work():
        calls.append(1)
        time.sleep({})

    def test_a(benchmark):
        benchmark(work)
    """
    files.write(count.format("0.6 if len(calls) in (2, 3) else 0.01"))
    files.measure()
    assert f"{FILE} waits for the calibration of test_a" in files.notices
    files.notices.clear()
    files.write(count.format("0.6 if len(calls) > 5 else 0.01"))
    files.measure()
    assert f"{FILE} waits for the slices of test_a" in files.notices


def test_collecting_is_named(files: BenchmarkFiles) -> None:
    files.write(FILE_OF.format(**QUICK | {"at_import": SLOW}))
    files.select()
    assert f"{FILE} waits for the import of the file" in files.notices


def test_an_honest_slice_is_not_waited_for(
    files: BenchmarkFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.lab.instruments.benchmark_files.SLICE_S", 0.6)
    files.write(FILE_OF.format(**QUICK))
    files.measure()
    assert not any("slices" in each for each in files.notices)
