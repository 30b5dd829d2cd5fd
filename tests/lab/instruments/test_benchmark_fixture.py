"""The fixture in a process of the lab: its slices, `pedantic`, async functions."""

from __future__ import annotations

import re

import pytest

from lab.instruments.benchmark_process import BenchmarkError
from tests.lab.instruments.benchmark_files import BenchmarkFiles

pytestmark = pytest.mark.slow


# --- the slices ----------------------------------------------------------------------------


def test_a_process_yields_slices_and_counts_in_its_own_environment(files: BenchmarkFiles) -> None:
    files.write("""
        import os, time
        def test_a(benchmark):
            benchmark(time.sleep, float(os.environ["NAP"]))
            benchmark.extra_info["naps"] = 3
            benchmark.extra_info["share"] = 0.5
        """)
    measured = files.measure(NAP="0.005")
    assert 0.005 <= measured.timing.value_s < 0.02
    assert 5 <= measured.timing.rounds == len(measured.loops) <= 11
    assert measured.timing.min_s == min(measured.loops)
    assert measured.counts == {"naps": 3}
    assert measured.other_info == {"share": "a fraction (0.5)"}


@pytest.mark.parametrize(
    "body",
    [
        "benchmark._max_time = 9",
        "benchmark._min_rounds, benchmark._warmup = 10**6, 10**6",
        "benchmark._timer = time.perf_counter_ns",
        "benchmark.disabled = True",
        "benchmark._precision, benchmark._confidence = 0.5, 0.5",
        "benchmark.cprofile = True",
        "monkeypatch.setattr(time, 'perf_counter', lambda: 5.0)",
        "monkeypatch.setattr(timers, 'default_timer', lambda: 5.0)",
        "monkeypatch.setattr(benchmark_fixture, 'time', None)",
    ],
)
def test_settings_made_in_the_test_leave_the_slices_as_they_are(
    files: BenchmarkFiles, body: str
) -> None:
    files.write(f"""
        import time
        from lab.instruments import benchmark_fixture
        from pytest_benchmark import timers
        def test_a(benchmark, monkeypatch):
            {body}
            benchmark(time.sleep, 0.001)
        """)
    timing = files.measure().timing
    assert 0.001 <= timing.value_s < 0.02
    assert 5 <= timing.rounds <= 51


@pytest.mark.parametrize(("calls", "seconds"), [(1, 0.01), (2, 0.03), (1, 1.1)])
def test_an_interrupted_call_does_not_make_loops_of_single_calls(
    files: BenchmarkFiles, calls: int, seconds: float
) -> None:
    files.write(f"""
        import itertools, time
        count = itertools.count(1)
        def work():
            if 2 <= next(count) < 2 + {calls}:  # the first that are timed
                time.sleep({seconds})
        def test_a(benchmark):
            benchmark(work)
        """)
    assert files.measure().timing.iterations >= 100


def test_an_interrupted_round_does_not_make_loops_of_single_rounds(files: BenchmarkFiles) -> None:
    files.write("""
        import itertools, time
        count = itertools.count(1)
        def fresh():
            if next(count) == 2:  # the first that is timed
                time.sleep(0.01)
            return (range(500),), {}
        def test_a(benchmark):
            assert benchmark.pedantic(sum, setup=fresh, rounds=5) == 124750
        """)
    assert files.measure().timing.iterations >= 10


def test_marks_of_module_and_class_and_options_leave_the_slices_as_they_are(
    files: BenchmarkFiles,
) -> None:
    files.write("""
        import time
        import pytest
        pytestmark = pytest.mark.benchmark(max_time=9, min_time=1, timer=time.time_ns)
        @pytest.mark.benchmark(min_rounds=500, calibration_precision=10**6)
        class TestA:
            def test_a(self, benchmark):
                benchmark(time.sleep, 0.001)
        """)
    files.write(
        """
        def pytest_configure(config):
            for name in ("disable", "skip", "autosave", "warmup", "cprofile_dump", "storage"):
                setattr(config.option, f"benchmark_{name}", True)
            config.option.benchmark_compare = "0001"
            config.option.benchmark_compare_fail = ["min:1%"]
        """,
        "conftest.py",
    )
    timing = files.measure("TestA::test_a").timing
    assert 0.001 <= timing.value_s < 0.02
    assert 5 <= timing.rounds <= 51
    assert not (files.folder / ".benchmarks").exists()


