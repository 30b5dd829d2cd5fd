"""Reports of several workers become those of one driver, without loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.driver.frame_merge import (
    MergeError,
    Processes,
    ReportNumbers,
    busiest,
    left_out,
    merge_closed,
    merge_frames,
    merge_opened,
    merge_requests,
)
from lab.driver_messages import (
    ArrivalSummary,
    Closed,
    Frame,
    Opened,
    RequestKey,
    RequestSummary,
    ScheduledRequests,
    UnfinishedArrivals,
    WorkerEnd,
    WorkerStart,
)
from lab.stats.latency_histogram import Histogram

LOOK, BUY = RequestKey("/look", "GET"), RequestKey("/buy", "POST")


def histogram(seconds: Sequence[float]) -> Histogram:
    made = Histogram()
    made.add_many(seconds)
    return made


def start(number: int, machine: str = "m", cores: tuple[int, ...] = (0,)) -> WorkerStart:
    return WorkerStart(
        name=f"worker {number}",
        place=f"process {number}",
        users=1,
        machine=machine,
        cores=cores,
        clock_offset_s=0.0,
        clock_error_s=0.0,
        begin_late_s=0.0,
    )


def summary(*seconds: float, errors: int = 0, service: Sequence[float] = ()) -> RequestSummary:
    own = histogram(service) if service else None
    return RequestSummary(len(seconds), errors, histogram(seconds), errors, own)


TWO = (start(1), start(2))
PLACES = {"worker 1": "process 1", "worker 2": "process 2"}


@given(st.lists(st.lists(st.floats(1e-6, 10.0), max_size=20), min_size=1, max_size=5))
def test_merged_histograms_are_that_of_all_requests_at_once(parts: list[list[float]]) -> None:
    groups = [{LOOK: summary(*part)} for part in parts]
    merged = merge_requests(groups)[LOOK]
    together = histogram([each for part in parts for each in part])
    assert merged.latency == together
    assert merged.count == together.count == sum(map(len, parts))
    assert merged.service_latency is None


def test_a_service_latency_of_one_worker_is_merged_with_the_latency_of_others() -> None:
    groups = [
        {LOOK: summary(0.1, 0.2)},
        {LOOK: summary(0.3, errors=1, service=[0.25]), BUY: summary(1)},
    ]
    merged = merge_requests(groups)
    assert merged[LOOK].latency == histogram([0.1, 0.2, 0.3])
    assert merged[LOOK].service_latency == histogram([0.1, 0.2, 0.25])
    assert (merged[LOOK].errors, merged[LOOK].socket_errors) == (1, 1)
    assert merged[BUY].count == 1


def frame(**fields: object) -> Frame:
    made = Frame(t=1.0, in_window=True, users=2)
    return replace(made, **fields)  # type: ignore[arg-type]


def test_a_frame_has_the_sums_and_what_each_worker_did() -> None:
    first = frame(
        requests={LOOK: summary(0.1)},
        by_scheduled_time=(ScheduledRequests(1.0, {LOOK: summary(0.1)}),),
        errors={"404": 1},
        arm_requests=3,
        foreign_hosts={"h": 1},
        ticker_lateness=(0.0, 0.001),
        driver_cpu=0.5,
        arrivals=ArrivalSummary(5, 4, histogram([0.01]), histogram([0.02]), 0.25),
    )
    second = frame(
        users=3,
        requests={LOOK: summary(0.3), BUY: summary(0.2)},
        by_scheduled_time=(
            ScheduledRequests(1.0, {BUY: summary(0.2)}),
            ScheduledRequests(0.5, {LOOK: summary(0.3)}),
        ),
        errors={"404": 2, "500": 1},
        ticker_lateness=(0.5,),
        driver_cpu=0.25,
        arrivals=ArrivalSummary(4, 4, histogram([0.03]), Histogram(), 0.5),
    )
    merged = merge_frames([first, second], TWO)
    assert merged.users == 5
    assert merged.requests[LOOK].latency == histogram([0.1, 0.3])
    assert [group.t for group in merged.by_scheduled_time] == [0.5, 1.0]
    assert merged.by_scheduled_time[1].requests.keys() == {LOOK, BUY}
    assert merged.errors == {"404": 3, "500": 1}
    assert (merged.arm_requests, merged.foreign_hosts) == (3, {"h": 1})
    assert merged.ticker_lateness == (0.5,)  # of the worker that was later
    assert merged.driver_cpu == 0.75  # both on one core
    assert merged.arrivals == ArrivalSummary(9, 8, histogram([0.01, 0.03]), histogram([0.02]), 0.75)
    one, two = merged.by_worker
    assert (one.name, one.users, one.ended, one.scheduled, one.sent) == ("worker 1", 2, 1, 5, 4)
    assert (two.name, two.users, two.ended, two.scheduled, two.sent) == ("worker 2", 3, 2, 4, 4)
    assert (one.lag, two.lag) == (histogram([0.01]), histogram([0.03]))
    assert (one.driver_cpu, two.ticker_lateness) == (0.5, (0.5,))


def test_frames_of_different_times_are_refused_by_name() -> None:
    with pytest.raises(MergeError, match="worker 2 reported the time until 2 s, and worker 1"):
        merge_frames([frame(), frame(t=2.0)], TWO)
    with pytest.raises(MergeError, match="worker 2"):
        merge_frames([frame(), frame(in_window=False)], TWO)
    with pytest.raises(MergeError, match="only some") as raised:
        merge_frames([frame(), frame(arrivals=ArrivalSummary(0, 0))], TWO)
    assert raised.value.worker == "worker 1"


def test_a_second_that_some_workers_left_out_is_their_fault() -> None:
    assert left_out({"worker 1": [], "worker 2": []}) == {}
    faults = left_out({"worker 1": [], "worker 2": [frame(t=2.0), frame(t=3.0)], "worker 3": []})
    assert set(faults) == {"worker 1", "worker 3"}
    assert faults["worker 1"] == "left out the time until 2 s, which others reported"


def test_a_fault_that_one_worker_has_names_it_and_one_that_all_have_does_not() -> None:
    one = frame(task_errors={"raised A": 1, "raised B": 2})
    two = frame(task_errors={"raised A": 4})
    assert merge_frames([one, two], TWO).task_errors == {
        "raised A": 5,
        "raised B in worker 1": 2,
    }


def test_workers_on_one_core_are_busy_together_and_on_several_each_for_itself() -> None:
    def on(cores: tuple[int, ...], *used: float, machine: str = "m") -> list[Processes]:
        return [Processes(machine, cores, each) for each in used]

    assert busiest(on((0,), 0.3, 0.3, 0.3)) == pytest.approx(0.9)
    assert busiest(on((0, 1, 2, 3), 0.9, 0.1)) == 0.9
    assert busiest(on((0, 1), 0.9, 0.8, 0.2)) == pytest.approx(0.95)
    assert busiest([*on((0,), 0.5), *on((0,), 0.5, machine="other")]) == 0.5
    assert busiest(on((0,), 0.5), beside=on((0,), 0.25)) == 0.75


def test_the_begin_is_the_agreed_moment_in_the_time_of_the_driver() -> None:
    opened = [
        Opened(1000.0, 1000.5, 1002.0, errors={"429": 1}, late_s=0.001),
        Opened(5.0, 5.5, 7.0, errors={"429": 2}, late_s=0.25),
    ]
    merged = merge_opened(opened, TWO, started=70.0)
    assert (merged.started, merged.opens, merged.closes) == (70.0, 70.5, 72.0)
    assert (merged.errors, merged.late_s, merged.workers) == ({"429": 3}, 0.25, TWO)


def test_the_end_adds_up_what_was_not_finished() -> None:
    merged = merge_closed(
        {
            "worker 1": Closed(
                drained=True, unfinished=UnfinishedArrivals(1, 2, 3, 4), ended_late=2
            ),
            "worker 2": Closed(drained=True, unfinished=UnfinishedArrivals(10, 20, 30, 40)),
        },
        {},
        PLACES,
    )
    assert merged.unfinished == UnfinishedArrivals(11, 22, 33, 44)
    assert (merged.drained, merged.early, merged.ended_late) == (True, False, 2)
    assert [end.name for end in merged.worker_ends] == ["worker 1", "worker 2"]


def test_a_lost_worker_ends_the_trial_early_and_is_in_its_end() -> None:
    merged = merge_closed(
        {"worker 1": Closed(drained=True)}, {"worker 2": "was ended by SIGKILL"}, PLACES
    )
    assert merged.early and not merged.drained
    assert merged.worker_ends[0].fault is None
    assert merged.worker_ends[1] == WorkerEnd(
        name="worker 2",
        drained=False,
        ended_late=0,
        place="process 2",
        fault="was ended by SIGKILL",
    )


def test_numbers_in_order_have_no_flaw() -> None:
    numbers = ReportNumbers()
    assert [numbers.flaw(number) for number in range(4)] == [None] * 4


@pytest.mark.parametrize(
    ("sent", "flaws"),
    [
        ([0, 2, 3], ["lost 1 of its reports of this trial, from number 1 on"]),
        ([0, 1, 1, 2], ["sent its report 1 of this trial twice"]),
        ([3], ["lost 3 of its reports of this trial, from number 0 on"]),
    ],
)
def test_a_gap_and_a_repeat_are_told(sent: list[int], flaws: list[str]) -> None:
    numbers = ReportNumbers()
    assert [flaw for number in sent if (flaw := numbers.flaw(number))] == flaws
