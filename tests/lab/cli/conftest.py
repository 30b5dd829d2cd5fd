from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


@pytest.fixture
def signal_handlers() -> Iterator[None]:
    """Restores the signal handlers that a test replaces."""
    before = {number: signal.getsignal(number) for number in (*SIGNALS, signal.SIGALRM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def own_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine lock of this test's own, so that a real run on this machine does not matter."""
    address = f"\0bottleneck-lab-test-{os.getpid()}-{time.monotonic_ns()}"
    monkeypatch.setattr("lab.machine.run_lock._ADDRESS", address)
