from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli.recorded_runs import judged_runs
from lab.hypothesis import Bound
from lab.reporting.charts import estimates_over_runs
from lab.reporting.history_page import history_page
from lab.reporting.run_history import AlikeRuns, RunHistory, run_history
from lab.reporting.sections.predictions import PredictionResult
from lab.runs.judged_run import Measured
from tests.lab.reporting.figures import figure_of
from tests.lab.reporting.html_page import HtmlPage
from tests.lab.reporting.many_runs import OTHER, edit, make_runs


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reports")
    make_runs(folder)
    return folder


@pytest.fixture(scope="module")
def history(reports: Path) -> RunHistory:
    return run_history(*judged_runs(reports, "pool-exhaustion"))


def test_machines_are_apart_and_that_is_said(history: RunHistory) -> None:
    here, there = history.groups
    on = "1 of them the target's, PostgreSQL: embedded"
    assert here.measured == f"Intel(R) Xeon(R) Processor, 2 cores, {on}"
    assert there.measured == f"{OTHER}, 8 cores, {on}"
    assert [run.number for run in here.runs] == [1, 3, 4, 6, 7]
    assert [run.number for run in there.runs] == [2, 5]
    assert history.note.startswith("The runs were measured in 2 ways and are shown apart: ")


def test_numbers_of_workers_are_apart_as_machines_are(tmp_path: Path) -> None:
    make_runs(tmp_path, each=3)
    runs = sorted(each for each in (tmp_path / "open-spike").iterdir() if not each.is_symlink())
    edit(runs[1] / "plan.json", workers={"local": 3, "remote": 1})
    latest, other = run_history(*judged_runs(tmp_path, "open-spike")).groups
    assert [run.number for run in latest.runs] == [1, 3]
    assert [run.number for run in other.runs] == [2]
    assert other.measured == f"{latest.measured}, load by 4 workers, 1 of them joined by lab worker"


def test_targets_and_lifetimes_are_apart_as_machines_are(tmp_path: Path) -> None:
    make_runs(tmp_path, each=6)
    _, compose, staging, production, fresh, kept = sorted((tmp_path / "open-spike").iterdir())
    edit(compose / "plan.json", target="compose")
    for run, host in ((staging, "staging"), (production, "production")):
        edit(run / "plan.json", target="url")
        edit(run / "conditions.json", target={"name": "url", "url": f"http://{host}"})
    edit(fresh / "plan.json", processes="fresh")
    # earlier plans call `local` `embedded`, and say nothing of what is kept
    edit(kept / "plan.json", target="local", processes="kept", databases="kept")
    groups = run_history(*judged_runs(tmp_path, "open-spike")).groups
    here = groups[0].measured
    machine = here.partition(", 1 of them")[0]
    assert {group.measured: [run.number for run in group.runs] for group in groups} == {
        here: [1, 6],
        f"{here}, target compose": [2],
        f"{machine}, target url http://staging": [3],
        f"{machine}, target url http://production": [4],
        f"{here}, fresh processes": [5],
    }


def test_cores_of_the_target_and_database_servers_are_apart(tmp_path: Path) -> None:
    make_runs(tmp_path, each=6)
    usual, narrow, users, other_users, unnamed, unknown = sorted(
        (tmp_path / "open-spike").iterdir()
    )
    target = {"name": "local", "cores": [1, 2, 3], "postgresql_is": "embedded"}
    own = {**target, "postgresql_is": "the user's server"}
    for run, recorded in (
        (usual, target),
        (narrow, {**target, "cores": [1]}),
        (users, {**own, "postgresql_server": "sha256:1"}),
        (other_users, {**own, "postgresql_server": "sha256:2"}),
        (unnamed, own),  # as versions recorded it that had no digest
        (unknown, {"name": "local"}),
    ):
        edit(run / "conditions.json", target=recorded)
    groups = run_history(*judged_runs(tmp_path, "open-spike")).groups
    machine = groups[0].measured
    three = f"{machine}, 3 of them the target's"
    assert {group.measured: [run.number for run in group.runs] for group in groups} == {
        machine: [6],
        f"{three}, PostgreSQL: the user's server": [5],
        f"{three}, PostgreSQL: the user's server sha256:2": [4],
        f"{three}, PostgreSQL: the user's server sha256:1": [3],
        f"{machine}, 1 of them the target's, PostgreSQL: embedded": [2],
        f"{three}, PostgreSQL: embedded": [1],
    }


def test_launches_of_a_benchmark_are_apart_as_machines_are() -> None:
    two = Measured("a machine", "local", None, None, None, "kept", "fresh", launches=2)
    assert str(two) == "a machine, 2 launches a block, fresh databases"
    assert two != two._replace(launches=5)
    assert str(two._replace(launches=1)) == "a machine, fresh databases"


def test_runs_that_were_measured_alike_need_no_note(reports: Path) -> None:
    assert run_history(*judged_runs(reports, "memory-leak")).note == ""


def test_a_run_shows_what_decided_it(history: RunHistory) -> None:
    runs = {run.number: run for group in history.groups for run in group.runs}
    assert runs[4].verdict == "REFUTED"
    assert runs[4].decided_by == "throughput of wide is 1.90× that of narrow (1.70× to 2.10×)"
    assert runs[4].commit == "0000003ab"
    assert runs[3].commit == "0000002ab*"
    assert [number for number, run in runs.items() if not run.same_claim] == [1]


