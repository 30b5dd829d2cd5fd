"""Which workers a run gets: of its file, of the command, of a run that is resumed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from lab.cli.worker_fleet import fleet_of, how_to_join, resume_command
from lab.cli.worker_planning import WorkerOptions, bind_address, plan_workers, resumed_workers
from lab.driver_messages import WORKER_TOKEN, FormFleet
from lab.errors import UsageError
from lab.hypothesis import ClosedLoad, Hypothesis, OpenLoad, Stage
from lab.trials.plan import Plan, PlannedWorkers, draw
from tests.lab.builders import SHIPPED, with_load

FOUR = with_load(SHIPPED, ClosedLoad(50, workers=4))


def planned(options: WorkerOptions, hypothesis: Hypothesis = SHIPPED) -> PlannedWorkers | None:
    return plan_workers(hypothesis, draw(hypothesis, 1, "local"), options).workers


@pytest.mark.parametrize(
    ("hypothesis", "options", "workers"),
    [
        (SHIPPED, WorkerOptions(), None),
        (SHIPPED, WorkerOptions(local=1), None),
        (SHIPPED, WorkerOptions(local=1, expected=1), None),
        (SHIPPED, WorkerOptions(local=4), PlannedWorkers(4)),
        (SHIPPED, WorkerOptions(expected=1), PlannedWorkers(0, 1)),
        (SHIPPED, WorkerOptions(local=2, expected=6), PlannedWorkers(2, 4)),
        (SHIPPED, WorkerOptions(local=2, expected=2), PlannedWorkers(2)),
        (SHIPPED, WorkerOptions(local=0, expected=2), PlannedWorkers(0, 2)),
        (FOUR, WorkerOptions(), PlannedWorkers(4)),
        (FOUR, WorkerOptions(local=1), None),
        (FOUR, WorkerOptions(local=2), PlannedWorkers(2)),
        (FOUR, WorkerOptions(expected=3), PlannedWorkers(0, 3)),
    ],
)
def test_the_command_goes_before_the_file(
    hypothesis: Hypothesis, options: WorkerOptions, workers: PlannedWorkers | None
) -> None:
    assert planned(options, hypothesis) == workers


def test_a_plan_keeps_them_and_one_of_a_single_process_is_as_before() -> None:
    plan = draw(FOUR, 1, "local")
    assert Plan.from_dict(plan.as_dict()).workers == PlannedWorkers(4)
    single = draw(SHIPPED, 1, "local")
    assert "workers" not in single.as_dict()
    assert Plan.from_dict(single.as_dict()).workers is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (WorkerOptions(local=0), "--workers 0: write a number from 1"),
        (WorkerOptions(local=257), "--workers 257: write a number from 1 to 256"),
        (WorkerOptions(expected=0), "--expect-workers 0: write a number from 1"),
        (WorkerOptions(4, 2), "Use --expect-workers 4 or more"),
        (WorkerOptions(51), "50 users cannot be shared by 51 workers. Use 50 workers at most$"),
        (WorkerOptions(2, bind="0.0.0.0:5557"), "no worker of another machine is expected"),
        (WorkerOptions(bind="0.0.0.0:5557"), "no worker of another machine is expected"),
        (WorkerOptions(2, 2, "0.0.0.0:5557"), "no worker of another machine is expected"),
        (WorkerOptions(2, 3, "5557"), "write an address of this machine and a port"),
        (WorkerOptions(2, 3, "::1:5557"), "write an address of this machine and a port"),
        (WorkerOptions(2, 3, "127.0.0.1:0"), "write an address of this machine and a port"),
        (WorkerOptions(2, 3, "127.0.0.1:65536"), "write an address of this machine and a port"),
    ],
)
def test_what_contradicts_itself_is_refused(options: WorkerOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        planned(options)


def test_arrivals_are_enough_for_every_worker() -> None:
    slow = with_load(SHIPPED, OpenLoad("poisson", (Stage(None, 9, 9, None),)))
    assert planned(WorkerOptions(local=3), slow) == PlannedWorkers(3)
    with pytest.raises(UsageError, match=r"about 36 arrivals .* 4 workers need 10 each"):
        planned(WorkerOptions(local=4), slow)


def test_an_address_has_a_host_and_a_port() -> None:
    remote = PlannedWorkers(2, 2)
    assert bind_address(remote, WorkerOptions()) == ("127.0.0.1", 5557)
    assert bind_address(remote, WorkerOptions(bind="[::1]:80")) == ("::1", 80)
    assert bind_address(remote, WorkerOptions(bind="10.0.0.2:6000")) == ("10.0.0.2", 6000)
    assert bind_address(PlannedWorkers(2), WorkerOptions()) is None


def test_a_resumed_run_has_the_workers_of_its_plan(tmp_path: Path) -> None:
    plan = replace(draw(SHIPPED, 1, "local"), workers=PlannedWorkers(2, 1))
    resumed_workers(plan, WorkerOptions(bind="127.0.0.1:6000"), tmp_path)
    resumed_workers(plan, WorkerOptions(2, 3, "127.0.0.1:6000"), tmp_path)
    with pytest.raises(
        UsageError, match="planned with 3 workers, 1 of them joined by lab worker, no"
    ):
        resumed_workers(plan, WorkerOptions(3), tmp_path)
    with pytest.raises(UsageError, match="planned with 1 worker, not 2 workers"):
        resumed_workers(draw(SHIPPED, 1, "local"), WorkerOptions(2), tmp_path)


def test_a_resumed_run_is_told_where_workers_of_other_machines_join(tmp_path: Path) -> None:
    plan = replace(draw(SHIPPED, 1, "local"), workers=PlannedWorkers(2, 1))
    for options in (WorkerOptions(), WorkerOptions(2, 3)):
        with pytest.raises(UsageError, match="Use --bind HOST:PORT"):
            resumed_workers(plan, options, tmp_path)
    resumed_workers(replace(plan, workers=PlannedWorkers(2)), WorkerOptions(), tmp_path)


def test_the_command_that_goes_on_with_a_run_is_whole() -> None:
    assert resume_command("quick", None, "None") == "lab run quick --resume"
    assert resume_command("quick", PlannedWorkers(2), "None") == "lab run quick --resume"
    assert resume_command("quick", PlannedWorkers(2, 1), "10.0.0.2:6000") == (
        f"{WORKER_TOKEN}=... lab run quick --resume --bind 10.0.0.2:6000"
    )


def test_a_fleet_has_a_token_that_nobody_guesses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(WORKER_TOKEN, raising=False)
    first, second = (fleet_of(PlannedWorkers(2), WorkerOptions()) for _ in range(2))
    assert first is not None and second is not None
    assert (first.local, first.remote, first.host, first.port) == (2, 0, "127.0.0.1", 0)
    assert len(first.token) >= 16
    assert first.token != second.token
    assert fleet_of(None, WorkerOptions()) is None


def test_who_set_a_token_is_not_shown_it(monkeypatch: pytest.MonkeyPatch) -> None:
    options, workers = WorkerOptions(expected=2, bind="10.0.0.2:6000"), PlannedWorkers(0, 2)
    monkeypatch.delenv(WORKER_TOKEN, raising=False)
    drawn = fleet_of(workers, options)
    assert isinstance(drawn, FormFleet)
    assert f"with {WORKER_TOKEN}={drawn.token} in its environment" in how_to_join(drawn)
    assert "waiting for 2 workers of other machines at 10.0.0.2:6000" in how_to_join(drawn)
    assert how_to_join(drawn).endswith("by lab worker 10.0.0.2:6000")
    monkeypatch.setenv(WORKER_TOKEN, "s3cret")
    own = fleet_of(workers, options)
    assert own is not None and own.token == "s3cret"
    assert "s3cret" not in how_to_join(own)


@pytest.mark.parametrize("options", [WorkerOptions(2), WorkerOptions(expected=1)])
def test_a_file_that_chose_its_slices_has_no_workers(options: WorkerOptions) -> None:
    sliced = with_load(SHIPPED, ClosedLoad(50, slice_s=0.5))
    with pytest.raises(UsageError, match="Leave --workers out, or remove `slices`"):
        planned(options, sliced)
    assert planned(WorkerOptions(local=1), sliced) is None
