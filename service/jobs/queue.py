"""A bounded queue of jobs within the process, and the workers that do them."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Self

from service.backoff import Backoff
from service.errors import ServiceError
from service.metrics import JobMetrics

_logger = logging.getLogger(__name__)

Work = Callable[[], Awaitable[None]]


class QueueFull(ServiceError):
    """As many jobs wait as may wait."""

    code = "queue_full"


@dataclass(frozen=True, slots=True)
class JobLimits:
    """How much work is taken on, and how hard it is tried."""

    waiting: int
    workers: int
    attempts: int
    backoff: Backoff
    drain_s: float


@dataclass(frozen=True, slots=True)
class _Job:
    name: str
    work: Work
    since: float


class JobQueue:
    """Does jobs in the order they came while entered; on leaving, it finishes what it has."""

    def __init__(self, limits: JobLimits, metrics: JobMetrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._waiting: asyncio.Queue[_Job] = asyncio.Queue(limits.waiting)
        self._unfinished: dict[str, _Job] = {}
        self._workers: list[asyncio.Task[None]] = []
        self._open = False
        metrics.depth.set_function(self._waiting.qsize)

    async def __aenter__(self) -> Self:
        self._open = True
        self._workers = [asyncio.create_task(self._serve()) for _ in range(self._limits.workers)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        try:
            async with asyncio.timeout(self._limits.drain_s):
                await self._waiting.join()
        except TimeoutError:
            _logger.warning("jobs not finished: %s", ", ".join(self._unfinished))
        finally:
            for worker in self._workers:
                worker.cancel()
            await asyncio.gather(*self._workers, return_exceptions=True)

    def __contains__(self, name: str) -> bool:
        """Whether a job of this name waits or is being done."""
        return name in self._unfinished

    def admit(self) -> None:
        """Refuse, at once, where another job would be refused."""
        if self._waiting.full() or not self._open:
            self._metrics.rejected.inc()
            raise QueueFull("too many jobs are waiting; try again later")

    def submit(self, name: str, work: Work) -> None:
        """Take a job on, or refuse it at once; one that is under way already is not doubled."""
        if name in self:
            return
        self.admit()
        job = self._unfinished[name] = _Job(name, work, perf_counter())
        self._waiting.put_nowait(job)

    async def _serve(self) -> None:
        while True:
            job = await self._waiting.get()
            self._metrics.wait.observe(perf_counter() - job.since)
            try:
                await self._attempt(job)
            finally:
                # A job that the end of the service cuts off stays among the unfinished.
                self._waiting.task_done()

    async def _attempt(self, job: _Job) -> None:
        for attempt in range(1, self._limits.attempts + 1):
            try:
                await job.work()
            except Exception as error:
                if attempt == self._limits.attempts:
                    self._metrics.failed.inc()
                    _logger.exception("job %s failed %d times", job.name, attempt)
                else:
                    self._metrics.retried.inc()
                    _logger.warning("job %s failed: %s; again", job.name, error)
                    await asyncio.sleep(self._limits.backoff.delay_s(attempt))
            else:
                self._metrics.done.inc()
                break
        del self._unfinished[job.name]
