from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from datetime import UTC, datetime

import pytest
from typing_extensions import override

from service.orders.feed import ProgressFeed
from service.orders.progress import STATUSES, ProgressChanges, Step
from service.unit_of_work.fake import FakeUnitOfWork

NEVER_S = 3600.0
THEN = datetime(2026, 1, 1, tzinfo=UTC)
STORY = [Step(seq, status, THEN) for seq, status in enumerate(STATUSES, 1)]


class SteppingWork(FakeUnitOfWork):
    """Takes the next step right after each reading, before the reader can wait for it."""

    def __init__(self, changes: ProgressChanges) -> None:
        super().__init__({}, {})
        self.progress.steps[1] = STORY[:1]
        self._changes = changes

    @override
    async def _end(self) -> None:
        await super()._end()
        self.progress.steps[1] = STORY[: len(self.progress.steps[1]) + 1]
        self._changes.announce([1])


class CountedChanges(ProgressChanges):
    """Knows how many follow."""

    followers = 0

    @override
    @contextmanager
    def changed(self, order_id: int) -> Iterator[asyncio.Event]:
        self.followers += 1
        try:
            with super().changed(order_id) as changed:
                yield changed
        finally:
            self.followers -= 1


@pytest.fixture
def changes() -> CountedChanges:
    return CountedChanges()


@pytest.fixture
def work() -> FakeUnitOfWork:
    work = FakeUnitOfWork({}, {})
    work.progress.steps[1] = STORY[:2]
    return work


async def all_of(steps: AsyncGenerator[Step | None]) -> list[Step | None]:
    async with asyncio.timeout(10):
        return [step async for step in steps]


@pytest.mark.parametrize("seen", range(4))
async def test_it_tells_what_follows_and_ends_with_the_final_step(
    work: FakeUnitOfWork, changes: ProgressChanges, seen: int
) -> None:
    work.progress.steps[1] = STORY
    feed = ProgressFeed(lambda: work, changes, NEVER_S)

    assert await all_of(feed.follow(1, seen)) == STORY[seen:]


async def test_a_step_taken_while_reading_is_not_missed(changes: ProgressChanges) -> None:
    work = SteppingWork(changes)
    feed = ProgressFeed(lambda: work, changes, NEVER_S, look_s=NEVER_S)

    assert await all_of(feed.follow(1, 0)) == STORY


async def test_a_step_of_another_process_is_found_by_looking(
    work: FakeUnitOfWork, changes: ProgressChanges
) -> None:
    feed = ProgressFeed(lambda: work, changes, NEVER_S, look_s=0.001)
    async with aclosing(feed.follow(1, 1)) as steps:
        assert await anext(steps) == STORY[1]
        work.progress.steps[1] = STORY

        assert await all_of(steps) == STORY[2:]


async def test_it_holds_no_connection_and_forgets_the_order_when_left(
    work: FakeUnitOfWork, changes: CountedChanges
) -> None:
    feed = ProgressFeed(lambda: work, changes, NEVER_S, look_s=NEVER_S)
    heard: list[Step | None] = []

    async def follow() -> None:
        async with aclosing(feed.follow(1, 0)) as steps:
            async for step in steps:
                heard.append(step)

    following = asyncio.create_task(follow())
    while len(heard) < 2:
        await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not work.open
    assert changes.followers == 1

    following.cancel()
    with pytest.raises(asyncio.CancelledError):
        await following
    assert changes.followers == 0


async def test_it_says_when_it_has_been_quiet(
    work: FakeUnitOfWork, changes: ProgressChanges
) -> None:
    feed = ProgressFeed(lambda: work, changes, heartbeat_s=0, look_s=0)
    async with aclosing(feed.follow(1, 1)) as steps:
        assert [await anext(steps) for _ in range(3)] == [STORY[1], None, None]


async def test_it_ends_when_the_service_stops(
    work: FakeUnitOfWork, changes: ProgressChanges
) -> None:
    feed = ProgressFeed(lambda: work, changes, NEVER_S, look_s=0)
    async with aclosing(feed.follow(1, 1)) as steps:
        assert await anext(steps) == STORY[1]
        feed.stop()

        assert await all_of(steps) == []
