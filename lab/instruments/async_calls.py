"""Coroutines awaited from synchronous code, on the event loop of the process.

pytest-benchmark calls the function under test from synchronous code. To await a coroutine there,
that code runs in a greenlet: it switches to the task which started it, the task awaits the
coroutine and switches back (the method of SQLAlchemy's `greenlet_spawn`).
"""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import asyncio  # at run time only where it is used: most benchmarks are not async

Value = TypeVar("Value")


def awaited_or_returned(
    coroutine: Coroutine[Any, Any, Value],
) -> Value | Coroutine[Any, Any, Value]:
    """The coroutine's result; within a running loop the coroutine, for the caller to await."""
    import asyncio

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        loop = process_loop()
    else:
        return coroutine
    return loop.run_until_complete(coroutine)


def process_loop() -> asyncio.AbstractEventLoop:
    """The event loop of this process: the one that is set, or a new one, which is then set."""
    import asyncio

    loop: asyncio.AbstractEventLoop | None = None
    with warnings.catch_warnings(), contextlib.suppress(RuntimeError):  # raised if none is set
        warnings.simplefilter("ignore", DeprecationWarning)
        loop = asyncio.get_event_loop()
    if loop is None or loop.is_closed():
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
    return loop


async def in_task(function: Callable[[], Value]) -> Value:
    """Call a synchronous function whose calls of `await_in_task` are awaited by this task."""
    from greenlet import getcurrent, greenlet

    runner = greenlet(function)
    runner.gr_context = getcurrent().gr_context
    coroutine = runner.switch()
    while not runner.dead:
        try:
            value = await coroutine
        except BaseException:
            coroutine = runner.throw(*sys.exc_info())
        else:
            coroutine = runner.switch(value)
    result: Value = coroutine  # what the function returned
    return result


def await_in_task(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """The coroutine's result. Only within a function that `in_task` calls."""
    from greenlet import getcurrent

    task = getcurrent().parent
    assert task is not None
    result: Value = task.switch(coroutine)
    return result