def test_the_first_call_is_cold_and_is_not_measured(files: BenchmarkFiles) -> None:
    files.write("""
        import time
        made = []
        def work():
            if not made:
                time.sleep(0.2)
            made.append(1)
            time.sleep(0.001)
        def test_a(benchmark):
            benchmark(work)
        def test_pedantic(benchmark):
            benchmark.pedantic(work, rounds=1)
        """)
    for function in ("test_a", "test_pedantic"):
        measured = files.measure(function)
        assert max(measured.loops) < 0.1
        assert measured.timing.rounds >= 10


# --- pedantic ------------------------------------------------------------------------------


def test_no_result_outlives_its_call(files: BenchmarkFiles) -> None:
    files.write(
        """
        import weakref

        class Order: pass

        loaded = weakref.WeakValueDictionary()

        def load(number):
            assert number not in loaded, "the cache answers"
            order = loaded[number] = Order()
            for _ in range(2000): pass
            return order

        def test_a(benchmark):
            benchmark(load, 1)
        """
    )
    assert files.measure().timing.median_s > 0


WORKER = """
    import queue, threading

    waiting = queue.Queue()

    def work():
        while True:
            waiting.get()
            sum(range(200_000))
            waiting.task_done()

    threading.Thread(target=work, daemon=True).start()
"""


def test_work_that_goes_on_while_others_are_measured_is_refused(files: BenchmarkFiles) -> None:
    files.write(f"{WORKER}\n    def test_a(benchmark): benchmark(waiting.put, 1)\n")
    with pytest.raises(BenchmarkError, match="threads or processes of the benchmark used the"):
        files.measure_with_pauses()


HELPER = """
    import atexit, subprocess, sys

    def helper(code):
        started = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        atexit.register(started.kill)
        return started
"""


def test_a_process_that_goes_on_while_others_are_measured_is_refused(files: BenchmarkFiles) -> None:
    files.write(
        f"{HELPER}\n    busy = helper('while True: pass')\n"
        "    def test_a(benchmark): benchmark(len, 'abc')\n"
    )
    with pytest.raises(BenchmarkError, match="threads or processes of the benchmark used the"):
        files.measure_with_pauses()


def test_a_process_whose_answer_a_call_waits_for_is_measured(files: BenchmarkFiles) -> None:
    code = "import sys\nfor line in sys.stdin: print(sum(range(200_000)), flush=True)"
    files.write(
        f"{HELPER}\n    waiting = helper({code!r})\n"
        "    def test_a(benchmark):\n"
        "        benchmark(lambda: (waiting.stdin.write(b'1\\n'), waiting.stdout.readline()))\n"
    )
    assert files.measure_with_pauses().timing.median_s > 0.0005


def test_work_that_a_call_waits_for_is_measured(files: BenchmarkFiles) -> None:
    call = "lambda: (waiting.put(1), waiting.join())"
    files.write(f"{WORKER}\n    def test_a(benchmark): benchmark({call})\n")
    assert files.measure_with_pauses().timing.median_s > 0.0005


def test_pedantic_repeats_its_rounds_with_set_up_and_tear_down(files: BenchmarkFiles) -> None:
    files.write("""
        import time
        log = []
        def fresh():
            log.append("set up")
            time.sleep(0.002)
            return ([3, 1, 2],), {"reverse": True}
        def in_place(numbers, reverse):
            numbers.sort(reverse=reverse)
            time.sleep(0.001)
            return numbers
        def test_a(benchmark):
            found = benchmark.pedantic(
                in_place, setup=fresh, teardown=lambda *_, **__: log.append("torn down"),
                rounds=2, warmup_rounds=3,
            )
            assert found == [3, 2, 1]
            assert log == ["set up", "torn down"] * (len(log) // 2)
            # the warm-up, the rounds of the calibration and of the first slice, and those kept
            assert len(log) // 2 > benchmark.stats.stats.rounds + 3
        """)
    timing = files.measure().timing
    assert 0.001 <= timing.value_s < 0.002  # the set-up is not timed
    assert 5 <= timing.rounds <= 20  # but counts for the slice


