"""Code and data that a scenario uses belong to the seal of the claim; nothing else does."""

# ruff: noqa: E501 (a table)
from __future__ import annotations

from pathlib import Path

import pytest

from lab.hypothesis import HypothesisError, loads
from lab.hypothesis.scenario_files import scenario_files
from tests.lab.hypothesis.examples import GOOD

ROOT = Path(__file__).parents[3]
TARGETS = {
    "scenarios/common.py": "PATH = '/'\n",
    "scenarios/accounts.csv": "a,b\n",
    "scenarios/data/rows.json": "[]\n",
    "scenarios/data/more.json": "[]\n",
    "shop/__init__.py": "",
    "shop/api/__init__.py": "__all__ = ['starred']\n",
    "shop/api/calls.py": "from ..names import NAME\nfrom . import beside\n",
    "shop/api/beside.py": "",
    "shop/api/starred.py": "",
    "shop/names.py": "NAME = 'x'\n",
    "spread/deep/part.py": "",  # a namespace package
    "extra/helper.py": "",
    "src/installed/__init__.py": "",
    "readme.txt": "",
}


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A project with modules and data around a scenario."""
    folder = tmp_path / "shop-project"
    for name, text in TARGETS.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def used(
    project: Path, code: str, *, name: str = "checkout", is_benchmark: bool = False
) -> set[str]:
    path = f"scenarios/{name}.py"
    (project / path).write_text(code, encoding="utf-8")
    return set(scenario_files(project, path, is_benchmark=is_benchmark))


CALLS = {"shop/__init__.py", "shop/api/__init__.py", "shop/api/calls.py", "shop/api/beside.py"}
CALLS |= {"shop/names.py", "shop/api/starred.py"}
HERE = "from pathlib import Path\nimport os, sys, glob, csv\nHERE = Path(__file__).parent\n"


@pytest.mark.parametrize(
    ("code", "files"),
    [
        ("import common", {"scenarios/common.py"}),
        ("from common import PATH", {"scenarios/common.py"}),
        ("from common import *", {"scenarios/common.py"}),
        ("import scenarios.common", {"scenarios/common.py"}),
        ("from scenarios import common", {"scenarios/common.py"}),
        ("from . import common", {"scenarios/common.py"}),
        ("from .common import PATH", {"scenarios/common.py"}),
        ("def task():\n    import common", {"scenarios/common.py"}),
        ("try:\n    import common\nexcept ImportError:\n    pass", {"scenarios/common.py"}),
        ("import importlib\nm = importlib.import_module('common')", {"scenarios/common.py"}),
        ("from importlib import import_module as load\nm = __import__('common')", {"scenarios/common.py"}),
        ("NAME = 'common'\nimport importlib\nm = importlib.import_module(NAME)", {"scenarios/common.py"}),
        ("import importlib\nm = importlib.import_module('.common', 'scenarios')", {"scenarios/common.py"}),
        ("import importlib\nm = importlib.import_module('.names', package='shop')", {"shop/__init__.py", "shop/names.py"}),
        ("import importlib\nfor name in ('common', 'json'):\n    importlib.import_module(name)", {"scenarios/common.py"}),
        ("import importlib\ndef load(x):\n    return importlib.import_module(f'spread.deep.{x}')", {"spread/deep/part.py"}),
        ("import pkgutil\nx = pkgutil.iter_modules(['.'])", {"scenarios/common.py"}),
        ("import pkgutil\nx = pkgutil.get_data('spread.deep', '../../readme.txt')", {"readme.txt"}),
        (f"{HERE}class A:\n    D = HERE / 'data'\n    def f(self):\n        return self.D / 'rows.json'", {"scenarios/data/rows.json"}),
        (f"{HERE}class A:\n    def f(self):\n        self.d = HERE / 'data'\n        return self.d / 'rows.json'", {"scenarios/data/rows.json"}),
        ("rows = open(file='accounts.csv')", {"scenarios/accounts.csv"}),
        ("import os\nDATA = os.environ.get('DATA', 'accounts.csv')\nrows = open(DATA)", {"scenarios/accounts.csv"}),
        ("import shop.api.calls as calls", CALLS),
        ("from shop.api import calls", CALLS),
        ("from shop.api import *", CALLS - {"shop/api/calls.py", "shop/api/beside.py", "shop/names.py"}),
        ("import spread.deep.part", {"spread/deep/part.py"}),
        ("from spread.deep import part", {"spread/deep/part.py"}),
        ("import installed", {"src/installed/__init__.py"}),
        ("import sys\nsys.path.insert(0, 'extra')\nimport helper", {"extra/helper.py"}),
        (f"{HERE}sys.path.append(str(HERE.parent / 'extra'))\nimport helper", {"extra/helper.py"}),
        ("import os, sys\nsys.path.append(os.path.join(os.path.dirname(__file__), '..', 'extra'))\nimport helper", {"extra/helper.py"}),
        ("import runpy\nrunpy.run_path('extra/helper.py')", {"extra/helper.py"}),
        ("rows = open('scenarios/accounts.csv')", {"scenarios/accounts.csv"}),
        ("rows = open('accounts.csv')", {"scenarios/accounts.csv"}),
        (f"{HERE}rows = (HERE / 'accounts.csv').open()", {"scenarios/accounts.csv"}),
        (f"{HERE}rows = csv.DictReader(Path(__file__).with_name('accounts.csv').open())", {"scenarios/accounts.csv"}),
        (f"{HERE}x = Path(__file__).resolve().parents[1] / 'readme.txt'", {"readme.txt"}),
        (f"{HERE}x = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data', 'rows.json')", {"scenarios/data/rows.json"}),
        (f"{HERE}DATA = HERE / 'data'\nx = (DATA / 'rows.json').read_text()", {"scenarios/data/rows.json"}),
        (f"{HERE}x = open(f'{{HERE}}/data/rows.json')", {"scenarios/data/rows.json"}),
        (f"{HERE}x = list((HERE / 'data').glob('*.json'))", {"scenarios/data/rows.json", "scenarios/data/more.json"}),
        (f"{HERE}x = glob.glob('scenarios/data/m*.json')", {"scenarios/data/more.json"}),
        (f"{HERE}x = os.listdir(HERE / 'data')", {"scenarios/data/rows.json", "scenarios/data/more.json"}),
        (f"{HERE}def read(n):\n    return open(HERE / 'data' / f'{{n}}.json')", {"scenarios/data/rows.json", "scenarios/data/more.json"}),
        (f"{HERE}import pandas\nx = pandas.read_csv(HERE / 'accounts.csv')", {"scenarios/accounts.csv"}),
    ],
)  # fmt: skip
def test_what_a_scenario_uses_is_found(shop: Path, code: str, files: set[str]) -> None:
    assert used(shop, code) - {"scenarios/__init__.py"} == files


@pytest.mark.parametrize(
    "code",
    [
        "import json\nimport locust\nfrom locust import HttpUser",
        "class A:\n    def a(self):\n        self.client.get('/orders', name='*')\n        self.client.get(f'/orders/{self.id}')",
        '"""accounts.csv is not read."""',
        "import lab.hypothesis",  # the lab is not of the scenario
        "x = open('/etc/hostname')",
        "x = open('../outside.csv')",
        "x = 'data'\ny = '.'\nz = ''",
        "import missing_module",
        "def broken(:",
        f"{HERE}HERE.with_name('summary.json').write_text('x')",
        f"{HERE}Path(__file__).with_name('accounts.csv').write_text('x')",
        "with open('scenarios/accounts.csv', 'w') as file:\n    file.write('x')",
        f"{HERE}(HERE / 'accounts.csv').open(mode='a')",
        "x = open('reports/latest.json')",
        "import logging\nlogging.basicConfig(filename='accounts.csv')",
        "import logging\nlogging.FileHandler('scenarios/accounts.csv')",
        f"{HERE}n = input()\n(HERE / 'data' / f'{{n}}.json').write_text('x')\nx = list((HERE / 'data').glob('*.json'))",
        "import site_module",
        "import hidden.inner",
    ],
)  # fmt: skip
def test_what_is_not_of_the_scenario_is_left_out(shop: Path, code: str) -> None:
    (shop / "outside.csv").touch()
    (shop.parent / "outside.csv").touch()
    (shop / "reports").mkdir()
    (shop / "reports" / "latest.json").touch()
    packages = shop / "venv" / "lib" / "site-packages"
    packages.mkdir(parents=True)
    (shop / "venv" / "pyvenv.cfg").touch()
    (packages / "site_module.py").touch()
    (shop / ".hidden").mkdir()
    assert used(shop, code) - {"outside.csv"} == set()


def test_modules_of_modules_are_found_even_in_a_circle(shop: Path) -> None:
    (shop / "scenarios" / "common.py").write_text("import checkout\nimport second\n")
    (shop / "scenarios" / "second.py").write_text("import common\nrows = open('accounts.csv')\n")
    assert used(shop, "import common") == {
        "scenarios/common.py",
        "scenarios/second.py",
        "scenarios/accounts.csv",
    }


def test_a_benchmark_has_the_conftests_above_it(shop: Path) -> None:
    (shop / "conftest.py").write_text("pytest_plugins = ['shop.names']\n")
    (shop / "scenarios" / "conftest.py").write_text("import common\n")
    (shop / "shop" / "conftest.py").touch()
    found = used(shop, "", name="bench_pages", is_benchmark=True)
    assert found == {
        "conftest.py",
        "scenarios/conftest.py",
        "scenarios/common.py",
        "shop/__init__.py",
        "shop/names.py",
    }
    assert used(shop, "") == set()


def test_a_link_counts_as_what_it_leads_to(shop: Path) -> None:
    (shop / "scenarios" / "linked.py").symlink_to(shop / "extra" / "helper.py")
    (shop / "scenarios" / "checkout.py").write_text("import linked\n")
    before = scenario_files(shop, "scenarios/checkout.py", is_benchmark=False)
    assert set(before) == {"scenarios/linked.py"}
    (shop / "extra" / "helper.py").write_text("SLOW = True\n")
    assert scenario_files(shop, "scenarios/checkout.py", is_benchmark=False) != before


@pytest.mark.parametrize(
    ("code", "edited"),
    [
        ("from common import PATH\n", "scenarios/common.py"),
        ("def task():\n    from shop.api import calls\n", "shop/names.py"),
        ("rows = open('scenarios/accounts.csv')\n", "scenarios/accounts.csv"),
    ],
)
def test_an_edit_of_a_used_file_changes_the_claim_digest(
    shop: Path, code: str, edited: str
) -> None:
    (shop / "scenarios" / "checkout.py").write_text(code)
    path = Path("pool-exhaustion.md")
    before = loads(GOOD, path, shop)
    (shop / "readme.txt").write_text("edited")
    assert loads(GOOD, path, shop).claim_digest == before.claim_digest
    original = (shop / edited).read_bytes()
    (shop / edited).write_bytes(original + b"# edited\n")
    after = loads(GOOD, path, shop)
    assert after.claim_digest != before.claim_digest
    assert after.scenario_digest != before.scenario_digest
    assert after.digest == before.digest
    (shop / edited).write_bytes(original)
    assert loads(GOOD, path, shop).claim_digest == before.claim_digest


def test_a_used_file_that_cannot_be_read_is_named(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop / "scenarios" / "checkout.py").write_text("import common\n")
    place = shop / "scenarios" / "common.py"
    original = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path == place:
            raise PermissionError(13, "Permission denied", str(path))
        return original(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(HypothesisError, match="the scenario uses this file") as caught:
        loads(GOOD, Path("pool-exhaustion.md"), shop)
    assert caught.value.path == place


def test_shipped_load_tests_and_soaks_use_nothing_but_themselves() -> None:
    for path in (ROOT / "scenarios").glob("*.py"):
        if not path.name.startswith(("bench_", "conftest")):
            name = path.relative_to(ROOT).as_posix()
            assert not scenario_files(ROOT, name, is_benchmark=False)
