"""A sweep from plan to knee, over a real queue whose capacity is known."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lab.experiment import BlockLoop, LoadTrials
from lab.hypothesis import Hypothesis, LoadTest, Step, Sweep, load
from lab.instruments.locust_driver_process import LoadDriver
from lab.machine.cpu_pinning import divide_cores
from lab.processes.child_processes import Children
from lab.runs.run_folder import RunFolder
from lab.trials.plan import draw
from lab.trials.trial import Trial
from tests.default_margins import sweep_curve
from tests.lab.builders import with_load
from tests.queue_server import QueueTarget
from tests.runs import ROOT

pytestmark = pytest.mark.real

PLANTED = ROOT / "tests" / "planted" / "queue"
LEVELS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
RATES = (25.0, 50.0, 100.0, 250.0, 500.0)  # arrivals a second; 200 can be served


@pytest.fixture(scope="module")
def hypothesis() -> Hypothesis:
    """The planted one, with fixed service times of 40 ms: short trials tell enough."""
    planted = load(PLANTED / "hypotheses" / "eight-servers.md", PLANTED)
    return replace(
        planted,
        kind=LoadTest(Sweep("users", LEVELS), warmup_s=0.2, window_s=1.0, budget_s=600.0),
        arms={"eight": {"SERVERS": "8", "SERVICE_MS": "40", "DRAWN": "fixed"}},
    )


@pytest.fixture(scope="module")
def trials(hypothesis: Hypothesis, tmp_path_factory: pytest.TempPathFactory) -> list[Trial]:
    """One block."""
    return swept(hypothesis, tmp_path_factory.mktemp("reports"))


def swept(hypothesis: Hypothesis, reports: Path) -> list[Trial]:
    """One block of a sweep, measured."""
    with Children() as children:
        cores = divide_cores()
        target = QueueTarget(children, cores.target)
        target.start(hypothesis.arms)
        driver = LoadDriver(children, ROOT, cores.driver)
        driver.load(PLANTED / hypothesis.scenario)
        plan = draw(hypothesis, 1, "queue")
        run_folder = RunFolder.create(reports, "eight-servers")
        instrument = LoadTrials(hypothesis, plan, run_folder, target, driver)
        return list(_block(BlockLoop(hypothesis, plan, run_folder, instrument, time.monotonic())))


def _block(experiment: BlockLoop) -> Iterator[Trial]:
    """Every trial of the first block, whatever the gates say of a machine that runs tests."""
    for position, step in enumerate(experiment.plan.orders[0], 1):
        running = experiment.trial(1, position, step)
        while True:
            try:
                next(running)
            except StopIteration as end:
                yield end.value
                break


def test_every_level_is_loaded_with_its_users(trials: list[Trial], hypothesis: Hypothesis) -> None:
    assert sorted(trial.step for trial in trials) == [Step("eight", level) for level in LEVELS]
    assert [trial.step for trial in trials] != hypothesis.steps, "the order is random"
    by_level = {
        trial.level: sum(seen.count for seen in trial.service.requests.values()) for trial in trials
    }
    for users in (1, 2, 4, 8):  # nobody waits: 25 a second each
        assert by_level[users] == pytest.approx(25 * users, rel=0.25)


def test_capacity_and_knee_are_those_of_the_queue(trials: list[Trial]) -> None:
    block = {trial.step: (trial,) for trial in trials}
    curve = sweep_curve("eight", block, closed=True)
    assert curve is not None
    assert curve.bounds is not None
    assert curve.bounds.capacity == pytest.approx(8 / 0.04, rel=0.2)
    assert curve.bounds.knee == pytest.approx(8, rel=0.3)
    assert curve.bounds.think == pytest.approx(0, abs=0.01)
    assert curve.peak == math.inf, "throughput does not fall"


def test_arrivals_show_the_same_queue(hypothesis: Hypothesis, tmp_path: Path) -> None:
    """In requests in flight: past the capacity they pile up."""
    arrivals = with_load(hypothesis, Sweep("rate", RATES, "poisson"))
    block = {trial.step: (trial,) for trial in swept(arrivals, tmp_path)}
    curve = sweep_curve("eight", block, closed=False)
    assert curve is not None
    assert curve.levels == RATES
    assert curve.users[0] == pytest.approx(1, rel=0.5)
    assert curve.users[-1] > 12
    assert curve.bounds is not None
    assert curve.bounds.capacity == pytest.approx(200, rel=0.25)
    assert curve.bounds.knee == pytest.approx(8, rel=0.35)
