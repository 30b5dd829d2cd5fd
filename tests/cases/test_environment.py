"""Environment variables of scenarios: passed by name, or the scenario is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.cli.scenario_environment import passed_variables, refuse_withheld, remedy_of_scenario
from lab.driver_messages import Frame, RunTrial
from lab.experiment.driver_message_conversion import load_spec
from lab.hypothesis import ClosedLoad, Hypothesis, HypothesisError, loads
from lab.instruments.benchmark_file import BenchmarkFile
from lab.instruments.benchmark_selection import Wanted
from lab.instruments.locust_driver_process import LoadDriver, ScenarioError
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.processes.passed_variables import PassedVariables
from tests.cases.arm import serving
from tests.lab.hypothesis.examples import GOOD
from tests.lab.instruments.benchmark_files import measure_alone
from tests.runs import ROOT

CASES = Path(__file__).parent / "environment"
SECRET = "s3cret/token with+signs"


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("API_TOKEN", "SHOP_PATH", "SHOP_BACKEND"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def children() -> Iterator[Children]:
    with Children(PassedVariables({"API_TOKEN": SECRET})) as started:
        yield started


def hypothesis_of(folder: Path, source: str, passed: str = "") -> Hypothesis:
    (folder / "scenarios").mkdir(exist_ok=True)
    (folder / "scenarios" / "checkout.py").write_text(source, encoding="utf-8")
    text = GOOD.replace("arms:\n", f"{passed}\narms:\n", 1)
    return loads(text, Path("shop.md"), folder)


def withheld(folder: Path, source: str, passed: str = "") -> HypothesisError | None:
    try:
        refuse_withheld(hypothesis_of(folder, source, passed), Path("shop.md"), folder)
    except HypothesisError as error:
        return error
    return None


READS = {
    "item": "import os\nX = os.environ['SHOP_PATH']\n",
    "get": "import os\nX = os.environ.get('SHOP_PATH', '/')\n",
    "getenv": "from os import getenv\nX = getenv('SHOP_PATH')\n",
    "imported": "from os import environ\nX = environ.get('SHOP_PATH')\n",
    "in": "import os\nX = '/a' if 'SHOP_PATH' in os.environ else '/b'\n",
    "by a constant": "import os; NAME = 'SHOP_PATH'\nX = os.environ.get(NAME)\n",
    "option": "\nparser.add_argument('--path', env_var='SHOP_PATH', default='/')\n",
    "of a library": "from decouple import config\nX = config('SHOP_PATH', default='/')\n",
}


@pytest.mark.parametrize("how", READS)
def test_a_variable_that_is_set_and_read_is_not_withheld_in_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    assert withheld(tmp_path, READS[how]) is None
    monkeypatch.setenv("SHOP_PATH", "/other")
    error = withheld(tmp_path, READS[how])
    assert error is not None
    assert (error.path, error.line) == (tmp_path / "scenarios" / "checkout.py", 2)
    assert "reads SHOP_PATH, which is set, but is not passed to it" in error.problem
    [advised] = re.findall(r"`(pass: .*?)`", error.remedy)
    assert withheld(tmp_path, READS[how], advised) is None
    assert "env -u SHOP_PATH lab" in error.remedy
    monkeypatch.delenv("SHOP_PATH")
    assert withheld(tmp_path, READS[how]) is None


def test_what_a_module_of_the_project_reads_counts_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "paths.py").write_text(READS["get"])
    monkeypatch.setenv("SHOP_PATH", "/other")
    error = withheld(tmp_path, "import paths\n")
    assert error is not None
    assert error.path.name == "paths.py"


def test_what_a_scenario_sets_itself_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PATH", "/other")
    assert withheld(tmp_path, "import os\nos.environ['SHOP_PATH'] = '/'\n" + READS["get"]) is None


def test_a_variable_that_cannot_be_passed_is_not_advised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUST_HOST", "http://shop")
    error = withheld(tmp_path, "import os\nX = os.environ.get('LOCUST_HOST')\n")
    assert error is not None
    assert "pass:" not in error.remedy
    assert "env -u LOCUST_HOST lab" in error.remedy


def test_a_resumed_run_is_told_to_begin_as_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_PATH", "/other")
    hypothesis = hypothesis_of(tmp_path, READS["get"])
    with pytest.raises(HypothesisError, match="As when the run began, start the lab without it"):
        refuse_withheld(hypothesis, Path("shop.md"), tmp_path, is_resumed=True)


def test_a_variable_that_is_passed_has_to_be_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hypothesis = hypothesis_of(tmp_path, "", "pass: [API_TOKEN]")
    with pytest.raises(HypothesisError) as caught:
        passed_variables(hypothesis, Path("shop.md"))
    assert caught.value.problem == "`pass` names API_TOKEN, which is not set"
    assert hypothesis.text.splitlines()[(caught.value.line or 0) - 1] == "pass: [API_TOKEN]"
    assert "export API_TOKEN=" in caught.value.remedy
    monkeypatch.setenv("API_TOKEN", SECRET)
    assert passed_variables(hypothesis, Path("shop.md")).environment() == {"API_TOKEN": SECRET}


@pytest.mark.slow
def test_a_scenario_without_its_token_is_told_how_to_get_it(tmp_path: Path) -> None:
    source = (CASES / "L5-environment-variable" / "token.py").read_text(encoding="utf-8")
    hypothesis = hypothesis_of(tmp_path, source)
    with Children() as alone:
        driver = LoadDriver(alone, tmp_path, None)
        with pytest.raises(ScenarioError) as caught:
            driver.load(tmp_path / hypothesis.scenario)
    assert caught.value.line == 7
    remedy = remedy_of_scenario(hypothesis, Path("shop.md"), tmp_path, str(caught.value))
    assert "Set API_TOKEN where the lab is started" in remedy
    assert "`pass: [API_TOKEN]` in shop.md" in remedy


@pytest.mark.slow
def test_a_scenario_gets_what_it_is_passed(children: Children) -> None:
    assert LoadDriver(children, ROOT, None).load(
        CASES / "L5-environment-variable" / "token.py"
    ) == ("Visitor",)


def test_an_option_may_come_by_a_variable_that_is_passed(tmp_path: Path) -> None:
    add = 'parser.add_argument("--backend", required=True{})\n'
    problem = "SystemExit: the following arguments are required: --backend"
    named = hypothesis_of(tmp_path, add.format(', env_var="SHOP_BACKEND"'))
    remedy = remedy_of_scenario(named, Path("shop.md"), tmp_path, problem)
    assert "Set SHOP_BACKEND" in remedy
    assert "`pass: [SHOP_BACKEND]`" in remedy
    alone = hypothesis_of(tmp_path, add.format(""))
    remedy = remedy_of_scenario(alone, Path("shop.md"), tmp_path, problem)
    assert remedy.startswith("Give --backend a `default`, or an `env_var`")


@pytest.mark.slow
def test_a_package_that_is_missing_is_to_be_installed(tmp_path: Path, children: Children) -> None:
    with pytest.raises(ScenarioError) as caught:
        LoadDriver(children, ROOT, None).load(CASES / "L58-missing-package" / "missing_package.py")
    assert caught.value.line == 3
    hypothesis = hypothesis_of(tmp_path, "")
    remedy = remedy_of_scenario(hypothesis, Path("shop.md"), tmp_path, str(caught.value))
    assert "Install the package that has `locust_extras_that_nobody_has`" in remedy


@pytest.mark.slow
def test_no_value_reaches_what_a_trial_records(children: Children, tmp_path: Path) -> None:
    driver = LoadDriver(children, ROOT, None)
    driver.load(CASES / "redaction" / "talkative.py")
    with serving() as arm:
        trial = RunTrial(arm.url, load_spec(ClosedLoad(1)), 0.0, 1.0, "s")
        frames = [each for each in driver.drive(trial) if isinstance(each, Frame)]
    recorded = repr(frames)
    assert "/look?token=[value of API_TOKEN]" in recorded
    assert "refused [value of API_TOKEN]" in recorded
    assert SECRET not in recorded
    children.keep_logs(tmp_path / "logs")
    log = (tmp_path / "logs" / "driver.log").read_text()
    assert "the token is [value of API_TOKEN]" in log
    assert SECRET not in log


@pytest.mark.slow
def test_no_value_stands_in_the_message_of_a_failed_import(children: Children) -> None:
    with pytest.raises(ScenarioError) as caught:
        LoadDriver(children, ROOT, None).load(CASES / "redaction" / "raises.py")
    assert "no use for [value of API_TOKEN]" in str(caught.value)


@pytest.mark.slow
def test_a_benchmark_gets_what_it_is_passed_and_no_value_is_recorded(children: Children) -> None:
    path = (CASES / "benchmark" / "bench_token.py").relative_to(ROOT).as_posix()
    file = BenchmarkFile(children, ROOT, Cores((), ()), path)
    function = file.select(Wanted(path, None, None, {}), {})
    measured = measure_alone(file, function.nodes[None], {})
    assert measured.other_info["token"] == "text ('[value of API_TOKEN]')"
