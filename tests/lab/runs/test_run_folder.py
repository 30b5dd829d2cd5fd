from __future__ import annotations

import json
import resource
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import DiskFull, StorageError
from lab.exit_codes import ExitCode
from lab.files.format_versions import UnknownVersion
from lab.files.json_files import UnreadableFile
from lab.hypothesis import Step
from lab.runs.run_folder import (
    RunFolder,
    RunFolderError,
    all_runs,
    attempts,
    earlier_runs,
    require_latest_link,
)
from lab.trials.trial import Fault
from lab.verdict.rule import judge
from tests.lab.builders import SHIPPED, blocks, of_equal_blocks, plan, trial
from tests.runs import lab


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    made = RunFolder.create(tmp_path, "pool-exhaustion")
    made.write_plan(plan(), SHIPPED.text)
    return made


def write_verdict(run_folder: RunFolder) -> None:
    rates = {"narrow": [100.0] * 4, "wide": [101.0] * 4}
    run_folder.write_verdict(judge(SHIPPED, of_equal_blocks(plan()), blocks(rates)))


def test_trials_are_read_as_they_were_written(run_folder: RunFolder) -> None:
    faulty = trial("wide", 50, block=2, faults=(Fault("errors", "<b>5%</b>", 0.05, 0.0),))
    for made in (trial("narrow", 100), faulty):
        run_folder.add_trial(made)
    assert RunFolder.open(run_folder.folder).trials() == [trial("narrow", 100), faulty]


def test_latest_points_to_the_newest_run(tmp_path: Path) -> None:
    first = RunFolder.create(tmp_path, "a")
    first.write_plan(plan(), "")
    second = RunFolder.create(tmp_path, "a")  # within the same second
    second.write_plan(plan(), "")
    assert first.folder != second.folder
    assert (tmp_path / "a" / "latest").resolve() == second.folder.resolve()


def test_a_copy_in_the_place_of_the_link_is_no_further_run(run_folder: RunFolder) -> None:
    runs = run_folder.folder.parent
    assert require_latest_link(runs.parent, runs.name) == runs / "latest"
    (runs / "latest").unlink()
    shutil.copytree(run_folder.folder, runs / "latest")
    assert [run.run for run in all_runs(runs.parent)] == [run_folder.run]
    assert [run.run for run in earlier_runs(runs.parent, runs.name)] == [run_folder.run]
    with pytest.raises(RunFolderError, match=r"should be a link .* Move it away"):
        require_latest_link(runs.parent, runs.name)


def test_a_line_cut_short_by_a_crash_is_skipped(run_folder: RunFolder) -> None:
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


def test_a_partly_written_line_is_an_error_and_is_skipped(run_folder: RunFolder) -> None:
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
def test_a_full_disk_is_reported_whatever_is_written(run_folder: RunFolder, write: str) -> None:
    step = trial("wide", 50).step
    (run_folder.folder / "rounds").mkdir()
    for name in ("rounds/01-wide-1.f64", "series/01-wide.jsonl"):
        run_folder.path(name).symlink_to("/dev/full")
    with pytest.raises(DiskFull, match="make room and go on with lab run"):
        if write == "rounds":
            run_folder.write_rounds(trial("wide", 50), [0.1] * 10)
        else:
            run_folder.series_writer(1, step).add({"t": 1})


def test_a_damaged_line_in_the_middle_is_an_error(run_folder: RunFolder) -> None:
    for _ in range(2):
        run_folder.add_trial(trial("narrow", 100))
    file = run_folder.path("trials.jsonl")
    lines = file.read_text().splitlines()
    file.write_text("{broken\n" + lines[1] + "\n")
    with pytest.raises(UnreadableFile, match=r"trials\.jsonl:1: damaged"):
        run_folder.trials()


def test_a_folder_without_a_plan_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="not a run folder"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize(
    ("name", "read"), [("plan.json", RunFolder.plan), ("trials.jsonl", RunFolder.trials)]
)
def test_other_content_is_an_error(run_folder: RunFolder, name: str, read: Any) -> None:
    run_folder.path(name).write_text("{}\n")
    with pytest.raises(RunFolderError, match=rf"{name}.*: not a "):
        read(run_folder)


def test_files_are_written_whole_or_not_at_all(run_folder: RunFolder) -> None:
    before = run_folder.path("plan.json").read_text()
    with pytest.raises(ValueError, match="Out of range"):
        run_folder.write_json("plan.json", {"x": float("nan")})
    assert run_folder.path("plan.json").read_text() == before
    assert not [path for path in run_folder.folder.iterdir() if path.name.endswith(".part")]


def test_attempts_have_verdicts_and_show_edited_bounds(tmp_path: Path) -> None:
    for digest in ("sha256:other", SHIPPED.claim_digest):
        made = RunFolder.create(tmp_path, SHIPPED.name)
        made.write_plan(replace(plan(), claim_digest=digest), SHIPPED.text)
        write_verdict(made)
    RunFolder.create(tmp_path, SHIPPED.name).write_plan(plan(), SHIPPED.text)
    found = attempts(tmp_path, SHIPPED.name, SHIPPED.claim_digest)
    assert [(a.verdict, a.same_claim) for a in found] == [
        ("REFUTED", False),
        ("REFUTED", True),
        ("unfinished", True),
    ]


