"""Results that are not computed yet: who measures the call that returned one measures nothing."""

from __future__ import annotations

import concurrent.futures
import contextlib
import csv
import inspect
import re
import subprocess
import threading
from typing import Any, NamedTuple

# kinds of which nothing says that they were computed before: a cursor of a database was
_LAZY = (map, filter, zip, enumerate, type(csv.reader(())), type(re.finditer("", "")))
_POOLED = frozenset({"ApplyResult", "MapResult", "IMapIterator", "IMapUnorderedIterator"})
_EXHAUST = "Hand over a function that exhausts it, as in `lambda: list(rows())`"


class Unfinished(NamedTuple):
    """What was returned, and what to hand over instead."""

    what: str
    remedy: str


def unfinished(result: Any) -> Unfinished | None:
    """Why a result is not computed yet; None if it is, as far as can be seen."""
    kind = type(result).__name__
    if inspect.isgenerator(result):
        return Unfinished("a generator, which runs nothing until it is iterated", _EXHAUST)
    if inspect.isasyncgen(result):
        return Unfinished(
            "an async generator, which runs nothing until it is iterated",
            "Hand over an `async def` function that exhausts it with `async for`",
        )
    if isinstance(result, _LAZY) or type(result).__module__ == "itertools":
        what = f"a lazy iterator ({kind}), which computes nothing until it is iterated"
        return Unfinished(what, _EXHAUST)
    if isinstance(result, contextlib._GeneratorContextManagerBase):
        return Unfinished(
            "a context manager whose body has not run",
            "Hand over a function that enters it in a `with` block",
        )
    if isinstance(result, concurrent.futures.Future):
        return Unfinished(
            f"a {kind} whose work nothing waits for",
            "Hand over a function that waits for it, as in `lambda: pool.submit(work).result()`",
        )
    if type(result).__module__ == "multiprocessing.pool" and kind in _POOLED:
        return Unfinished(
            f"a result of a pool ({kind}) that nothing waits for",
            "Hand over a function that waits for it, as in `lambda: pool.map(work, items)`",
        )
    if isinstance(result, threading.Thread) and result.is_alive():
        return Unfinished(
            "a thread that is still running", "Hand over a function that waits for its `join()`"
        )
    if isinstance(result, subprocess.Popen) and result.poll() is None:
        return Unfinished(
            "a process that is still running", "Hand over a function that waits for its `wait()`"
        )
    if inspect.isawaitable(result):
        return Unfinished(
            f"an awaitable ({kind}) that nothing awaits",
            "Hand over an `async def` function that awaits it",
        )
    return None
