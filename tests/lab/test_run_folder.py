from __future__ import annotations

import json
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import DiskFull, StorageError
from lab.run_folder import RunFolder, RunFolderError, attempts
from lab.stats.histogram import Histogram
from lab.trial import ArrivalSecond, Dispatch, Ended, Fault, Requests, StageRecord
from lab.verdict import judge
from tests.lab.builders import SHIPPED, blocks, plan, trial


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    made = RunFolder.create(tmp_path, "pool-exhaustion")
    made.write_plan(plan(), SHIPPED.text)
    return made


def test_trials_survive_the_disk(run_folder: RunFolder) -> None:
    faulty = trial("wide", 50, block=2, faults=(Fault("errors", "<b>5%</b>", 0.05, 0.0),))
    for made in (trial("narrow", 100), faulty):
        run_folder.add_trial(made)
    assert RunFolder.open(run_folder.folder).trials() == [trial("narrow", 100), faulty]


def test_the_newest_run_is_latest(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path, "a")
    first.write_plan(plan(), "")
    second = RunFolder.create(tmp_path, "a")  # within the same second
    second.write_plan(plan(), "")
    assert first.folder != second.folder
    assert (tmp_path / "a" / "latest").resolve() == second.folder.resolve()


def test_a_line_cut_short_by_a_crash_is_left_out(run_folder: RunFolder) -> None:
    run_folder.add_trial(trial("narrow", 100))
    file = run_folder.path("trials.jsonl")
    whole = file.read_text()
    file.write_text(whole + whole[: len(whole) // 2])
    assert len(run_folder.trials()) == 1


def test_after_a_torn_line_the_next_trial_is_not_lost(run_folder: RunFolder) -> None:
    run_folder.add_trial(trial("narrow", 100))
    file = run_folder.path("trials.jsonl")
    whole = file.read_text()
    file.write_text(whole + whole[: len(whole) // 2])
    run_folder.add_trial(trial("wide", 50, block=2))
    assert [made.arm for made in run_folder.trials()] == ["narrow", "wide"]


def test_a_line_that_the_disk_takes_a_part_of_is_told_and_left_out(run_folder: RunFolder) -> None:
    run_folder.add_trial(trial("narrow", 100))
    size = run_folder.path("trials.jsonl").stat().st_size
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, before[1]))
    try:
        with pytest.raises(StorageError, match="too large"):
            run_folder.add_trial(trial("wide", 50))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [made.arm for made in run_folder.trials()] == ["narrow"]
    run_folder.add_trial(trial("wide", 50))
    assert [made.arm for made in run_folder.trials()] == ["narrow", "wide"]


@pytest.mark.parametrize("write", ["rounds", "series"])
def test_a_full_disk_is_told_whatever_is_written(run_folder: RunFolder, write: str) -> None:
    step = trial("wide", 50).step
    (run_folder.folder / "rounds").mkdir()
    for name in ("rounds/01-wide-1.f64", "series/01-wide.jsonl"):
        run_folder.path(name).symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="make room and go on with lab run"):
        if write == "rounds":
            run_folder.write_rounds(trial("wide", 50), [0.1] * 10)
        else:
            run_folder.series_writer(1, step).add({"t": 1})


def test_a_damaged_line_in_the_middle_is_told(run_folder: RunFolder) -> None:
    for _ in range(2):
        run_folder.add_trial(trial("narrow", 100))
    file = run_folder.path("trials.jsonl")
    lines = file.read_text().splitlines()
    file.write_text("{broken\n" + lines[1] + "\n")
    with pytest.raises(RunFolderError, match=r"trials\.jsonl:1: damaged"):
        run_folder.trials()


def test_a_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        RunFolder.open(tmp_path)


def test_files_are_written_whole_or_not_at_all(run_folder: RunFolder) -> None:
    before = run_folder.path("plan.json").read_text()
    with pytest.raises(ValueError, match="Out of range"):
        run_folder.write_json("plan.json", {"x": float("nan")})
    assert run_folder.path("plan.json").read_text() == before
    assert not [path for path in run_folder.folder.iterdir() if path.name.endswith(".part")]


def test_attempts_tell_verdicts_and_edited_bounds(tmp_path: Path) -> None:
    for digest in ("sha256:other", SHIPPED.claim_digest):
        made = RunFolder.create(tmp_path, SHIPPED.name)
        made.write_plan(replace(plan(), claim_digest=digest), SHIPPED.text)
        verdict = judge(SHIPPED, plan(), blocks({"narrow": [100.0] * 4, "wide": [101.0] * 4}))
        made.write_verdict(verdict)
    RunFolder.create(tmp_path, SHIPPED.name).write_plan(plan(), SHIPPED.text)
    found = attempts(tmp_path, SHIPPED.name, SHIPPED.claim_digest)
    assert [(a.verdict, a.same_claim) for a in found] == [
        ("REFUTED", False),
        ("REFUTED", True),
        ("unfinished", True),
    ]


def test_the_verdict_on_disk_is_json_with_its_schema(run_folder: RunFolder) -> None:
    verdict = judge(SHIPPED, plan(), blocks({"narrow": [100.0] * 4, "wide": [400.0] * 4}))
    run_folder.write_verdict(verdict)
    data = json.loads(run_folder.path("verdict.json").read_text())
    asked = {"schema", "hypothesis", "verdict", "reasons", "blocks", "elapsed_s", "measuring_s"}
    assert asked <= data.keys()
    wanted = {"says", "measure", "estimate", "low", "high", "bound", "outcome"}
    assert all(wanted <= j.keys() for j in (*data["predictions"], *data["rivals"]))


def test_an_open_load_survives_the_disk(run_folder: RunFolder) -> None:
    late = Histogram()
    late.add_many([0.5, 0.7])
    prompt = Histogram()
    prompt.add_many([0.1, 0.1])
    seen = {"/orders": Requests(2, 1, late, 1, prompt, Ended(1, 0))}
    made = trial(
        "narrow",
        100,
        requests=seen,
        dispatch=Dispatch(10, 8, 1, 1, 0.002, 0.1, 5, 1, 0.5, 2.0, late),
        stages=(
            StageRecord("calm", 1.0, seen, (ArrivalSecond(1.0, 0.5), ArrivalSecond(1.0, None, 0))),
        ),
    )
    run_folder.add_trial(made)
    assert run_folder.trials() == [made]
