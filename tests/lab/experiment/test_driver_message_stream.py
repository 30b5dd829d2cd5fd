"""Messages of a driver that come too late for their interval."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from lab.driver_messages import Closed, Frame, Opened, TrialMessage, WorkerEnd
from lab.experiment.driver_message_stream import DriverStream, WorkerLost


def messages() -> Iterator[TrialMessage]:
    yield Opened(0.0, 0.0, 3.0)
    yield Frame(t=1.0, in_window=True, users=1)
    yield Frame(t=2.0, in_window=True, users=1, task_errors={"raised A": 1})
    time.sleep(0.1)
    late = {"elsewhere": 2}
    yield Frame(t=3.0, in_window=True, users=1, task_errors={"raised A": 2}, foreign_hosts=late)
    yield Closed(drained=True, task_errors={"raised B": 1}, foreign_hosts={"elsewhere": 1})


def test_a_lost_worker_is_the_reason_and_not_the_scenario() -> None:
    end = WorkerEnd(
        name="worker 2", drained=False, ended_late=0, place="process 5", fault="was lost"
    )
    lost = Closed(drained=False, early=True, worker_ends=(end,))
    stream = DriverStream(iter([Opened(0.0, 0.0, 3.0), lost]), "wide")
    stream.opening()
    with pytest.raises(WorkerLost) as found:
        stream.close()
    told = "Of the workers that load arm wide: worker 2 (process 5) was lost."
    assert str(found.value) == told


def test_faults_of_frames_that_no_interval_has_taken_are_kept() -> None:
    stream = DriverStream(messages(), "wide")
    stream.opening()
    frames = list(stream.frames(until=1.5, deadline=time.monotonic() + 0.05))
    assert [frame.t for frame in frames] == [1.0]
    closed = stream.close()
    assert closed.task_errors == {"raised A": 3, "raised B": 1}
    assert closed.foreign_hosts == {"elsewhere": 3}
