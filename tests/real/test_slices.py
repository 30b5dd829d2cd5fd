"""Arms that are loaded in slices, for real: what they leave behind, and what interrupts a block."""

from __future__ import annotations

import json
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.experiment import BlockLoop, LoadTrials
from lab.hypothesis import ClosedLoad, Hypothesis, LoadTest, load
from lab.instruments.locust_driver_process import LoadDriver
from lab.machine.cpu_pinning import divide_cores
from lab.processes.child_processes import Children
from lab.runs.run_folder import RunFolder
from lab.trials.block_grouping import group_trials
from lab.trials.plan import draw
from lab.trials.trial import LoadEvidence, Trial
from tests.deferred_server import DeferredTarget
from tests.disturbances import kill
from tests.lab.builders import ratio
from tests.runs import QUICK_SLICES, ROOT, Running, copy_project, gone, lab, started
from tests.undisturbed import is_of_the_machine, skip_if_disturbed, undisturbed

pytestmark = pytest.mark.real

PLANTED = ROOT / "tests" / "planted"
ARMS = {
    "prompt": {"WORK_MS": "3", "DEFERRED_MS": "0", "DELAY_MS": "0"},
    "deferring": {"WORK_MS": "2", "DEFERRED_MS": "2", "DELAY_MS": "1000"},
}


def deferring() -> Hypothesis:
    """An arm whose answers are quicker, and that needs more work all in all."""
    planted = load(PLANTED / "queue" / "hypotheses" / "eight-servers.md", PLANTED / "queue")
    return replace(
        planted,
        kind=LoadTest(ClosedLoad(4), warmup_s=1.5, window_s=4.0, budget_s=120.0),
        arms=ARMS,
        control="prompt",
        predictions=(ratio(0.5, "deferring / prompt"),),
        rivals=(),
    )


def measured(hypothesis: Hypothesis, reports: Path) -> tuple[BlockLoop, RunFolder]:
    """A run to its end."""
    with Children() as children:
        cores = divide_cores()
        target = DeferredTarget(children, cores.target)
        target.start(hypothesis.arms)
        driver = LoadDriver(children, ROOT, cores.driver)
        driver.load(PLANTED / "queue" / hypothesis.scenario)
        plan = draw(hypothesis, 1, "queue")
        run_folder = RunFolder.create(reports, "deferring")
        instrument = LoadTrials(hypothesis, plan, run_folder, target, driver)
        loop = BlockLoop(hypothesis, plan, run_folder, instrument, time.monotonic())
        for _ in loop.run():
            pass
        return loop, run_folder


def slices_of(trial: Trial) -> int:
    assert isinstance(trial.evidence, LoadEvidence)
    return len(trial.evidence.slices)


def test_work_that_is_done_later_makes_windows_whole_and_the_ratio_right(tmp_path: Path) -> None:
    """In slices the deferring arm would seem faster; it needs 4 ms for a request, not 2."""
    loop, run_folder = measured(deferring(), tmp_path)
    trials = run_folder.trials()
    void = [trial for trial in trials if trial.faults and not is_of_the_machine(trial.faults[0])]
    assert {trial.faults[0].gate for trial in void} == {"carry_over"}
    assert all(slices_of(trial) for trial in void)
    if loop.interim_verdict.verdict in ("INVALID", "INCONCLUSIVE"):
        skip_if_disturbed(trials, loop.plan)
    counted = group_trials(trials, loop.plan).complete
    assert len(counted) >= 4
    assert not any(slices_of(each) for block in counted for own in block.values() for each in own)
    (prediction,) = loop.interim_verdict.predictions
    assert prediction.estimate == pytest.approx(3 / 4, rel=0.1)
    (entry,) = [e for e in run_folder.journal() if e["event"] == "slices changed"]
    assert entry["rounds"] == 1


def sliced_project(folder: Path) -> Path:
    project = copy_project(folder)
    shutil.copy(PLANTED / "listing.py", project / "scenarios")
    shutil.copy(QUICK_SLICES, project / "hypotheses")
    return project


def test_a_block_in_slices_that_is_interrupted_or_killed_is_repeated(tmp_path: Path) -> None:
    project = sliced_project(tmp_path)
    with started("quick-slices", "--seed=1", project=project) as first:
        wait_for_slices(first, block=2)
        family = first.family()
        first.process.send_signal(signal.SIGINT)
        said = first.process.communicate(timeout=30)[1]
        assert first.process.returncode == 130
        assert "--resume continues" in said
        assert gone(family, 10), "processes are left after an interrupt"
    kept = trials_in(first.folder)
    assert {trial["block"] for trial in kept} == {1}
    with started("quick-slices", "--resume", project=project) as second:
        wait_for_slices(second, block=3, folder=first.folder)
        family = second.family()
        kill(second.process.pid)
        assert gone(family, 10), "processes are left after kill -9"
    assert trials_in(first.folder)[: len(kept)] == kept
    done = undisturbed(lab("run", "quick-slices", "--resume", "--no-profile", project=project))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "CONFIRMED" in done.stdout
    trials = trials_in(first.folder)
    assert len({(trial["block"], trial["arm"]) for trial in trials}) == len(trials)
    assert all(len(trial["slices"]) == 5 for trial in trials if not trial["faults"])


def wait_for_slices(running: Running, block: int, folder: Path | None = None) -> None:
    """Wait until an arm of a block has rows of a few slices on disk."""
    series = (folder or running.folder) / "series"

    def look() -> bool:
        files = list(series.glob(f"{block:02d}-*.jsonl"))
        return any(len(file.read_text().splitlines()) >= 3 for file in files)

    running.wait_for(look, 120)


def trials_in(folder: Path) -> list[dict[str, Any]]:
    lines = (folder / "trials.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]
