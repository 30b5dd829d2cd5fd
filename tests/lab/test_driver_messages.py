"""The messages between lab and driver: what is encoded is decoded, and nothing else is."""

from __future__ import annotations

import json

import pytest

from lab import driver_messages
from lab.driver_messages import (
    ArrivalSummary,
    Begin,
    Closed,
    ClosedLoadSpec,
    EndLane,
    EndTrial,
    Failed,
    FleetFormed,
    FormFleet,
    Frame,
    LaneEnded,
    LaneReady,
    Loaded,
    LoadScenario,
    Message,
    Notice,
    Opened,
    OpenLoadSpec,
    ProtocolError,
    RateStage,
    Ready,
    RequestKey,
    RequestSummary,
    RunSlice,
    RunTrial,
    ScheduledRequests,
    SliceEnded,
    StartLane,
    UnfinishedArrivals,
    Up,
    WorkerEnd,
    WorkerFrame,
    WorkerShare,
    WorkerStart,
    decode,
    encode,
)
from lab.stats.latency_histogram import Histogram


def histogram(*seconds: float) -> Histogram:
    made = Histogram()
    made.add_many(seconds)
    return made


REQUESTS = {
    RequestKey("/orders", "POST"): RequestSummary(
        2, 1, histogram(0.1, 0.30000000000000004), 1, histogram(0.1, 0.2)
    ),
    RequestKey("/orders", "GET"): RequestSummary(0, 0, Histogram()),
    RequestKey("/"): RequestSummary(0, 0, Histogram()),
}
MESSAGES: list[Message] = [
    LoadScenario("/scenarios/ä b.py", open_load=True),
    RunTrial("http://h", ClosedLoadSpec(4), 0.5, 1.5, "7-1"),
    RunTrial(
        "http://h",
        OpenLoadSpec("poisson", (RateStage(1.0, 2.5, 3.0), RateStage(2.5, 0.0, 1.0)), 100),
        0.5,
        4.0,
        "7-1",
    ),
    Up(),
    Loaded(("Shopper", "Other")),
    Failed("NameError: x\nand more", 3),
    Failed("it hangs", None),
    Failed("it raised", 3, "/project/helper.py"),
    Failed("it gets no TOKEN", None, of_scenario=False),
    Failed("the port is in use", None, of_scenario=False, of_command=True),
    Notice("waits for its import"),
    Opened(1.25, 1.75, 3.25),
    Opened(1.25, 1.75, 3.25, errors={"HTTPError: 429": 3}),
    Frame(t=1.0, in_window=False, users=4),
    Frame(
        t=1.5,
        in_window=True,
        users=4,
        ticker_lateness=(0.0, 0.001),
        driver_cpu=0.25,
        requests=REQUESTS,
        by_scheduled_time=(ScheduledRequests(1.0, REQUESTS), ScheduledRequests(1.5, {})),
        arrivals=ArrivalSummary(5, 4, histogram(0.001), Histogram(), 0.75),
        errors={"HTTPError: 404": 1},
        task_errors={"NameError: x": 2},
    ),
    Closed(drained=True),
    Closed(drained=False, requests=REQUESTS, unfinished=UnfinishedArrivals(1, 2, 3, 4)),
    Closed(drained=True, early=True, task_errors={"raised NameError: x": 2}),
    StartLane("wide", RunTrial("http://127.0.0.1:8000", ClosedLoadSpec(5), 1.0, 4.0, "1-2")),
    RunSlice("wide", 0.25),
    EndLane("wide"),
    LaneReady("wide", 0.004),
    LaneReady("wide", None, errors={"HTTPError: 429": 3}),
    SliceEnded(lane="wide", opened=1.0, closed=1.25, ended=1.5, user_s=0.375, users=5),
    SliceEnded(
        lane="wide",
        opened=1.0,
        closed=1.25,
        ended=1.5,
        user_s=0.375,
        users=5,
        completed=False,
        ticker_lateness=(0.0, 0.001),
        driver_cpu=0.25,
        requests=REQUESTS,
        errors={"HTTPError: 404": 1},
        arm_requests=7,
        foreign_hosts={"example.org": 1},
    ),
    LaneEnded(lane="wide", drained=True),
    LoadScenario("/s.py", open_load=False, files={"scenarios/s.py": "sha256:ab"}),
    FormFleet(local=2, remote=1, host="0.0.0.0", port=5557, token="t", passed=("SHOP_TOKEN",)),
    FleetFormed(("worker 1 (process 7)", "worker 2 (b, 10.0.0.2, process 8)")),
    Notice("1 of 2 workers has joined", of_scenario=False),
    RunTrial("http://h", ClosedLoadSpec(4), 0.5, 1.5, "7-1", WorkerShare(1, 4)),
    Ready(3),
    Begin(1234.5),
    EndTrial(),
    Opened(
        1.25,
        1.75,
        3.25,
        late_s=0.002,
        workers=(
            WorkerStart(
                name="worker 1",
                place="process 7",
                users=3,
                machine="ab",
                cores=(0, 1),
                clock_offset_s=-3.5,
                clock_error_s=0.01,
                begin_late_s=0.002,
            ),
        ),
    ),
    Frame(
        t=1.0,
        in_window=True,
        users=3,
        by_worker=(
            WorkerFrame(
                name="worker 1",
                users=3,
                ended=7,
                ticker_lateness=(0.0, 0.25),
                driver_cpu=0.5,
                scheduled=8,
                sent=7,
                lag=histogram(0.001),
            ),
            WorkerFrame(name="worker 2", users=0, ended=0),
        ),
    ),
    Closed(
        drained=False,
        early=True,
        ended_late=3,
        worker_ends=(
            WorkerEnd(name="worker 1", drained=True, ended_late=3),
            WorkerEnd(name="worker 2", drained=False, ended_late=0, place="b", fault="was lost"),
        ),
    ),
    LaneEnded(lane="wide", drained=False, early=True, task_errors={"raised NameError: x": 2}),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_is_one_line_and_decodes_to_itself(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line) == message


def test_every_kind_of_message_is_covered() -> None:
    assert {type(message).__name__ for message in MESSAGES} == set(driver_messages._KINDS)


def changed(message: Message, **changes: object) -> bytes:
    return json.dumps({**json.loads(encode(message)), **changes}).encode()


def without(message: Message, key: str) -> bytes:
    data = json.loads(encode(message))
    del data[key]
    return json.dumps(data).encode()


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (b"hello", "not a message"),
        (b"[1]", "not a message"),
        (b"{}", "not a message"),
        (changed(Up(), version=driver_messages.VERSION + 1), "messages of version"),
        (changed(Up(), kind="Down"), "no kind of message: 'Down'"),
        (changed(Up(), pid=1), "not a Up"),
        (without(Opened(1.0, 2.0, 3.0), "opens"), "not a Opened"),
        (
            changed(Frame(t=1.0, in_window=True, users=1), requests=[["/", "GET", {}]]),
            "not a Frame",
        ),
    ],
)
def test_what_is_no_message_of_this_version_is_refused(line: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        decode(line)
