from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest
from prometheus_client import CollectorRegistry

from service.backoff import Backoff
from service.jobs.queue import JobLimits, JobQueue, QueueFull
from service.metrics import JobMetrics

Figures = Callable[[str], float | None]


def _queue(
    waiting: int = 10, workers: int = 1, attempts: int = 3, drain_s: float = 10
) -> tuple[JobQueue, Figures]:
    registry = CollectorRegistry()
    at_once = Backoff(0, 0)
    limits = JobLimits(waiting, workers, attempts, at_once, drain_s)
    return JobQueue(limits, JobMetrics(registry)), registry.get_sample_value


class Held:
    """Jobs that wait until they are let go."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self.go = asyncio.Event()

    def job(self, name: str) -> Callable[[], Awaitable[None]]:
        async def work() -> None:
            self.begun.append(name)
            await self.go.wait()
            self.done.append(name)

        return work


async def _begun(held: Held, count: int) -> None:
    async with asyncio.timeout(30):
        while len(held.begun) < count:
            await asyncio.sleep(0)


async def test_a_full_queue_refuses_at_once() -> None:
    queue, figure = _queue(waiting=2)
    held = Held()
    async with queue:
        queue.submit("a", held.job("a"))
        await _begun(held, 1)
        queue.submit("b", held.job("b"))
        queue.submit("c", held.job("c"))

        with pytest.raises(QueueFull):
            queue.submit("d", held.job("d"))
        with pytest.raises(QueueFull):
            queue.admit()

        assert figure("job_queue_depth") == 2
        assert figure("jobs_rejected_total") == 2
        held.go.set()
    assert held.done == ["a", "b", "c"]
    assert figure("jobs_done_total") == 3
    assert figure("job_queue_depth") == 0
    assert figure("job_queue_wait_seconds_count") == 3


async def test_no_limit_takes_all() -> None:
    queue, figure = _queue(waiting=0)
    held = Held()
    async with queue:
        for number in range(1000):
            queue.submit(str(number), held.job(str(number)))
        assert figure("job_queue_depth") == 1000
        held.go.set()
    assert len(held.done) == 1000


async def test_workers_work_side_by_side() -> None:
    queue, _ = _queue(workers=3)
    held = Held()
    async with queue:
        for name in "abcd":
            queue.submit(name, held.job(name))
        await _begun(held, 3)
        assert held.begun == ["a", "b", "c"]
        held.go.set()


async def test_what_is_under_way_is_not_doubled() -> None:
    queue, _ = _queue()
    held = Held()
    async with queue:
        queue.submit("a", held.job("a"))
        await _begun(held, 1)
        queue.submit("a", held.job("a"))
        assert "a" in queue
        held.go.set()
    assert held.done == ["a"]
    assert "a" not in queue


@pytest.mark.parametrize(("failures", "done", "failed"), [(2, 1, 0), (3, 0, 1)])
async def test_a_job_is_tried_so_often(
    failures: int, done: int, failed: int, caplog: pytest.LogCaptureFixture
) -> None:
    queue, figure = _queue(attempts=3)
    attempts = 0

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts <= failures:
            raise RuntimeError("not yet")

    async with queue:
        queue.submit("stubborn", work)

    assert attempts == 3
    assert (figure("jobs_done_total"), figure("jobs_failed_total")) == (done, failed)
    assert figure("jobs_retried_total") == 2
    assert ("job stubborn failed 3 times" in caplog.text) == bool(failed)
    assert "stubborn" not in queue


async def test_a_failed_job_leaves_its_worker_to_others() -> None:
    queue, _ = _queue(attempts=1)
    held = Held()
    held.go.set()

    async def broken() -> None:
        raise RuntimeError("broken")

    async with queue:
        queue.submit("broken", broken)
        queue.submit("next", held.job("next"))

    assert held.done == ["next"]


async def test_what_is_not_finished_in_time_is_named(caplog: pytest.LogCaptureFixture) -> None:
    queue, _ = _queue(workers=1, drain_s=0.01)
    held = Held()

    async with queue:
        queue.submit("begun", held.job("begun"))
        await _begun(held, 1)
        queue.submit("waiting", held.job("waiting"))

    assert held.done == []
    assert "jobs not finished: begun, waiting" in caplog.text


async def test_a_queue_that_ends_takes_nothing_on(caplog: pytest.LogCaptureFixture) -> None:
    queue, _ = _queue()
    with pytest.raises(QueueFull):
        queue.submit("early", Held().job("early"))
    async with queue:
        pass
    with caplog.at_level(logging.WARNING), pytest.raises(QueueFull):
        queue.submit("late", Held().job("late"))
    assert not caplog.records
