"""Results that are not computed yet."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import csv
import itertools
import re
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import pytest

from lab.instruments.unfinished_results import unfinished


def rows() -> Iterator[int]:
    yield 1


async def async_rows() -> AsyncIterator[int]:
    yield 1


@contextlib.contextmanager
def entered() -> Iterator[None]:
    yield


class Awaitable:
    def __await__(self) -> Iterator[None]:
        yield


@pytest.mark.parametrize(
    ("result", "what"),
    [
        (rows(), "a generator, which runs nothing until it is iterated"),
        ((n for n in (1, 2)), "a generator"),
        (async_rows(), "an async generator"),
        (map(str, [1]), "a lazy iterator (map)"),
        (filter(None, [1]), "a lazy iterator (filter)"),
        (zip([1], [2], strict=True), "a lazy iterator (zip)"),
        (itertools.chain([1]), "a lazy iterator (chain)"),
        (csv.reader(["1"]), "a lazy iterator (reader)"),
        (re.finditer("a", "a"), "a lazy iterator (callable_iterator)"),
        (entered(), "a context manager whose body has not run"),
        (concurrent.futures.Future(), "a Future whose work nothing waits for"),
        (Awaitable(), "an awaitable (Awaitable) that nothing awaits"),
    ],
)
def test_it_is_described_with_what_to_hand_over(result: Any, what: str) -> None:
    found = unfinished(result)
    assert found is not None
    assert found.what.startswith(what)
    assert found.remedy.startswith("Hand over a")


def test_a_finished_result_is_let_through(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w+") as file:
        results: tuple[Any, ...] = (None, 7, [], "text", iter([1]), file, Path)
        for result in results:
            assert unfinished(result) is None


def test_work_of_threads_and_processes_is_not_finished_until_it_ends() -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with ThreadPool(1) as pool:
        thread.start()
        results = {
            "a thread that is still running": thread,
            "a process that is still running": process,
            "a result of a pool (ApplyResult) that nothing waits for": pool.apply_async(int),
            "a result of a pool (MapResult) that nothing waits for": pool.map_async(int, "1"),
            "a result of a pool (IMapIterator) that nothing waits for": pool.imap(int, "1"),
        }
        for what, result in results.items():
            found = unfinished(result)
            assert found is not None and found.what == what
            assert found.remedy.startswith("Hand over a function that waits for")
    go_on.set()
    thread.join()
    process.communicate(b"\n")
    assert unfinished(thread) is None and unfinished(process) is None


async def test_a_task_is_not_finished() -> None:
    task = asyncio.ensure_future(asyncio.sleep(0))
    found = unfinished(task)
    assert found is not None
    assert found.what == "an awaitable (Task) that nothing awaits"
    await task
