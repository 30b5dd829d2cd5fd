"""The benchmarks of clients fail on counts that do not add up, and never on speed."""

from __future__ import annotations

import dataclasses

import pytest

from lab.driver_messages import ArrivalSummary, Frame, RequestKey, RequestSummary
from lab.stats.latency_histogram import Histogram
from lab.trials.trial import Dispatch, LoadEvidence
from tests.bench import lean_client, open_rate
from tests.bench.http_clients import USERS, Round, Wrk
from tests.bench.lean_client import Served

SLOW, QUICK = Round(100, 0, 1.0, 0.5), Round(800, 0, 1.0, 0.5)
WRK = Wrk("http://127.0.0.1:1/", (0,))


class Exact:
    name = "users"
    exact = True

    def run(self, seconds: float) -> Round:
        return dataclasses.replace(SLOW, seconds=seconds)

    def end(self) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("served", "wrong"),
    [
        (Served(SLOW, 100, 0.1), []),
        (Served(SLOW, 101, 0.1), ["users: 100 counted, 101 served"]),
        (Served(SLOW, 99, 0.1), ["users: 100 counted, 99 served"]),
        (Served(Round(100, 3, 1.0, 0.5), 100, 0.1), ["users: 3 failures"]),
    ],
)
def test_events_are_as_many_as_the_server_counts(served: Served, wrong: list[str]) -> None:
    assert lean_client.miscounts(Exact(), [served]) == wrong


def test_wrk_may_drop_what_is_under_way_at_the_end() -> None:
    assert not lean_client.miscounts(WRK, [Served(SLOW, 100 + USERS, 0.1)])
    assert lean_client.miscounts(WRK, [Served(SLOW, 101 + USERS, 0.1)])
    assert lean_client.miscounts(WRK, [Served(SLOW, 99, 0.1)])


def test_ratios_are_of_rates_and_of_processor_time() -> None:
    taken = {"a": [Served(QUICK, 800, 0.1)] * 3, "b": [Served(SLOW, 100, 0.1)] * 3}
    told = lean_client.compared(taken, "a", "b", aim=6.0)
    assert told.startswith("  a / b, 99 %: 8.00 [8.00 to 8.00]; aim at least 6: met; ")
    assert told.endswith("processor time 8.00 [8.00 to 8.00]")
    assert "aim at least 9: not met" in lean_client.compared(taken, "a", "b", aim=9.0)


def frame(sent: int, errors: int = 0) -> Frame:
    seen = {RequestKey("/", "GET"): RequestSummary(sent, errors, Histogram(), 0)}
    arrivals = ArrivalSummary(scheduled=sent, sent=sent)
    return Frame(t=1.0, in_window=True, users=1, requests=seen, arrivals=arrivals)


@pytest.mark.parametrize(
    ("dispatch", "frames", "served", "wrong"),
    [
        (Dispatch(20, 19, 1, 0, 0.0, 0.0, 1), [frame(10), frame(10)], 20, []),
        (Dispatch(20, 18, 1, 0, 0.0, 0.0, 1), [frame(20)], 20, ["20 scheduled, 18 sent, 1 unsent"]),
        (Dispatch(20, 20, 0, 0, 0.0, 0.0, 1), [frame(20, 2)], 20, ["2 requests failed"]),
        (
            Dispatch(20, 20, 0, 0, 0.0, 0.0, 1),
            [frame(20)],
            19,
            ["20 arrivals sent from the begin on, 19 requests served"],
        ),
    ],
)
def test_arrivals_are_as_many_as_the_server_counts(
    dispatch: Dispatch, frames: list[Frame], served: int, wrong: list[str]
) -> None:
    assert list(open_rate.miscounts(LoadEvidence(dispatch=dispatch), frames, served)) == wrong
