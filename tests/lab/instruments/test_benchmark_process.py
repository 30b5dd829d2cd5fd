"""What pytest collects of a benchmark file, and why a process yields nothing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.hypothesis import Parameter
from lab.instruments import benchmark_file, benchmark_process
from lab.instruments.benchmark_file import BenchmarkFile
from lab.instruments.benchmark_process import BenchmarkError
from lab.instruments.benchmark_selection import Wanted
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from tests.lab.instruments.benchmark_files import FILE, BenchmarkFiles
from tests.proof.bench import planted_project

pytestmark = pytest.mark.slow


# --- what pytest collects ------------------------------------------------------------------


def test_a_function_is_found_with_its_levels(tmp_path: Path) -> None:
    scenario = "scenarios/bench_planted.py"
    with Children() as children:
        file = BenchmarkFile(children, planted_project(tmp_path), Cores((), ()), scenario)
        sizes = Parameter("n", (64, 16384))
        assert file.select(Wanted(scenario, "test_twin"), {}).nodes == {
            None: f"{scenario}::test_twin"
        }
        assert file.select(Wanted(scenario, "test_growth", sizes), {}).nodes == {
            64: f"{scenario}::test_growth[64]",
            16384: f"{scenario}::test_growth[16384]",
        }


def test_values_are_read_from_marks_fixtures_and_numpy(files: BenchmarkFiles) -> None:
    files.write("""
        import numpy as np
        import pytest

        @pytest.fixture(params=[1, 10])
        def shelf(request):
            return request.param

        @pytest.mark.parametrize("n", [pytest.param(np.int64(5), id="small"), np.float64(50)])
        def test_a(benchmark, shelf, n):
            benchmark(len, [])
        """)
    found = files.select(Wanted(FILE, None, Parameter("n", (5, 50)), {"shelf": "10"}))
    assert found.nodes == {5: f"{FILE}::test_a[10-small]", 50: f"{FILE}::test_a[10-50.0]"}


def test_a_test_that_asks_for_the_fixture_by_name_can_be_measured(files: BenchmarkFiles) -> None:
    files.write("""
        import pytest

        @pytest.fixture(params=["benchmark"])
        def measure(request):
            return request.getfixturevalue(request.param)

        def test_a(measure):
            measure(len, [])

        def test_result(tmp_path, monkeypatch):
            assert tmp_path
        """)
    found = files.select()
    assert (found.name, found.nodes) == ("test_a", {None: f"{FILE}::test_a[benchmark]"})
    assert files.measure("test_a[benchmark]").timing.rounds >= 5


def test_settings_of_the_arm_are_there_when_the_file_is_imported(files: BenchmarkFiles) -> None:
    files.write(
        "import os\nSIZE = os.environ['SIZE']\ndef test_a(benchmark):\n    benchmark(len, SIZE)\n"
    )
    assert files.select(SIZE="9").name == "test_a"
    assert "bench_a.py:2: KeyError: 'SIZE'" in files.refusal(OTHER="9")


def test_modules_beside_the_file_can_be_imported_as_under_plain_pytest(
    files: BenchmarkFiles,
) -> None:
    files.write("def work():\n    return 7\n", "helper_beside.py")
    files.write("import helper_beside\ndef test_a(benchmark):\n    benchmark(helper_beside.work)\n")
    assert files.select().name == "test_a"
    assert files.measure().timing.rounds >= 5


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import os\nimport nowhere_to_be_found\n", "bench_a.py:2: ModuleNotFoundError: No module"),
        ("def test_a(benchmark)\n    pass\n", "bench_a.py:1: SyntaxError: expected ':'"),
        ("x = 1\nraise LookupError('not here')\n", "bench_a.py:2: LookupError: not here"),
        ("import pytest\npytest.importorskip('nowhere_at_all')\n", "bench_a.py:2: it is skipped: "),
        ("class TestA:\n    def __init__(self): pass\n    def test_a(self, benchmark): pass\n",
         "collects no test in it (cannot collect test class 'TestA' because it has a __init__"),
        ("import sys\nsys.exit(3)\n", "bench_a.py:2: SystemExit: 3"),
        ("import os\nos._exit(0)\n", "pytest ended with exit code 0 before the test was over"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_collected_is_refused_with_its_line(
    files: BenchmarkFiles, code: str, said: str
) -> None:
    files.write(code)
    assert said in files.refusal()


def test_the_remedy_for_a_broken_file_is_a_command_that_succeeds_once_it_is_right(
    files: BenchmarkFiles,
) -> None:
    files.write("import nowhere_to_be_found\n")
    found = re.search(r"Correct it until `(.+)` succeeds", files.refusal(SIZE="a b"))
    assert found
    bare = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}

    def code() -> int:
        return subprocess.run(
            found[1], shell=True, cwd=files.folder, env=bare, capture_output=True, check=False
        ).returncode

    assert code() != 0
    files.write("import os\ndef test_a(benchmark):\n    benchmark(len, os.environ['SIZE'])\n")
    assert code() == 0
    assert files.select(SIZE="a b").name == "test_a"


@pytest.mark.parametrize(
    ("conftest", "said"),
    [
        ("import nowhere_to_be_found\n", "scenarios/conftest.py:1: pytest ended with exit code 4"),
        ("def pytest_no_such_hook(x): pass\n", "unknown hook 'pytest_no_such_hook'"),
        ("def pytest_sessionfinish():\n    raise OSError('no upload')\n", "conftest.py:2: pytest"),
        ("def pytest_collection_modifyitems(items, config):\n"
         "    config.hook.pytest_deselected(items=list(items))\n"
         "    items.clear()\n", "a conftest.py deselects all of its tests (test_a)"),
    ],
)  # fmt: skip
def test_a_conftest_that_is_in_the_way_is_named(
    files: BenchmarkFiles, conftest: str, said: str
) -> None:
    files.write("def test_a(benchmark):\n    benchmark(len, [])\n")
    files.write(conftest, "conftest.py")
    assert said in files.refusal()


def test_a_conftest_above_the_project_plays_no_part(files: BenchmarkFiles) -> None:
    above = files.folder.parent / "conftest.py"
    above.write_text("raise RuntimeError('not of this project')\n")
    try:
        files.write("def test_a(benchmark):\n    benchmark(len, [])\n")
        assert files.select().name == "test_a"
    finally:
        above.unlink()


# --- ways to end ---------------------------------------------------------------------------

ENDS = """
import contextlib, os, signal, sys
import pytest
@pytest.fixture
def broken(): raise OSError("cannot start")
@pytest.fixture
def unclean():
    yield
    raise OSError("cannot clean up")
