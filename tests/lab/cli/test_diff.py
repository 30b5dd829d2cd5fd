"""`lab diff`: the hypothesis that it writes, and what it refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from lab.cli.commands import diff
from lab.cli.comparison_text import Workload, hypothesis_text, revision, statements
from lab.errors import UsageError
from lab.hypothesis import Benchmark, LoadTest, loads
from lab.reporting.sections.reproduction import reproduction_section
from tests.repositories import commit, git, new_repository
from tests.runs import ROOT

SCENARIO = "scenarios/checkout.py"
TOML = '[[process]]\nname = "web"\ncommand = "python app.py --port {port}"\n'
LOCUST = """\
from locust import HttpUser, task


class A(HttpUser):
    @task
    def a(self): ...
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = new_repository(tmp_path / "shop")
    commit(folder, {"lab.toml": TOML, "app.py": "1\n", SCENARIO: LOCUST})
    git(folder, "tag", "old")
    commit(folder, {"app.py": "2\n"})
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What would be run."""
    prepared: list[Any] = []

    def execute(*arguments: Any) -> Any:
        prepared.append(arguments[0])
        raise SystemExit(0)

    monkeypatch.setattr("lab.cli.run_execution.execute", execute)
    return prepared


def call(revisions: str = "old..HEAD", **options: Any) -> None:
    given = {"scenario": SCENARIO} if "benchmark" not in options else {}
    with pytest.raises(SystemExit):
        diff.command(revisions, **{**given, **options})


@pytest.mark.usefixtures("project")
def test_not_slower_is_a_bound_on_latency_and_on_throughput(ran: list[Any]) -> None:
    call()
    hypothesis, plan = ran[0].hypothesis, ran[0].plan
    assert [(p.quantity, p.subject, p.bound_words) for p in hypothesis.predictions] == [
        ("latency_mean", "after / before", "at most 1.05"),
        ("throughput", "after / before", "at least 0.95"),
    ]
    assert hypothesis.revisions == {"before": "old", "after": "HEAD"}
    assert hypothesis.name == plan.hypothesis == "diff-checkout"
    assert len(set(plan.revisions.values())) == 2
    assert "Written by `lab diff old..HEAD --scenario scenarios/checkout.py" in hypothesis.prose


@pytest.mark.usefixtures("project")
def test_faster_is_a_bound_beyond_the_share(ran: list[Any]) -> None:
    call(faster_than="20%")
    predictions = ran[0].hypothesis.predictions
    assert [p.bound_words for p in predictions] == ["at most 0.8", "at least 1.2"]


def test_three_dots_begin_at_the_common_commit(project: Path, ran: list[Any]) -> None:
    git(project, "checkout", "--quiet", "-b", "topic", "old")
    commit(project, {"topic.py": "1\n"})
    call("main...topic")
    assert ran[0].hypothesis.revisions["before"] == git(project, "rev-parse", "old")


def test_what_is_not_committed(project: Path, ran: list[Any]) -> None:
    (project / "app.py").write_text("3\n")
    call("HEAD..worktree")
    assert len(set(ran[0].plan.revisions.values())) == 2


def test_the_files_that_it_writes_are_no_part_of_what_is_not_committed(
    project: Path, ran: list[Any]
) -> None:
    (project / "app.py").write_text("3\n")
    files = {"junit": Path("out/lab.xml"), "summary": Path("out/lab.md")}
    call("HEAD..worktree", **files)
    for file in files.values():
        file.write_text("of an earlier attempt\n")
    call("HEAD..worktree", **files)
    assert ran[0].plan.revisions == ran[1].plan.revisions


@pytest.mark.parametrize(
    ("revisions", "options", "message"),
    [
        ("main", {}, "main: this is not two revisions"),
        ("old..absent", {}, "there is no revision `absent`"),
        ("HEAD..main", {}, "both are the commit .*HEAD..worktree"),
        ("old..HEAD", {"slower_than": "5"}, "--slower-than 5: write a percentage"),
        ("old..HEAD", {"slower_than": "0%"}, "--slower-than 0%: write a percentage"),
        ("old..HEAD", {"faster_than": "100%"}, "--faster-than 100%: write a percentage"),
        ("old..HEAD", {"slower_than": "5%", "faster_than": "5%"}, "Keep one of them"),
        ("old..HEAD", {"scenario": "scenarios/absent.py"}, "--scenario scenarios/absent.py: there"),
        ("old..HEAD", {"scenario": None}, "one of --scenario FILE and --benchmark"),
        ("old..HEAD", {"benchmark": "scenarios/bench_a.py"}, "one of --scenario FILE and"),
        ("old..HEAD", {"budget": "soon"}, "'soon' is not a duration. Write it as in 8h, 30m"),
        ("old..HEAD", {"param": ["a=1"]}, "--param: a scenario has none. Leave --param out"),
        ("old..HEAD", {"database": True}, "--database: a scenario has none"),
        ("old..HEAD", {"users": 0}, "`users` is 0"),
    ],
)
@pytest.mark.usefixtures("project", "ran")
def test_what_is_refused(revisions: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        diff.command(revisions, **{"scenario": SCENARIO, **options})


@pytest.mark.parametrize(("verdict", "code"), [("CONFIRMED", 0), ("REFUTED", 1)])
@pytest.mark.usefixtures("project")
def test_refuted_fails(verdict: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    found = SimpleNamespace(verdict=verdict)
    monkeypatch.setattr("lab.cli.run_execution.execute", lambda *_: (found, None))
    with pytest.raises(typer.Exit) as ended:
        diff.command("old..HEAD", scenario=SCENARIO)
    assert ended.value.exit_code == code


def test_a_benchmark_has_a_bound_on_its_time() -> None:
    workload = Workload("scenarios/bench_fingerprint.py::test_fingerprint", True)
    arms = {"before": revision("main"), "after": revision('a "b"\'s')}
    with pytest.raises(Exception, match="is not one revision"):
        loads(
            hypothesis_text(workload, "?", ": #", arms, statements(workload, 1.01, 0.99), prose=""),
            Path("diff-a.md"),
            ROOT,
        )
    arms["after"] = revision("HEAD")
    read = loads(
        hypothesis_text(
            workload, "Why: #1?", "'a", arms, statements(workload, 1.01, 0.99), prose=""
        ),
        Path("diff-a.md"),
        ROOT,
    )
    assert isinstance(read.kind, Benchmark)
    assert read.kind.function == "test_fingerprint"
    assert [p.bound_words for p in read.predictions] == ["at most 1.01"]
    assert (read.question, read.claim) == ("Why: #1?", "'a")
    assert workload.slug == "bench_fingerprint-test_fingerprint"


def test_a_benchmark_has_its_parameters_and_its_database() -> None:
    file = "scenarios/bench_fingerprint.py::test_fingerprint"
    workload = Workload.of_options(None, file, None, ["lines=64", "b=x y"], database=True)
    arms = {"before": revision("a"), "after": revision("b")}
    text = hypothesis_text(workload, "?", "!", arms, statements(workload, 1.05, 0.95), prose="")
    kind = loads(text, Path("diff-a.md"), ROOT).kind
    assert isinstance(kind, Benchmark)
    assert kind.fixed_parameters == {"lines": "64", "b": "x y"}
    assert kind.database
    assert workload.option == f"--benchmark {file} --param lines=64 --param 'b=x y' --database"


@pytest.mark.parametrize("text", ["lines", "=64", "lines="])
def test_a_parameter_is_written_with_its_value(text: str) -> None:
    with pytest.raises(UsageError, match=r"--param .*: a value is written NAME=VALUE, as in depth"):
        Workload.of_options(None, "scenarios/bench_a.py", None, [text])


def test_a_parameter_has_one_value() -> None:
    given = ["size=10", "how=up", "size=1000"]
    with pytest.raises(UsageError, match=r"--param size: given twice\. Keep one of the two"):
        Workload.of_options(None, "scenarios/bench_a.py", None, given)


@pytest.mark.usefixtures("project")
def test_what_it_wrote_says_by_which_command_of_which_commits(ran: list[Any]) -> None:
    call(budget="2m", faster_than="20%")
    hypothesis, plan = ran[0].hypothesis, replace(ran[0].plan, seed=7)
    [command] = reproduction_section(plan, hypothesis).commands
    before, after = (commit[:12] for commit in plan.revisions.values())
    assert command == (
        f"lab diff {before}..{after} --scenario {SCENARIO} --faster-than 20% --budget 2m --seed 7"
    )


@pytest.mark.usefixtures("ran")
def test_a_project_whose_package_is_lab_gets_one_clear_message(project: Path) -> None:
    commit(project, {"lab/__init__.py": ""})
    with pytest.raises(UsageError, match=r"lab/__init__.py: this `lab` hides that of the lab"):
        diff.command("old..HEAD", scenario=SCENARIO)


@pytest.mark.usefixtures("ran")
def test_without_a_lab_toml_there_is_one_clear_message(project: Path) -> None:
    (project / "lab.toml").unlink()
    with pytest.raises(UsageError, match=r"no project here or above.*lab init writes one"):
        diff.command("old..HEAD", scenario=SCENARIO)
    (project / "hypotheses").mkdir()
    with pytest.raises(UsageError, match=r"lab.toml: there is no such file"):
        diff.command("old..HEAD", scenario=SCENARIO)


@pytest.mark.parametrize(
    ("budget", "seconds"), [("1m", 2), ("3m", 2), ("5m", 4), ("10m", 10), ("1h", 10)]
)
def test_windows_follow_from_the_budget(budget: str, seconds: int) -> None:
    arms = {"before": revision("a"), "after": revision("b")}
    for workload in (Workload(SCENARIO, False), Workload("scenarios/bench_fingerprint.py", True)):
        predicted = statements(workload, 1.05, 0.95)
        text = hypothesis_text(workload, "?", "!", arms, predicted, prose="", budget=budget)
        kind = loads(text, Path("diff-a.md"), ROOT).kind
        assert isinstance(kind, LoadTest | Benchmark)
        assert kind.window_s == seconds


def test_users_are_those_that_are_asked_for() -> None:
    workload = Workload.of_options(SCENARIO, None, 7)
    text = hypothesis_text(
        workload,
        "?",
        "!",
        {"before": revision("a"), "after": revision("b")},
        statements(workload, 1.05, 0.95),
        prose="",
    )
    kind = loads(text, Path("diff-a.md"), ROOT).kind
    assert isinstance(kind, LoadTest)
    assert str(kind.load).startswith("7 users")