def test_pedantic_keeps_short_rounds_as_means_of_neighbours(files: BenchmarkFiles) -> None:
    files.write("""
        def test_a(benchmark):
            assert benchmark.pedantic(sum, args=(range(50),), iterations=2) == 1225
        """)
    timing = files.measure().timing
    # loops of half a millisecond in five slices of ten, as the machine was when it calibrated;
    # rounds that are timed one by one would be over ten thousand, of two calls each
    assert 5 <= timing.rounds <= 1000
    assert timing.iterations % 2 == 0
    assert timing.iterations >= 20


def test_the_remedy_for_rounds_too_short_for_the_clock_is_enough(files: BenchmarkFiles) -> None:
    code = "def test_a(benchmark):\n    benchmark.pedantic(len, args=([],), iterations={})\n"
    files.write(code.format(1))
    said = files.failure()
    assert "bench_a.py:2: a round of `benchmark.pedantic` takes" in said
    iterations = re.search(r"Write `iterations=(\d+)` or more", said)
    assert iterations
    files.write(code.format(2 * int(iterations[1])))
    assert files.measure().timing.value_s < 1e-5
    files.write("def test_a(benchmark):\n    benchmark(len, [])\n")
    assert files.measure().timing.value_s < 1e-5


def test_the_remedy_for_short_rounds_with_a_set_up_is_enough(files: BenchmarkFiles) -> None:
    code = """
        def work():
            for _ in range({}):
                len([])

        def test_a(benchmark):
            benchmark.pedantic(work, setup=lambda: None)
        """
    files.write(code.format(1))
    said = files.failure()
    assert "`iterations" not in said
    more = re.search(r"Let a call of the function do (\d+) times as much or more", said)
    assert more
    files.write(code.format(4 * int(more[1])))
    assert files.measure().timing.value_s < 1e-4


def test_a_set_up_that_runs_out_of_data_is_told_apart(files: BenchmarkFiles) -> None:
    files.write("""
        def test_a(benchmark):
            numbers = list(range(10))
            benchmark.pedantic(numbers.pop, setup=lambda: None, rounds=10)
        """)
    assert (
        "bench_a.py:4: IndexError: pop from empty list (in round 11: the lab repeats rounds in "
        "every slice, whatever the `rounds=10` of `benchmark.pedantic`)"
    ) in files.failure()


# --- async functions -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "test",
    [
        "def test_a(benchmark): assert benchmark(nap, 7) == 7",
        "def test_a(benchmark): assert benchmark(lambda: nap(7)) == 7",
        "def test_a(benchmark): assert benchmark(Nap()) == 7",
        "def test_a(benchmark): assert benchmark(Nap().method) == 7",
        "async def test_a(benchmark): assert await benchmark(nap, 7) == 7",
        "async def test_a(benchmark): assert await benchmark(nap, 7) == await nap(7)",
        "async def test_a(benchmark): assert await benchmark.pedantic(nap, args=(7,)) == 7",
        "def test_a(benchmark): assert benchmark.pedantic(nap, setup=lambda: ((7,), {})) == 7",
        "async def test_a(benchmark): assert await benchmark(lambda: in_time(nap(7))) == 7",
        "class TestA(unittest.IsolatedAsyncioTestCase):\n"
        "    @pytest.fixture(autouse=True)\n"
        "    def _taken(self, benchmark): self.benchmark = benchmark\n"
        "    async def test_a(self): assert await self.benchmark(nap, 7) == 7",
    ],
)
def test_an_async_function_is_awaited_in_every_call(files: BenchmarkFiles, test: str) -> None:
    files.write(
        "import asyncio, unittest, pytest\n"
        "async def nap(result):\n"
        "    await asyncio.sleep(0.002)\n"
        "    return result\n"
        "async def in_time(coroutine):\n"
        "    async with asyncio.timeout(1):\n"
        "        return await coroutine\n"
        "class Nap:\n"
        "    async def __call__(self): return await nap(7)\n"
        "    method = __call__\n" + test
    )
    timing = files.measure("TestA::test_a" if "class TestA" in test else "test_a").timing
    assert 0.002 <= timing.value_s < 0.02
    assert timing.rounds >= 5


