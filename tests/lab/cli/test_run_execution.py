"""The steps of `lab run` on fakes: what is written and left, however a run ends."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import typer

from lab import reporting
from lab.cli import run_execution, run_preparation
from lab.cli.commands import run, status
from lab.cli.preflight import RunParts
from lab.cli.result_files import ResultFiles
from lab.cli.run_assembly import StartedParts
from lab.cli.run_execution import execute
from lab.cli.run_forecast import UNKNOWN
from lab.cli.run_preparation import RunOptions, prepare
from lab.cli.signals import Interrupted, InterruptedEarly
from lab.errors import UsageError
from lab.exit_codes import ExitCode
from lab.experiment import BlockLoop, LoadTrials, Session, sealed_hypothesis, verdict_of
from lab.hypothesis import Hypothesis
from lab.machine.run_lock import MachineBusy, machine_lock
from lab.runs.report_evidence import unpack
from lab.runs.run_folder import RunFolder, RunFolderError
from lab.targets.revision_worktrees import Revision
from lab.targets.target_interface import TargetFailure
from lab.trials.plan import Plan, draw
from lab.verdict.record import Verdict
from tests.fakes.instruments import FakeDriver, fake_observer_factory
from tests.fakes.target import FakeTarget
from tests.lab.builders import of_equal_blocks
from tests.runs import copy_project

OPTIONS = RunOptions("quick", 1, None, False, False, True, None, False)
NO_FILES = ResultFiles(None, None, None)
RESUME = OPTIONS._replace(seed=None, resume=True)
RATES = {"narrow": 20.0, "wide": 57.0, "more-pricing": 20.0}

pytestmark = pytest.mark.usefixtures("own_lock", "signal_handlers")


class Bench:
    """A project, and fakes in place of everything that a run starts."""

    def __init__(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = project / "reports" / "quick"
        self.machine: dict[str, Any] = {"cores": 2, "commit": "aaa"}
        self.driver = FakeDriver(dict(RATES))
        self.starting: Callable[[], None] = lambda: None
        self.stopping: Callable[[], None] = lambda: None
        self.profiling: Callable[[str], None] = lambda arm: None
        self.stopped = 0
        self.monkeypatch = monkeypatch
        monkeypatch.chdir(project)
        monkeypatch.setattr(run_execution, "observe", lambda *_: dict(self.machine))
        # the process of these tests may be older than a budget
        monkeypatch.setattr(run_execution, "_command_began", time.monotonic)
        monkeypatch.setattr(run_preparation, "draw", lambda *given: of_equal_blocks(draw(*given)))
        monkeypatch.setattr(run_execution, "bring_up", self.bring_up)
        monkeypatch.setattr(run_execution, "pin", lambda pid, cores: None)
        monkeypatch.setattr("os.nice", lambda more: None)

    def bring_up(
        self, parts: RunParts, target: str, report_stage: Callable[[str], None], at_exit: Any
    ) -> StartedParts:
        at_exit(self.stop)
        parts.children.start([sys.executable, "-c", "print('up')"], role="service").popen.wait()
        self.starting()
        fake = FakeTarget({arm: dict(values) for arm, values in parts.hypothesis.arms.items()})

        def profile(arm: str) -> str:
            self.profiling(arm)
            return f"a profile of {arm}"

        def session(plan: Plan, run_folder: RunFolder, began: float) -> Session:
            trials = LoadTrials(
                parts.hypothesis,
                plan,
                run_folder,
                fake,
                self.driver,
                new_observer=fake_observer_factory(lambda: 0.0),
            )
            self.monkeypatch.setattr(trials, "profile", profile)
            return BlockLoop(parts.hypothesis, plan, run_folder, trials, began)

        return StartedParts(session, {"target": {"name": target}}, self.stop)

    def stop(self) -> None:
        self.stopped += 1
        self.stopping()

    def run(self, options: RunOptions = OPTIONS) -> tuple[Verdict, RunFolder]:
        return execute(prepare(options), options, NO_FILES, None)

    def interrupt_after(self, trials: int) -> None:
        """Send SIGTERM in the middle of a later trial; once."""

        def fail(host: str) -> None:
            if len(self.driver.driven) > trials:
                self.driver.fails = lambda host: None
                signal.raise_signal(signal.SIGTERM)

        self.driver.fails = fail


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    return Bench(copy_project(tmp_path), monkeypatch)


def test_a_run_ends_with_its_verdict_on_disk(bench: Bench) -> None:
    verdict, run_folder = bench.run()
    assert verdict.verdict == "CONFIRMED"
    assert run_folder.verdict_name() == "CONFIRMED"
    conditions = run_folder.conditions()
    assert conditions.pop("pinning")["driver"]
    assert conditions == {**bench.machine, "target": {"name": "local"}}
    events = [entry["event"] for entry in run_folder.journal()]
    assert events == [
        # the fake driver knows no cycle of a user: the windows are whole
        *("session began", "slices changed", *["block"] * 4, "session ended"),
        *("profiling", "profiled"),
    ]
    names = {path.name for path in run_folder.folder.iterdir()}
    assert {"hypothesis.md", "plan.json", "report.html", "report.md", "profiles"} <= names
    assert "logs" not in names
    assert (bench.runs / "latest").resolve() == run_folder.folder.resolve()
    assert bench.stopped


def test_the_progress_is_printed_line_by_line_without_a_terminal(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.run()
    lifetime, forecast, *lines = capsys.readouterr().out.splitlines()
    assert lifetime.startswith("processes: the arms keep their processes")
    assert forecast == UNKNOWN
    assert lines[0].startswith("quick  Does a narrow pool hold orders back?")
    assert [line for line in lines if line.startswith("block 1 wide")] == [
        "block 1 wide: 57.0 requests/s"
    ]
    estimates = [line for line in lines if line.startswith("  throughput wide / narrow: ")]
    assert len(estimates) == 4
    assert "predicted at least 2: undecided" in estimates[0]
    assert "predicted at least 2: supported" in estimates[-1]
    report = next(i for i, line in enumerate(lines) if line.startswith("report: "))
    decided = next(i for i, line in enumerate(lines) if line.startswith("CONFIRMED  quick, 4 b"))
    assert decided < lines.index("writing the report ...") == report - 1
    assert lines[report + 1 :] == [
        "profiles are taken now and added to the report; Ctrl-C is safe: verdict and report are "
        "complete",
        "profiling narrow (untimed) ...",
        "profiling wide (untimed) ...",
        "profiling more-pricing (untimed) ...",
    ]


def test_no_profile_is_taken_without_need(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    _, run_folder = bench.run(OPTIONS._replace(profile=False))
    assert list(run_folder.path("profiles").iterdir()) == []
    out = capsys.readouterr().out
    assert "profiles are taken" not in out and "profiling" not in out


def test_verdict_and_report_are_complete_before_the_first_profile(bench: Bench) -> None:
    seen: list[tuple[bytes, str]] = []
    folder = bench.runs / "latest"

    def look(arm: str) -> None:
        report = (folder / "report.md").read_text()
        seen.append(((folder / "verdict.json").read_bytes(), report))

    bench.profiling = look
    _, run_folder = bench.run()
    assert len(seen) == 3
    assert {verdict for verdict, _ in seen} == {run_folder.path("verdict.json").read_bytes()}
    final = run_folder.path("report.md").read_text()
    for _, early in seen:
        assert "CONFIRMED" in early and "a profile of" not in early
    assert all(f"a profile of {arm}" in final for arm in RATES)


def test_a_run_whose_profiles_are_taken_is_shown_as_decided(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.profiling = lambda arm: status.command("quick")
    _, run_folder = bench.run()
    shown = f"quick  {run_folder.run}  process {os.getpid()}\n  CONFIRMED; verdict and report are"
    assert capsys.readouterr().out.count(shown) == 3
    status.command("quick")
    assert capsys.readouterr().out == "no run is under way, and none is unfinished\n"


def failure() -> None:
    raise OSError("py-spy is gone\nand more")


def again() -> None:
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(
    ("fail", "how"),
    [(failure, "ended: py-spy is gone"), (again, "interrupted")],
    ids=["failure", "signal"],
)
def test_what_ends_a_profile_costs_profiles_only(
    bench: Bench, capsys: pytest.CaptureFixture[str], fail: Callable[[], None], how: str
) -> None:
    bench.profiling = lambda arm: fail() if arm == "wide" else None
    verdict, run_folder = bench.run()
    assert verdict.verdict == run_folder.verdict_name() == "CONFIRMED"
    assert f"lab: profiling was {how}; verdict and report are complete\n" in capsys.readouterr().err
    assert [path.stem for path in run_folder.path("profiles").iterdir()] == ["narrow"]
    report = run_folder.path("report.md").read_text()
    assert "a profile of narrow" in report and "a profile of wide" not in report
    assert bench.stopped
    before = run_folder.path("verdict.json").read_bytes()
    assert verdict_of(run_folder, verdict_hypothesis(run_folder), run_folder.plan()) == verdict
    with pytest.raises(RunFolderError, match="complete but for profiles: they are not taken later"):
        bench.run(RESUME)
    assert run_folder.path("verdict.json").read_bytes() == before


def test_a_signal_while_the_report_is_written_costs_profiles_only(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    render = reporting.render

    def interrupted(*arguments: Any) -> None:
        again()
        render(*arguments)

    monkeypatch.setattr(reporting, "render", interrupted)
    verdict, run_folder = bench.run()
    assert verdict.verdict == "CONFIRMED"
    assert "CONFIRMED" in run_folder.path("report.md").read_text()
    assert list(run_folder.path("profiles").iterdir()) == []
    out, err = capsys.readouterr()
    assert "CONFIRMED  quick" in out and "profiling narrow" not in out
    assert "lab: profiling was interrupted" in err


@pytest.mark.parametrize("profile", [True, False])
def test_the_report_yields_the_verdict_that_is_on_disk(
    bench: Bench, profile: bool, tmp_path: Path
) -> None:
    _, run_folder = bench.run(OPTIONS._replace(profile=profile))
    unpacked = unpack(run_folder.path("report.html"), tmp_path / "elsewhere")
    plan = unpacked.plan()
    unpacked.write_verdict(verdict_of(unpacked, sealed_hypothesis(unpacked, plan, tmp_path), plan))
    again = unpacked.path("verdict.json").read_bytes()
    assert again == run_folder.path("verdict.json").read_bytes()


def test_a_run_leaves_its_files_for_ci(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    with pytest.raises(typer.Exit) as ended:
        run.command("quick", 1, junit=Path("out/lab.xml"), summary=Path("out/lab.md"))
    assert ended.value.exit_code == 0
    assert 'tests="2" failures="0" errors="0" skipped="0"' in Path("out/lab.xml").read_text()
    assert Path("out/lab.md").read_text().startswith("### ✔ CONFIRMED: Does a narrow pool")


def test_files_for_ci_are_complete_before_the_first_profile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    files = Path("out/lab.xml"), Path("out/lab.md")
    seen: list[tuple[str, ...]] = []
    bench.profiling = lambda arm: seen.append(tuple(file.read_text() for file in files))
    with pytest.raises(typer.Exit):
        run.command("quick", 1, junit=files[0], summary=files[1])
    assert seen == [tuple(file.read_text() for file in files)] * 3


def test_a_run_without_a_verdict_leaves_no_files_of_an_earlier_one(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    files = Path("out/lab.xml"), Path("out/lab.md")
    files[0].parent.mkdir()
    for file in files:
        file.write_text("all pass")
    bench.interrupt_after(1)
    with pytest.raises(typer.Exit) as ended:
        run.command("quick", 1, junit=files[0], summary=files[1])
    assert ended.value.exit_code == ExitCode.INTERRUPTED
    assert not any(file.exists() for file in files)


def test_the_page_of_all_runs_has_the_run(bench: Bench) -> None:
    _, run_folder = bench.run()
    index = (bench.runs.parent / "index.html").read_text()
    assert f'<a href="quick/{run_folder.run}/report.html">' in index
    assert "CONFIRMED" in index


def test_a_page_that_cannot_be_written_costs_nothing_else(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    (bench.runs.parent / "index.html").mkdir(parents=True)
    assert bench.run()[0].verdict == "CONFIRMED"
    assert "index.html was not written" in capsys.readouterr().err


def verdict_hypothesis(run_folder: RunFolder) -> Hypothesis:
    return sealed_hypothesis(run_folder, run_folder.plan(), run_folder.folder.parents[2])


def test_an_interrupted_run_keeps_its_trials_and_is_resumed(bench: Bench) -> None:
    bench.interrupt_after(4)
    with pytest.raises(Interrupted) as interrupted:
        bench.run()
    assert not isinstance(interrupted.value, InterruptedEarly)
    assert bench.stopped
    run_folder = RunFolder.open((bench.runs / "latest").resolve())
    kept = run_folder.trials()
    assert len(kept) == 4
    assert (run_folder.path("logs") / "service.log").read_text() == "up\n"
    verdict, resumed = bench.run(RESUME)
    assert resumed.folder == run_folder.folder
    assert verdict.verdict == "CONFIRMED"
    assert resumed.trials()[:4] == kept


def test_a_run_is_not_resumed_under_other_conditions(bench: Bench) -> None:
    bench.interrupt_after(1)
    with pytest.raises(Interrupted):
        bench.run()
    before = {path.name: path.read_bytes() for path in bench.runs.glob("latest/*.json*")}
    bench.machine["commit"] = "bbb"
    with pytest.raises(
        RunFolderError, match="conditions have changed since: commit was 'aaa', is 'bbb'"
    ):
        bench.run(RESUME)
    assert {path.name: path.read_bytes() for path in bench.runs.glob("latest/*.json*")} == before
    assert bench.stopped == 4  # twice in each session
    bench.machine["commit"] = "aaa"
    assert bench.run(RESUME)[0].verdict == "CONFIRMED"


def test_a_signal_before_the_first_trial_leaves_no_run(bench: Bench) -> None:
    bench.starting = lambda: signal.raise_signal(signal.SIGTERM)
    with pytest.raises(InterruptedEarly):
        bench.run()
    assert bench.stopped == 1
    assert not bench.runs.exists()


def test_a_target_that_cannot_be_stopped_costs_no_verdict(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise TargetFailure("containers of this run may be left")

    bench.stopping = fail
    assert bench.run()[0].verdict == "CONFIRMED"
    assert "lab: containers of this run may be left" in capsys.readouterr().err


def test_without_waiting_a_second_run_is_refused(bench: Bench) -> None:
    with machine_lock(None), pytest.raises(MachineBusy, match="Leave --no-wait out to wait for it"):
        bench.run(OPTIONS._replace(no_wait=True))
    assert not bench.runs.exists()


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("scenarios/checkout.py", "checkout.py: this, or a file of the project that it uses,"),
        ("lab.toml", "lab.toml: this"),
    ],
)
@pytest.mark.parametrize("is_resumed", [False, True])
def test_what_was_edited_while_the_run_waited_is_refused(
    bench: Bench, path: str, named: str, is_resumed: bool
) -> None:
    if is_resumed:
        bench.interrupt_after(1)
        with pytest.raises(Interrupted):
            bench.run()
    file = Path(path)

    def edit() -> None:
        file.write_text(f"{file.read_text()}# edited\n")

    bench.starting = edit
    with pytest.raises(UsageError) as refused:
        bench.run(RESUME if is_resumed else OPTIONS)
    assert str(refused.value).endswith(
        f"{named} was edited while the run waited or built. Start it again"
    )
    assert bench.runs.exists() == is_resumed
    bench.starting = lambda: None
    assert bench.run()[0].verdict == "CONFIRMED"


def test_what_is_to_be_known_of_a_comparison_of_revisions_is_recorded(
    bench: Bench,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Worktrees:
        def __init__(self, *_: object) -> None: ...

        def revisions(
            self, written: dict[str, str], commits: dict[str, str]
        ) -> dict[str, Revision]:
            return {arm: Revision(written[arm], commits[arm], "a change") for arm in written}

        def build(self, revisions: dict[str, Revision]) -> dict[str, Path]:
            for number, arm in enumerate(revisions):
                name = f"flask-{min(number, 1)}.0.dist-info"
                (tmp_path / arm / ".venv/lib/python3.11/site-packages" / name).mkdir(parents=True)
                config = tmp_path / arm / ".venv/pyvenv.cfg"
                config.write_text(f"version = 3.{11 + min(number, 1)}.4\n")
            return {arm: tmp_path / arm for arm in revisions}

    caution = "arms run commits with the same code"
    monkeypatch.setattr(run_execution, "RevisionWorktrees", Worktrees)
    unbuilt = "[build] in lab.toml makes none"
    monkeypatch.setattr(run_execution, "cautions", lambda *_: [caution])
    monkeypatch.setattr(run_execution, "build_cautions", lambda *_: [unbuilt])
    prepared = prepare(OPTIONS)
    commits = {arm: letter * 40 for arm, letter in zip(RATES, "abc", strict=True)}
    hypothesis = replace(prepared.hypothesis, revisions=dict.fromkeys(RATES, "HEAD"))
    plan = replace(prepared.plan, revisions=commits)
    prepared = prepared._replace(hypothesis=hypothesis, plan=plan)
    _, run_folder = execute(prepared, OPTIONS, NO_FILES, None)
    line = "flask 0.0 in narrow, 1.0 in wide, 1.0 in more-pricing"
    said = capsys.readouterr().out
    assert f"revisions: their packages differ: {line}\n" in said
    conditions = run_folder.conditions()
    assert conditions["packages that differ"] == [line]
    python = "Python of .venv 3.11.4 in narrow, 3.12.4 in wide, 3.12.4 in more-pricing"
    assert f"revisions: their interpreters differ: {python}\n" in said
    assert conditions["interpreters that differ"] == [python]
    assert conditions["revisions"]["narrow"]["interpreters"] == {"Python of .venv": "3.11.4"}
    narrow, wide, other = (each["packages"] for each in conditions["revisions"].values())
    assert narrow != wide == other
    assert f"revisions: {unbuilt}\n" in said
    assert conditions["cautions"] == [caution, unbuilt]
    report = run_folder.path("report.html").read_text()
    assert all(each in report for each in (line, caution, unbuilt))


def test_a_run_that_was_finished_meanwhile_is_refused(bench: Bench) -> None:
    bench.interrupt_after(1)
    with pytest.raises(Interrupted):
        bench.run()
    prepared = prepare(RESUME)
    assert prepared.run_folder is not None
    prepared.run_folder.path("verdict.json").write_text("{}")  # by a run that was waited for
    with pytest.raises(RunFolderError, match="has its verdict"):
        execute(prepared, RESUME, NO_FILES, None)
