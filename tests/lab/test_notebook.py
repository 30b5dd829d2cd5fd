from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from lab.notebook import DiskFull, Notebook, NotebookError, attempts
from lab.stats.histogram import Histogram
from lab.trial import Dispatch, Ended, Fault, Requests, Second, StageRecord
from lab.verdict import judge
from tests.lab.builders import SHIPPED, blocks, plan, trial


@pytest.fixture
def notebook(tmp_path: Path) -> Notebook:
    made = Notebook.create(tmp_path, "pool-exhaustion")
    made.write_plan(plan(), SHIPPED.text)
    return made


def test_trials_survive_the_disk(notebook: Notebook) -> None:
    faulty = trial("wide", 50, block=2, faults=(Fault("errors", "<b>5%</b>", 0.05, 0.0),))
    for made in (trial("narrow", 100), faulty):
        notebook.add_trial(made)
    assert Notebook.open(notebook.folder).trials() == [trial("narrow", 100), faulty]


def test_the_newest_run_is_latest(tmp_path: Path) -> None:
    first = Notebook.create(tmp_path, "a")
    first.write_plan(plan(), "")
    second = Notebook.create(tmp_path, "a")  # within the same second
    second.write_plan(plan(), "")
    assert first.folder != second.folder
    assert (tmp_path / "a" / "latest").resolve() == second.folder.resolve()


def test_a_line_cut_short_by_a_crash_is_left_out(notebook: Notebook) -> None:
    notebook.add_trial(trial("narrow", 100))
    file = notebook.path("trials.jsonl")
    whole = file.read_text()
    file.write_text(whole + whole[: len(whole) // 2])
    assert len(notebook.trials()) == 1


def test_after_a_torn_line_the_next_trial_is_not_lost(notebook: Notebook) -> None:
    notebook.add_trial(trial("narrow", 100))
    file = notebook.path("trials.jsonl")
    whole = file.read_text()
    file.write_text(whole + whole[: len(whole) // 2])
    notebook.add_trial(trial("wide", 50, block=2))
    assert [made.arm for made in notebook.trials()] == ["narrow", "wide"]


def test_a_line_that_the_disk_takes_a_part_of_is_told_and_left_out(notebook: Notebook) -> None:
    notebook.add_trial(trial("narrow", 100))
    size = notebook.path("trials.jsonl").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            notebook.add_trial(trial("wide", 50))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [made.arm for made in notebook.trials()] == ["narrow"]
    notebook.add_trial(trial("wide", 50))
    assert [made.arm for made in notebook.trials()] == ["narrow", "wide"]


@pytest.mark.parametrize("write", ["rounds", "series"])
def test_a_full_disk_is_told_whatever_is_written(notebook: Notebook, write: str) -> None:
    step = trial("wide", 50).step
    (notebook.folder / "rounds").mkdir()
    for name in ("rounds/01-wide-1.f64", "series/01-wide.jsonl"):
        notebook.path(name).symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="make room and go on with lab run"):
        if write == "rounds":
            notebook.write_rounds(trial("wide", 50), [0.1] * 10)
        else:
            notebook.series_writer(1, step).add({"t": 1})


def test_a_damaged_line_in_the_middle_is_told(notebook: Notebook) -> None:
    for _ in range(2):
        notebook.add_trial(trial("narrow", 100))
    file = notebook.path("trials.jsonl")
    lines = file.read_text().splitlines()
    file.write_text("{broken\n" + lines[1] + "\n")
    with pytest.raises(NotebookError, match=r"trials\.jsonl:1: damaged"):
        notebook.trials()


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(NotebookError, match="not a run folder"):
        Notebook.open(tmp_path)


def test_files_are_written_whole_or_not_at_all(notebook: Notebook) -> None:
    before = notebook.path("plan.json").read_text()
    with pytest.raises(ValueError, match="Out of range"):
        notebook.write_json("plan.json", {"x": float("nan")})
    assert notebook.path("plan.json").read_text() == before
    assert not [path for path in notebook.folder.iterdir() if path.name.endswith(".part")]


def test_attempts_tell_verdicts_and_edited_bounds(tmp_path: Path) -> None:
    for digest in ("sha256:other", SHIPPED.claim_digest):
        made = Notebook.create(tmp_path, SHIPPED.name)
        made.write_plan(replace(plan(), claim_digest=digest), SHIPPED.text)
        verdict = judge(SHIPPED, plan(), blocks({"narrow": [100.0] * 4, "wide": [101.0] * 4}))
        made.write_verdict(verdict)
    Notebook.create(tmp_path, SHIPPED.name).write_plan(plan(), SHIPPED.text)
    found = attempts(tmp_path, SHIPPED.name, SHIPPED.claim_digest)
    assert [(a.verdict, a.same_claim) for a in found] == [
        ("REFUTED", False),
        ("REFUTED", True),
        ("unfinished", True),
    ]


def test_the_verdict_on_disk_is_json_with_its_schema(notebook: Notebook) -> None:
    verdict = judge(SHIPPED, plan(), blocks({"narrow": [100.0] * 4, "wide": [400.0] * 4}))
    notebook.write_verdict(verdict)
    data = json.loads(notebook.path("verdict.json").read_text())
    asked = {"schema", "hypothesis", "verdict", "reasons", "blocks", "elapsed_s", "measuring_s"}
    assert asked <= data.keys()
    wanted = {"says", "measure", "estimate", "low", "high", "bound", "outcome"}
    assert all(wanted <= j.keys() for j in (*data["predictions"], *data["rivals"]))


def test_an_open_load_survives_the_disk(notebook: Notebook) -> None:
    late = Histogram()
    late.add_many([0.5, 0.7])
    prompt = Histogram()
    prompt.add_many([0.1, 0.1])
    seen = {"/orders": Requests(2, 1, late, 1, prompt, Ended(1, 0))}
    made = trial(
        "narrow",
        100,
        requests=seen,
        dispatch=Dispatch(10, 8, 1, 1, 0.001, 0.002, 0.003, 0.1, 5, 1, 0.5, 2.0, late),
        stages=(StageRecord("calm", 1.0, seen, (Second(1.0, 0.5), Second(1.0, None, 0))),),
    )
    notebook.add_trial(made)
    assert notebook.trials() == [made]
