"""A pytest plugin that replaces the fixture of pytest-benchmark and profiles the function.

pytest-benchmark pauses every profiler while it measures, so its own fixture cannot be profiled.
This one calls the function again and again under pyinstrument; the profile shows nothing else.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab.instruments.service_profiler import INTERVAL_S, OUTPUT, PROFILE_S


class ProfilingFixture:
    """Replaces `BenchmarkFixture`, as far as benchmark files commonly use it."""

    def __init__(self) -> None:
        self.extra_info: dict[str, Any] = {}
        self.group: str | None = None

    def __call__(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call it for `PROFILE_S`; returns the last result."""
        return self.pedantic(function, args, kwargs)

    def pedantic(
        self,
        target: Callable[..., Any],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
        setup: Callable[[], Any] | None = None,
        **_: Any,
    ) -> Any:
        """The same with a set-up before each call."""
        from pyinstrument import Profiler

        profiler = Profiler(interval=INTERVAL_S, async_mode="disabled")
        until = time.perf_counter() + PROFILE_S
        with profiler:
            while True:
                args, kwargs = (setup() if setup else None) or (args, kwargs)
                result = target(*args, **(kwargs or {}))
                if time.perf_counter() > until:
                    break
        assert profiler.last_session is not None
        profiler.last_session.save(Path(os.environ[OUTPUT]))
        return result


@pytest.fixture
def benchmark() -> ProfilingFixture:
    """Replaces the fixture of that name of pytest-benchmark."""
    return ProfilingFixture()
