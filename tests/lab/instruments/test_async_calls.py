"""Coroutines awaited from synchronous code."""

from __future__ import annotations

import asyncio
import contextvars

import pytest

from lab.instruments.async_calls import (
    await_in_task,
    awaited_or_returned,
    in_task,
    process_loop,
)

SEEN = contextvars.ContextVar("SEEN", default=0)


async def double(number: int) -> int:
    await asyncio.sleep(0)
    return 2 * number


async def fail() -> None:
    await asyncio.sleep(0)
    raise LookupError("nothing there")


def test_a_coroutine_is_awaited_on_the_loop_of_the_process() -> None:
    assert awaited_or_returned(double(4)) == 8
    loop = process_loop()
    assert process_loop() is loop
    loop.close()
    assert process_loop() is not loop


async def test_within_a_running_loop_the_caller_awaits_it() -> None:
    coroutine = awaited_or_returned(double(4))
    assert asyncio.iscoroutine(coroutine)
    assert await coroutine == 8


async def test_synchronous_code_awaits_in_the_task_that_called_it() -> None:
    task = asyncio.current_task()

    async def current() -> object:
        return asyncio.current_task()

    def work() -> list[object]:
        return [await_in_task(double(n)) for n in range(3)] + [await_in_task(current())]

    assert await in_task(work) == [0, 2, 4, task]


async def test_it_has_the_context_of_its_task() -> None:
    SEEN.set(5)
    assert await in_task(SEEN.get) == 5


async def test_errors_reach_the_code_that_awaits_and_then_its_caller() -> None:
    def handled() -> str:
        try:
            await_in_task(fail())
        except LookupError as error:
            return str(error)
        return ""

    assert await in_task(handled) == "nothing there"
    with pytest.raises(LookupError, match="nothing there"):
        await in_task(lambda: await_in_task(fail()))


async def test_a_cancelled_task_ends_the_synchronous_code() -> None:
    ended = []

    def work() -> None:
        try:
            await_in_task(asyncio.sleep(60))
        finally:
            ended.append(True)

    task = asyncio.create_task(in_task(work))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == [True]
