"""The remedies of refusals that need a process: of the driver, of pytest, or of the service."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.cli.main import main
from lab.cli.preflight import RunParts
from lab.cli.run_assembly import bring_up
from lab.errors import UsageError
from lab.files.project_folder import Project
from lab.hypothesis import load
from lab.machine.cpu_pinning import divide_cores
from lab.processes.child_processes import Children
from lab.system import load_system
from tests.runs import QUICK, ROOT, copy_project

pytestmark = pytest.mark.slow

USER = """

class Visitor(HttpUser):
    wait_time = constant(1)

    @task
    def visit(self):
        self.client.get("/")
"""
HEAD = "import os\nfrom locust import HttpUser, TaskSet, constant, events, task\n"
CHECKOUT, HYPOTHESIS = "scenarios/checkout.py", "hypotheses/quick.md"
BENCH_FILE = "scenarios/bench_sort.py"
SOAK_FILE = "scenarios/soak_visits.py"
BENCH = """---
question: Is sorting slow?
claim: It is.
kind: benchmark
scenario: scenarios/bench_sort.py
statistic: min
trial: {window: 50ms}
arms:
  short: {SIZE: 10}
  long: {SIZE: 1000}
control: short
predictions:
  - {says: it grows, measure: time, compare: long / short, at_least: 5}
rivals:
  - {claim: it is slow anyway, says: so, measure: time, arm: short, at_least: 1ms}
budget: 5m
---
"""
SORT = """import os


def test_sort(benchmark):
    benchmark(sorted, range(int(os.environ["SIZE"])))
"""
SOAK = (
    QUICK.read_text(encoding="utf-8")
    .replace("kind: load", "kind: soak")
    .replace("scenarios/checkout.py", SOAK_FILE)
)
READ_TOKEN = 'TOKEN = os.environ["SHOP_TOKEN"]\n'
OPTION = """

@events.init_command_line_parser.add_listener
def options(parser):
    parser.add_argument("--backend", required=True, env_var="SHOP_BACKEND")