def test_a_call_is_awaited_without_a_task_of_its_own(files: BenchmarkFiles) -> None:
    """A task for every call, as `run_until_complete` makes one, takes ten times as long."""
    files.write("""
        import asyncio
        async def nothing():
            return 7
        def test_a(benchmark):
            benchmark(nothing)
        def test_tasks(benchmark):
            loop = asyncio.new_event_loop()
            benchmark(lambda: loop.run_until_complete(nothing()))
        """)
    assert files.measure().timing.min_s < files.measure("test_tasks").timing.min_s / 3


def test_calls_share_the_loop_that_the_file_has_set(files: BenchmarkFiles) -> None:
    files.write("""
        import asyncio
        import pytest
        @pytest.fixture
        def lock():
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            return loop, asyncio.Lock()
        async def work(loop, lock):
            assert asyncio.get_running_loop() is loop
            async with lock:
                await asyncio.sleep(0)
        def test_a(benchmark, lock):
            benchmark(work, *lock)
        """)
    assert files.measure().timing.rounds >= 5


def test_a_project_may_run_async_tests_by_itself(files: BenchmarkFiles) -> None:
    files.write("""
        import asyncio
        async def test_a(benchmark):
            await benchmark(asyncio.sleep, 0.001)
        """)
    files.write(
        """
        import asyncio, inspect
        import pytest
        @pytest.hookimpl(tryfirst=True)
        def pytest_pyfunc_call(pyfuncitem):
            if inspect.iscoroutinefunction(pyfuncitem.obj):
                asyncio.run(pyfuncitem.obj(pyfuncitem.funcargs["benchmark"]))
                return True
        """,
        "conftest.py",
    )
    assert files.measure().timing.value_s >= 0.001


def test_the_remedy_for_an_async_fixture_is_a_plugin_that_runs_it(files: BenchmarkFiles) -> None:
    code = """
        import asyncio, pytest{extra}
        @{fixture}.fixture
        async def client():
            yield asyncio.get_running_loop()
        {mark}
        async def test_a(benchmark, client):
            async def work():
                assert asyncio.get_running_loop() is client
            await benchmark(work)
        """
    files.write(code.format(extra="", fixture="pytest", mark=""))
    assert '`pytest_plugins = ["pytest_asyncio.plugin"]`' in files.failure()
    extra = ', pytest_asyncio; pytest_plugins = ["pytest_asyncio.plugin"]'
    mark = "@pytest.mark.asyncio"
    files.write(code.format(extra=extra, fixture="pytest_asyncio", mark=mark))
    assert files.measure().timing.rounds >= 5


LAZY = """
import asyncio, contextlib, itertools
from concurrent.futures import ThreadPoolExecutor
async def work(): await asyncio.sleep(0)
def rows(): yield 1
async def async_rows(): yield 1
@contextlib.contextmanager
def entered(): yield
"""


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("def test_a(benchmark): benchmark(lambda: [work()])", "'work' is never awaited"),
        ("def test_a(benchmark): benchmark(async_rows)", "an async generator"),
        ("def test_a(benchmark): benchmark(map, str, [1])", "a lazy iterator (map)"),
        ("def test_a(benchmark): benchmark.pedantic(rows)", "a generator"),
        ("def test_a(benchmark): benchmark(entered)", "whose body has not run"),
        ("def test_a(benchmark):\n with ThreadPoolExecutor() as p: benchmark(p.submit, rows)",
         "a Future whose work nothing waits for"),
        ("async def test_a(benchmark): benchmark(lambda: asyncio.ensure_future(work()))",
         "an awaitable (Task) that nothing awaits"),
        ("async def test_a(benchmark): benchmark(work)", "Write `await benchmark(...)`"),
        ("async def test_a(benchmark): benchmark.pedantic(work)", "Write `await benchmark(...)`"),
        ("async def test_a(benchmark):\n async def f(): return rows()\n await benchmark(f)",
         "a generator"),
        ("async def test_a(benchmark):\n async def f(): raise LookupError('no')\n"
         " await benchmark(f)", "LookupError: no"),
        ("def test_a(benchmark):\n async def s(): pass\n benchmark.pedantic(len, setup=s)",
         "has to be no coroutine function"),
    ],
)  # fmt: skip
def test_what_would_measure_nothing_is_refused(files: BenchmarkFiles, test: str, said: str) -> None:
    files.write(LAZY + test)
    failure = files.failure()
    assert said in failure
    assert re.match(r"scenarios/bench_a.py:\d+: ", failure)
