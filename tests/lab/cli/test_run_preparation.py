"""What `lab run` refuses before anything starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.cli.run_forecast import UNKNOWN
from lab.cli.run_preparation import PreparedRun, RunOptions, prepare
from lab.cli.worker_planning import WorkerOptions
from lab.errors import UsageError
from lab.runs.run_folder import RunFolder, RunFolderError
from lab.trials.plan import PlannedWorkers
from tests.runs import QUICK_SOAK, copy_project

OPTIONS = RunOptions("quick", 1, None, False, False, True, None, False)
RESUME = OPTIONS._replace(seed=None, resume=True)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one hypothesis, which is the current folder."""
    folder = copy_project(tmp_path)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def sealed(project: Path) -> PreparedRun:
    """A run that was sealed and has no trial yet."""
    prepared = prepare(OPTIONS)
    run_folder = RunFolder.create(prepared.project.reports, "quick")
    run_folder.write_plan(prepared.plan, prepared.hypothesis.text)
    return prepared._replace(run_folder=run_folder)


@pytest.mark.usefixtures("project")
def test_the_seed_decides_the_orders_and_is_drawn_if_not_given() -> None:
    first, second = prepare(OPTIONS), prepare(OPTIONS)
    assert first.plan == second.plan
    assert first.run_folder is None
    seeds = {prepare(OPTIONS._replace(seed=None)).plan.seed for _ in range(5)}
    assert len(seeds) > 1


def test_a_resumed_run_has_the_plan_that_was_sealed(sealed: PreparedRun) -> None:
    resumed = prepare(RESUME)
    assert resumed.plan == prepare(RESUME._replace(seed=1)).plan == sealed.plan
    assert resumed.run_folder is not None and sealed.run_folder is not None
    assert resumed.run_folder.folder == sealed.run_folder.folder.resolve()
    assert resumed.file == resumed.run_folder.path("hypothesis.md")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (RESUME._replace(target="compose"), "this run's target is local, not compose"),
        (RESUME._replace(seed=5), "this run's seed is 1, not 5. Leave --seed out"),
        (RESUME._replace(length="8h"), "its length is sealed. Leave --for out"),
        (RESUME._replace(name="other"), "there is no run to resume. Leave --resume out"),
    ],
)
@pytest.mark.usefixtures("sealed")
def test_a_resumed_run_keeps_what_was_sealed(options: RunOptions, message: str) -> None:
    with pytest.raises(RunFolderError, match=message):
        prepare(options)


def test_a_scenario_that_was_edited_is_refused(sealed: PreparedRun, project: Path) -> None:
    scenario = project / sealed.hypothesis.scenario
    scenario.write_text(scenario.read_text() + "\n# edited\n")
    with pytest.raises(RunFolderError, match=r"checkout\.py: edited since the run began"):
        prepare(RESUME)


def test_a_finished_run_is_refused(sealed: PreparedRun) -> None:
    assert sealed.run_folder is not None
    sealed.run_folder.path("verdict.json").write_text("{}")
    with pytest.raises(RunFolderError, match=r"has its verdict\. Leave --resume out"):
        prepare(RESUME)


@pytest.mark.usefixtures("project")
def test_the_workers_of_the_command_are_sealed_and_said(
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepared = prepare(OPTIONS._replace(workers=WorkerOptions(local=2)))
    assert prepared.plan.workers == PlannedWorkers(2)
    assert "load: by 2 workers, in whole windows" in capsys.readouterr().out
    run_folder = RunFolder.create(prepared.project.reports, "quick")
    run_folder.write_plan(prepared.plan, prepared.hypothesis.text)
    assert prepare(RESUME).plan.workers == PlannedWorkers(2)
    with pytest.raises(UsageError, match="planned with 2 workers, not 3 workers"):
        prepare(RESUME._replace(workers=WorkerOptions(local=3)))


@pytest.mark.usefixtures("project")
def test_only_a_soak_has_a_length() -> None:
    with pytest.raises(UsageError, match="--for: quick is no soak"):
        prepare(OPTIONS._replace(length="8h"))


def test_a_soak_says_what_it_can_detect(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "hypotheses" / "quick-soak.md").write_text(QUICK_SOAK.read_text())
    prepared = prepare(OPTIONS._replace(name="quick-soak", length="2m", anyway=True))
    assert prepared.plan.length_s == 120
    assert "rss_bytes of alone: likely detected from" in capsys.readouterr().out


def test_a_soak_says_of_which_series_nothing_is_known(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = QUICK_SOAK.read_text().replace("slope: rss_bytes", "slope: heap_bytes", 1)
    (project / "hypotheses" / "quick-soak.md").write_text(text)
    prepared = prepare(OPTIONS._replace(name="quick-soak", length="2m"))
    assert "heap_bytes" not in {each.series for each in prepared.plan.detectable}
    said = capsys.readouterr().out
    assert "heap_bytes of alone: what can be detected is not known yet" in said


def test_a_load_test_says_what_it_can_decide(
    sealed: PreparedRun, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a finished block, that this is unknown; a run that is resumed says nothing.

    Before that it says what is done with the processes of the arms.
    """
    capsys.readouterr()
    prepare(OPTIONS)
    lifetime, forecast = capsys.readouterr().out.splitlines()
    assert lifetime.startswith("processes: the arms keep their processes from block to block, ")
    assert forecast == UNKNOWN
    prepare(RESUME)
    assert sealed.run_folder is not None
    assert not capsys.readouterr().out
