"""Where the job queue comes under pressure first: it refuses, it does not wait."""

from __future__ import annotations

import asyncio

import pytest
from prometheus_client import CollectorRegistry

from service.backoff import Backoff
from service.jobs.queue import JobLimits, JobQueue, QueueFull
from service.metrics import JobMetrics


@pytest.mark.parametrize(("limit", "kept", "refused"), [(5, 5, 995), (0, 1000, 0)])
async def test_a_burst_is_refused_within_one_turn_of_the_loop(
    limit: int, kept: int, refused: int
) -> None:
    registry = CollectorRegistry()
    limits = JobLimits(limit, 1, 1, Backoff(0, 0), drain_s=10)
    stuck = asyncio.Event()
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    async with JobQueue(limits, JobMetrics(registry)) as queue:
        queue.submit("running", stuck.wait)  # type: ignore[arg-type]
        while registry.get_sample_value("job_queue_depth"):
            await asyncio.sleep(0)
        counting = asyncio.create_task(count_turns())
        for number in range(1000):
            try:
                queue.submit(f"job {number}", stuck.wait)  # type: ignore[arg-type]
            except QueueFull:
                continue
        assert turns == 0  # nobody waited for room
        assert registry.get_sample_value("job_queue_depth") == kept
        assert registry.get_sample_value("jobs_rejected_total") == refused
        counting.cancel()
        stuck.set()
