"""Profiles of the function under test: calls it over and over under pyinstrument.

pytest-benchmark pauses every profiler while it measures, so that its rounds cannot be profiled.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lab.instruments.service_profiler import INTERVAL_S, PROFILE_S

if TYPE_CHECKING:
    from pyinstrument import Profiler


def profile_calls(call: Callable[[], Any], output: Path) -> None:
    """Call a function for a while and write the profile."""
    profiler = _profiler("disabled")
    ends_at = time.perf_counter() + PROFILE_S
    with profiler:
        while time.perf_counter() < ends_at:
            call()
    _write(profiler, output)


async def profile_awaited_calls(call: Callable[[], Awaitable[Any]], output: Path) -> None:
    """The same with a function whose calls are awaited."""
    profiler = _profiler("enabled")
    ends_at = time.perf_counter() + PROFILE_S
    with profiler:
        while time.perf_counter() < ends_at:
            await call()
    _write(profiler, output)


def _profiler(async_mode: Literal["enabled", "disabled"]) -> Profiler:
    from pyinstrument import Profiler  # heavy, and most processes write no profile

    return Profiler(interval=INTERVAL_S, async_mode=async_mode)


def _write(profiler: Profiler, output: Path) -> None:
    assert profiler.last_session is not None
    profiler.last_session.save(output)