def test_a_panel_holds_one_prediction_over_the_runs_of_one_group(history: RunHistory) -> None:
    here, there = history.groups
    assert [panel.title for panel in here.panels] == [
        "Four times the pool gives at least 2.5 times the throughput",
        "So does giving the connection back before pricing is asked",
        "Most of a request is spent waiting for a connection",
        "Pricing itself is too narrow",
    ]
    points = here.panels[0].points
    assert [point.number for point in points] == [1, 3, 4, 6, 7]
    assert [point.same_claim for point in points] == [False, True, True, True, True]
    assert points[2].result.estimate == 1.9
    assert len(there.panels[0].points) == 2


def with_latest(machine: AlikeRuns, result: PredictionResult, verdict: str) -> AlikeRuns:
    """The same runs, but the latest has this result alone."""
    latest = replace(machine.runs[-1], verdict=verdict, results=(result,))
    return replace(machine, runs=(*machine.runs[:-1], latest))


def test_the_bound_is_that_of_the_latest_run_though_it_has_no_estimate(history: RunHistory) -> None:
    here = history.groups[0]
    latest = replace(
        here.runs[-1].results[0], bound=Bound(at_least=3.0), estimate=None, low=None, high=None
    )
    for verdict, left_out in (
        ("INVALID", ""),
        ("INCONCLUSIVE", " Left out: run 7, without evidence."),
    ):
        [panel] = with_latest(here, latest, verdict).panels
        assert [point.number for point in panel.points] == [1, 3, 4, 6]
        assert panel.caption.endswith(f"predicted: at least 2.5×, in run 6.{left_out}")
        [axes] = figure_of(estimates_over_runs, panel).axes
        heights = [list(line.get_ydata()) for line in axes.get_lines()]
        assert [3.0, 3.0] in heights
        assert [2.5, 2.5] not in heights


def test_none_up_to_some_value_is_drawn_and_is_the_latest_word(history: RunHistory) -> None:
    here = history.groups[0]
    latest = replace(
        here.runs[-1].results[0],
        estimate=None,
        low=42.7,
        high=None,
        observed="wide has no peak up to 42.7",
    )
    [panel] = with_latest(here, latest, "INCONCLUSIVE").panels
    assert [point.number for point in panel.points] == [1, 3, 4, 6, 7]
    assert panel.caption == (
        "wide has no peak up to 42.7; predicted: at least 2.5×, in run 7. Lines without a marker: "
        "none up to where they begin."
    )
    [axes] = figure_of(estimates_over_runs, panel).axes
    drawn = [line for line in axes.get_lines() if list(line.get_xdata()) in ([7], [7, 7])]
    [line] = drawn
    assert list(line.get_ydata()) == [42.7, axes.get_ylim()[1]]


def test_estimates_on_another_scale_are_left_out_and_named(history: RunHistory) -> None:
    here = history.groups[0]
    latest = replace(here.runs[-1].results[0], scale="plain")
    [panel] = with_latest(here, latest, "CONFIRMED").panels
    assert [point.number for point in panel.points] == [7]
    assert panel.caption.endswith(
        ", in run 7. Left out: runs 1, 3, 4, 6, estimated on another scale."
    )


def test_invalid_runs_are_listed_and_not_drawn(tmp_path: Path) -> None:
    make_runs(tmp_path, each=3)
    runs = sorted((tmp_path / "memory-leak").iterdir())
    edit(runs[1] / "verdict.json", verdict="INVALID", reasons=["the machine was busy"])
    [group] = run_history(*judged_runs(tmp_path, "memory-leak")).groups
    assert [run.verdict for run in group.runs] == ["CONFIRMED", "INVALID", "CONFIRMED"]
    assert [point.number for point in group.panels[0].points] == [1, 3]


def test_broken_and_unfinished_runs_are_named(tmp_path: Path) -> None:
    make_runs(tmp_path, each=3)
    runs = sorted((tmp_path / "pool-exhaustion").iterdir())
    (runs[0] / "plan.json").write_text("{")
    (runs[1] / "verdict.json").unlink()
    (runs[1] / "trials.jsonl").unlink()
    found, left_out = judged_runs(tmp_path, "pool-exhaustion")
    assert [run.run_folder.run for run in found] == [runs[2].name]
    assert len(left_out) == 2
    assert "plan.json: cannot be read" in left_out[0]
    assert "unfinished, so there is no verdict yet" in left_out[1]


@pytest.mark.parametrize(
    "name", ["pool-exhaustion", "open-spike", "serializer", "planted", "memory-leak"]
)
@pytest.mark.slow
def test_the_page_of_every_kind_loads_nothing(reports: Path, name: str) -> None:
    html = history_page(run_history(*judged_runs(reports, name)))
    page = HtmlPage(html)
    tags = {tag for tag, _ in page.tags}
    assert not tags & {"script", "link", "img", "iframe", "object", "embed"}
    assert "svg" in tags
    links = [link for link in page.values("href") if not link.startswith("#")]
    assert links[0] == "../index.html"
    assert all((reports / name / link).is_file() for link in links[1:])
    ids = page.values("id")
    assert len(ids) == len(set(ids))