def test_runs_of_other_commits_are_no_attempts(tmp_path: Path) -> None:
    for commits in ({"before": "a", "after": "b"}, {"before": "a", "after": "c"}, {}):
        made = RunFolder.create(tmp_path, SHIPPED.name)
        made.write_plan(replace(plan(), revisions=commits), SHIPPED.text)
    digest = SHIPPED.claim_digest
    found = attempts(tmp_path, SHIPPED.name, digest, {"before": "a", "after": "b"})
    assert len(found) == 2, "its own, and one that ran the working tree"
    assert len(attempts(tmp_path, SHIPPED.name, digest)) == 3


def test_the_verdict_on_disk_has_its_schema(run_folder: RunFolder) -> None:
    verdict = judge(
        SHIPPED, of_equal_blocks(plan()), blocks({"narrow": [100.0] * 4, "wide": [400.0] * 4})
    )
    run_folder.write_verdict(verdict)
    data = json.loads(run_folder.path("verdict.json").read_text())
    asked = {"schema", "hypothesis", "verdict", "reasons", "blocks", "elapsed_s", "measuring_s"}
    assert asked <= data.keys()
    wanted = {"says", "measure", "estimate", "low", "high", "bound", "outcome"}
    assert all(wanted <= j.keys() for j in (*data["predictions"], *data["rivals"]))
    assert run_folder.verdict_name() == verdict.verdict


def test_a_run_without_a_verdict_has_no_name_of_one(run_folder: RunFolder) -> None:
    assert run_folder.verdict_name() is None


# --- versions ------------------------------------------------------------------------------

READ: dict[str, Callable[[RunFolder], object]] = {
    "plan.json": RunFolder.plan,
    "trials.jsonl": RunFolder.trials,
    "verdict.json": RunFolder.verdict_name,
    "series/01-narrow.unfinished.json": lambda run: run.unfinished_soak_trial(1, Step("narrow")),
}


def written(run_folder: RunFolder) -> None:
    """One file of each type that has a version."""
    run_folder.add_trial(trial("narrow", 100))
    run_folder.add_interval(1, Step("narrow"), {"t": 5}, trial("narrow", 100))
    run_folder.path("series", "01-narrow.intervals.jsonl").unlink()
    write_verdict(run_folder)


def with_schema(file: Path, schema: str | None) -> None:
    data = json.loads(file.read_text())
    if schema is None:
        del data["schema"]
    else:
        data["schema"] = schema
    file.write_text(json.dumps(data) + "\n")


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("version", ["3", "0", "next", ""])
def test_a_file_of_another_version_is_refused(
    run_folder: RunFolder, name: str, version: str
) -> None:
    written(run_folder)
    known = json.loads(run_folder.path(name).read_text())["schema"]
    kind, _, newest = known.partition("/")
    other = f"{kind}/{version}"
    with_schema(run_folder.path(name), other)
    with pytest.raises(UnknownVersion) as refused:
        READ[name](run_folder)
    assert refused.value.exit_code == ExitCode.USAGE
    message = str(refused.value)
    assert str(run_folder.path(name)) in message
    assert f"its schema is {other!r}" in message
    assert f"reads {', '.join(f'{kind}/{n}' for n in range(1, int(newest) + 1))}." in message
    assert "Read it with the version that wrote it, or update the lab" in message


def test_a_file_of_another_type_is_refused(run_folder: RunFolder) -> None:
    written(run_folder)
    with_schema(run_folder.path("plan.json"), "lab.trial/1")
    with pytest.raises(UnknownVersion, match=r"plan\.json: its schema is 'lab\.trial/1'"):
        run_folder.plan()


def test_the_line_of_a_trial_of_another_version_is_named(run_folder: RunFolder) -> None:
    run_folder.add_trial(trial("narrow", 100))
    file = run_folder.path("trials.jsonl")
    file.write_text(file.read_text() + file.read_text().replace("lab.trial/1", "lab.trial/7"))
    with pytest.raises(UnknownVersion, match=r"trials\.jsonl:2: its schema is 'lab\.trial/7'"):
        run_folder.trials()


@pytest.mark.parametrize("name", READ)
def test_a_file_without_a_version_is_of_the_first(run_folder: RunFolder, name: str) -> None:
    written(run_folder)
    before = READ[name](run_folder)
    with_schema(run_folder.path(name), None)
    assert READ[name](run_folder) == before


@pytest.mark.parametrize("verb", ["judge", "report"])
def test_a_command_refuses_a_run_of_another_version(run_folder: RunFolder, verb: str) -> None:
    written(run_folder)
    with_schema(run_folder.path("plan.json"), "lab.plan/3")
    done = lab(verb, str(run_folder.folder))
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"lab: {run_folder.path('plan.json')}: its schema is 'lab.plan/3'"
    )
    assert len(done.stderr.splitlines()) == 1
