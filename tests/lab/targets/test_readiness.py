"""Waiting until a service is ready: when it ends, and what it reports."""

from __future__ import annotations

import pytest

from lab.targets.readiness import await_ready
from lab.targets.target_interface import TargetFailure, TargetUsageError


def test_a_usage_error_ends_the_wait_at_once() -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise TargetUsageError("the file is wrong")

    with pytest.raises(TargetUsageError, match="the file is wrong"):
        await_ready(ask, lambda: None, lambda: "")
    assert len(asked) == 1


def test_a_process_that_ends_ends_the_wait() -> None:
    def ask() -> None:
        raise AssertionError("not asked")

    with pytest.raises(TargetFailure, match="the service ended while starting:\nlast line"):
        await_ready(ask, lambda: "the service ended", lambda: "last line")


def test_a_service_that_never_gets_ready_is_reported_with_the_end_of_its_log(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lab.targets.readiness.READY_S", 0.2)

    def ask() -> None:
        raise TargetFailure("the service of arm narrow is not ready: 503")

    with pytest.raises(TargetFailure, match=r"not ready: 503 \(waited 0\.2 s\):\nlast line"):
        await_ready(ask, lambda: None, lambda: "last line")