"""
TASK_SET = HEAD + USER.replace(
    "    @task\n    def visit(self):\n        self.client.get",
    "    @task\n    class Visits(TaskSet):\n        @task\n        def visit(self):\n"
    "            self.client.get",
)


@dataclass(frozen=True)
class Checked:
    """Files that `lab check` refuses, and what they are once the remedy is followed."""

    wrong: dict[str, str]
    message: tuple[str, ...]  # what, where, remedy
    right: dict[str, str] = field(default_factory=dict)
    hypothesis: tuple[str, str] | None = None  # what is replaced in it
    environment: dict[str, str] = field(default_factory=dict)  # once the remedy is followed


CHECKED = {
    "token": Checked(
        {CHECKOUT: HEAD + READ_TOKEN + USER},
        ("checkout.py:3:", "KeyError: 'SHOP_TOKEN'", "Set SHOP_TOKEN", "`pass: [SHOP_TOKEN]`"),
        hypothesis=("arms:", "pass: [SHOP_TOKEN]\narms:"),
        environment={"SHOP_TOKEN": "t0ken"},
    ),
    "option": Checked(
        {CHECKOUT: HEAD + OPTION + USER},
        ("checkout.py", "--backend", "Set SHOP_BACKEND", "`pass: [SHOP_BACKEND]` in quick.md"),
        hypothesis=("arms:", "pass: [SHOP_BACKEND]\narms:"),
        environment={"SHOP_BACKEND": "sql"},
    ),
    "package": Checked(
        {CHECKOUT: HEAD + "import locust_extras_of_nobody\n" + USER},
        ("checkout.py:3:", "locust_extras_of_nobody", "or import what there is"),
        {CHECKOUT: HEAD + USER},
    ),
    "syntax": Checked(
        {CHECKOUT: HEAD + "TOKEN = (\n" + USER},
        ("checkout.py:3:", "SyntaxError", "until `lab check quick` accepts it"),
        {CHECKOUT: HEAD + USER},
    ),
    "no-user": Checked(
        {CHECKOUT: HEAD},
        ("checkout.py", "no user class", "define a class that derives from locust.HttpUser"),
        {CHECKOUT: HEAD + USER},
    ),
    "functions-for-pytest": Checked(
        {CHECKOUT: "def test_visit(fastsession):\n    fastsession.get('/')\n"},
        ("checkout.py", "functions for pytest are not run", "define a class that derives from"),
        {CHECKOUT: HEAD + USER},
    ),
    "weight": Checked(
        {CHECKOUT: HEAD + USER + "    weight = 0\n"},
        ("checkout.py", "every user class has a weight of 0", "give one of them"),
        {CHECKOUT: HEAD + USER + "    weight = 1\n"},
    ),
    "task-set": Checked(
        {CHECKOUT: TASK_SET},
        ("checkout.py:", "Visits", "until `lab check quick` accepts it"),
        {CHECKOUT: HEAD + USER},
    ),
    "setting": Checked(
        {},
        ("quick.md:", "SEED_INVOICE", "The `check` of lab.toml says which settings"),
        hypothesis=("  SEED_INVOICE: 1000\n", ""),
    ),
    "soak-script": Checked(
        {SOAK_FILE: "def main(:\n"},
        ("soak_visits.py:1:", "invalid syntax", "python -m py_compile scenarios/soak_visits.py"),
        {SOAK_FILE: "print()\n"},
    ),
    "bench-setting": Checked(
        {BENCH_FILE: SORT.replace("SIZE", "SIZES")},
        ("arm short: SIZE is not named in", 'Read it there, as in os.environ.get("SIZE")'),
        {BENCH_FILE: SORT},
    ),
    "bench-two": Checked(
        {BENCH_FILE: SORT + SORT.replace("test_sort", "test_other")},
        ("bench_sort.py", "the file holds 2 benchmarks", "bench_sort.py::test_sort`"),
        hypothesis=("bench_sort.py", "bench_sort.py::test_sort"),
    ),
    "bench-none": Checked(
        {BENCH_FILE: SORT.replace("test_sort", "sort")},
        ("bench_sort.py", "pytest collects no test in it", "Begin the names of its functions with"),
        {BENCH_FILE: SORT},
    ),
    "bench-misspelt": Checked(
        {BENCH_FILE: SORT.replace("test_sort", "test_sorted")},
        ("bench_sort.py", "there is no benchmark test_sort", "`test_sorted`"),
        hypothesis=("::test_sort", "::test_sorted"),
    ),
    "bench-param": Checked(
        {BENCH_FILE: SORT},
        ("bench_sort.py:4:", "is not parametrized with size = 10", "or leave `params` out"),
        hypothesis=("params: {size: 10}\n", ""),
    ),
    "bench-token": Checked(
        {BENCH_FILE: SORT.replace("\n\n\n", f"\n{READ_TOKEN}\n\n")},
        ("bench_sort.py:2:", "SHOP_TOKEN", "Set SHOP_TOKEN", "`pass: [SHOP_TOKEN]`"),
        hypothesis=("arms:", "pass: [SHOP_TOKEN]\narms:"),
        environment={"SHOP_TOKEN": "t0ken"},
    ),
    "bench-syntax": Checked(
        {BENCH_FILE: SORT + "def broken(:\n"},
        ("bench_sort.py:6:", "SyntaxError", "python -m pytest"),
        {BENCH_FILE: SORT},
    ),
}
TEXTS = {
    "task-set": lambda text: text.replace("{users: 20}", "{rate: 20, arrivals: constant}"),
    "setting": lambda text: text.replace("SEED_INVOICES: 1000", "SEED_INVOICE: 1000"),
    "bench-misspelt": lambda text: text.replace("bench_sort.py", "bench_sort.py::test_sort"),
    "bench-param": lambda text: text.replace("statistic:", "params: {size: 10}\nstatistic:"),
}


def text_of(name: str) -> str:
    if name.startswith("bench"):
        text = BENCH
    elif name == "soak-script":
        text = (ROOT / "tests/planted/quick-soak.md").read_text(encoding="utf-8")
        text = re.sub("scenario: .*", f"scenario: {SOAK_FILE}", text)
    else:
        text = QUICK.read_text(encoding="utf-8")
    return str(TEXTS.get(name, str)(text))


@pytest.mark.parametrize("name", CHECKED)
def test_the_remedy_of_a_scenario(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def checked() -> tuple[int, str]:
        with pytest.raises(SystemExit) as ended:
            main()
        assert isinstance(ended.value.code, int)
        return ended.value.code, capsys.readouterr().err

    case, project = CHECKED[name], copy_project(tmp_path)
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["lab", "check", "quick"])
    for variable in ("SHOP_TOKEN", "SHOP_BACKEND"):
        monkeypatch.delenv(variable, raising=False)
    text = text_of(name)
    (project / HYPOTHESIS).write_text(text, encoding="utf-8")
    for file, source in case.wrong.items():
        (project / file).write_text(source, encoding="utf-8")
    code, message = checked()
    assert code == 2
    place = 0
    for part in case.message:
        assert part in message[place:], message
        place = message.index(part, place)
    for file, source in case.right.items():
        (project / file).write_text(source, encoding="utf-8")
    if case.hypothesis is not None:
        assert case.hypothesis[0] in text
        (project / HYPOTHESIS).write_text(text.replace(*case.hypothesis, 1), encoding="utf-8")
    for variable, value in case.environment.items():
        monkeypatch.setenv(variable, value)
    assert checked() == (0, "")


class ReachedError(Exception):
    """What a refusal kept from being reached."""


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Any]:
    project = copy_project(tmp_path)
    with Children() as children:

        def of(text: str) -> RunParts:
            file = project / HYPOTHESIS
            file.write_text(text, encoding="utf-8")
            hypothesis = load(file, project)
            return RunParts(
                hypothesis, file, children, Project(project), divide_cores(), load_system(project)
            )

        yield of


def test_a_benchmark_has_no_other_target(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def reached(_: RunParts) -> Any:
        raise ReachedError

    monkeypatch.setattr("lab.cli.run_assembly.collect_benchmark", reached)
    text = BENCH.replace(BENCH_FILE, "scenarios/bench_pagination.py")
    with pytest.raises(UsageError, match="on this machine only: leave --target out"):
        bring_up(parts(text), "compose", print, print)
    with pytest.raises(ReachedError):
        bring_up(parts(text), "local", print, print)


def test_a_service_in_a_container_may_not_crash(
    parts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reached(*_: Any) -> Any:
        raise ReachedError

    class Target:
        name = "compose"
        stop = print

    monkeypatch.setattr("lab.cli.run_assembly._service_session", reached)
    text = (ROOT / "tests/planted/quick-soak.md").read_text(encoding="utf-8")
    text = text.replace("predictions:", "allow: {crash: true}\npredictions:")
    with monkeypatch.context() as patch:
        patch.setattr("lab.cli.run_assembly.make_target", lambda *_: Target())
        with pytest.raises(UsageError, match=r"needs the local target: .* Use --target local"):
            bring_up(parts(text), "compose", print, print)
    with pytest.raises(ReachedError):
        bring_up(parts(text), "local", print, print)