"""


@pytest.mark.parametrize(
    ("test", "said"),
    [
        ("def test_a(benchmark): raise RuntimeError('no such luck')", "RuntimeError: no such luck"),
        ("def test_a(benchmark): benchmark(len, []); assert 1 == 2", "AssertionError: assert 1 =="),
        ("def test_a(benchmark, broken): benchmark(len, [])", "OSError: cannot start"),
        ("def test_a(benchmark, unclean): benchmark(len, [])", "OSError: cannot clean up"),
        ("def test_a(benchmark): pytest.skip('not today')", "it is skipped: not today"),
        ("@pytest.mark.skip\ndef test_a(benchmark): benchmark(len, [])", "it is skipped: "),
        ("@pytest.mark.xfail\ndef test_a(benchmark): benchmark(len, []); assert 0",
         "it fails, as its xfail mark expects: AssertionError"),
        ("@pytest.mark.xfail(strict=True, reason='bug 7')\ndef test_a(benchmark):"
         " benchmark(len, [])", "[XPASS(strict)] bug 7"),
        ("def test_a(benchmark): pass", "passes without measuring anything"),
        ("def test_a(benchmark):\n benchmark(len, [])\n benchmark(len, [])", "`benchmark` twice"),
        ("def test_a(benchmark):\n benchmark(len, [])\n with contextlib.suppress(BaseException):"
         " benchmark.pedantic(len, ([],))", "`benchmark` twice"),
        ("def test_a(benchmark):\n with pytest.raises(ValueError): benchmark(int, 'x')",
         "ValueError: invalid literal"),
        ("@pytest.mark.benchmark(rounds=3)\ndef test_a(benchmark): benchmark(len, [])",
         "benchmark mark can't have 'rounds' keyword argument"),
        ("def test_a(benchmark_weave): benchmark_weave(os.getcwd)", "`benchmark.weave`"),
        ("def test_a(benchmark): benchmark.patch(os.getcwd)", "`benchmark.weave`"),
        ("def test_a(benchmark): pytest.exit('enough', 0)", "enough (it ends the session)"),
        ("def test_a(benchmark): sys.exit(3)", "SystemExit: 3"),
        ("def test_a(benchmark, mocker): benchmark(len, [])", "there is no fixture 'mocker'"),
        ("def test_a(benchmark): os.kill(os.getpid(), signal.SIGSEGV)",
         "ended by SIGSEGV before the test was over: Fatal Python error: Segmentation fault"),
    ],
)  # fmt: skip
def test_a_process_that_measures_nothing_says_why(
    files: BenchmarkFiles, test: str, said: str
) -> None:
    files.write(ENDS + test)
    failure = files.failure()
    assert said in failure
    assert re.match(r"scenarios/bench_a.py:\d+: ", failure)


def test_a_process_that_ends_by_itself_is_named(files: BenchmarkFiles) -> None:
    files.write("import os\ndef test_a(benchmark):\n    benchmark(len, [])\n    os._exit(0)\n")
    assert files.failure() == "pytest ended with exit code 0 before the test was over"


def test_a_test_that_is_not_there_in_an_arm_is_named(files: BenchmarkFiles) -> None:
    files.write("def test_b(benchmark):\n    benchmark(len, [])\n")
    assert "test_a is not run: arm any does not have it" in files.failure()


def test_a_process_that_hangs_is_ended_with_its_line(
    files: BenchmarkFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_process, "START_S", 1.5)
    monkeypatch.setattr(benchmark_process, "_SLICE_S", 0.5)
    monkeypatch.setattr(benchmark_file, "_COLLECT_S", 1.5)
    files.write("import time\ndef test_a(benchmark):\n    time.sleep(60)\n")
    said = files.failure()
    assert "bench_a.py:3: it is not ready to measure within 1.5 s. Let its fixtures" in said
    files.write("""
        import time
        def work(calls=[]):
            calls.append(1)
            time.sleep(0.02 if len(calls) < 5 else 60)
        def test_a(benchmark):
            benchmark(work)
        """)
    assert "bench_a.py:5: a slice does not end within 0.5 s. Let a call do less" in files.failure()
    files.write("""
        import time
        def test_a(benchmark):
            calls = []
            benchmark(lambda: time.sleep(60) if calls else calls.append(1))
        """)
    assert "bench_a.py:5: its calibration does not end within 1.5 s" in files.failure()
    files.write("import time\ndef test_a(benchmark):\n    benchmark(len, [])\n    time.sleep(60)\n")
    assert "bench_a.py:4: it does not end within 1.5 s. Let the test" in files.failure()
    files.write("import time\nwhile True:\n    time.sleep(1)\n")
    began = time.monotonic()
    said = files.refusal()
    assert "scenarios/bench_a.py:3: it does not end within 1.5 s" in said
    assert "do nothing at import" in said
    assert time.monotonic() - began < 10


def test_a_process_that_the_test_forks_reports_nothing(files: BenchmarkFiles) -> None:
    files.write("""
        import os, sys
        def test_a(benchmark):
            benchmark(len, [])
            if os.fork() == 0:
                raise RuntimeError("the child")
            os.wait()
            benchmark.extra_info["calls"] = 4
        """)
    assert files.measure().counts == {"calls": 4}


@pytest.mark.parametrize(("fixture", "function"), [("benchmark", "test_a"), ("measured", "test_b")])
def test_a_fixture_of_that_name_has_to_be_pytest_benchmarks(
    files: BenchmarkFiles, fixture: str, function: str
) -> None:
    files.write(
        f"""
        import pytest
        @pytest.fixture
        def {fixture}(benchmark):
            return lambda *arguments: benchmark(*arguments)
        """,
        "conftest.py",
    )
    files.write("""
        def test_a(benchmark): benchmark(len, [])
        def test_b(measured): measured(len, [])
        """)
    if fixture == "measured":  # the remedy
        assert files.measure(function).timing.rounds >= 5
    else:
        said = files.failure(function)
        assert "the fixture `benchmark` returns a function in place of" in said
        assert "give this one another name" in said


def test_a_plugin_that_the_file_names_is_loaded(files: BenchmarkFiles) -> None:
    files.write("import pytest\n@pytest.fixture\ndef mocker():\n    return 3\n", "a_plugin.py")
    test = "def test_a(benchmark, mocker):\n    benchmark(abs, mocker)\n"
    files.write(test)
    assert 'as in `pytest_plugins = ["pytest_mock"]`' in files.failure()
    files.write(f"pytest_plugins = ['a_plugin']\n{test}")
    assert files.measure().timing.rounds >= 5


# --- profiles ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "test",
    [
        "def test_a(benchmark):\n    benchmark(steps, 5000)",
        "def test_a(benchmark):\n    benchmark(steps, 5000)\n    assert 0",
        "def test_a(benchmark):\n    benchmark.pedantic(steps, setup=lambda: ((5000,), {}))",
        "async def test_a(benchmark):\n    await benchmark(async_steps)",
    ],
)
def test_a_profile_is_of_the_function_alone(files: BenchmarkFiles, test: str) -> None:
    files.write(
        "import asyncio\n"
        "def steps(count):\n    return sum(n & 7 for n in range(count))\n"
        "async def async_steps():\n    await asyncio.sleep(0)\n    return steps(5000)\n" + test
    )
    profile = files.profile()
    assert "steps  bench_a.py" in profile
    assert "pytest" not in profile
    assert "_raw" not in profile


def test_a_test_that_fails_before_it_measures_has_no_profile(files: BenchmarkFiles) -> None:
    files.write("def test_a(benchmark):\n    assert 0\n    benchmark(len, [])\n")
    with pytest.raises(BenchmarkError, match=r"bench_a\.py:2: AssertionError: assert 0"):
        files.profile()
