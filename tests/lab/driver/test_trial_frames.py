"""Processor time from frame to frame."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from lab.driver.trial_frames import CpuMeter


def test_what_a_moment_used_is_no_share_of_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    now, used = [100.0], [1.0]
    clocks = SimpleNamespace(monotonic=lambda: now[0], process_time=lambda: used[0])
    monkeypatch.setattr("lab.driver.trial_frames.time", clocks)
    meter = CpuMeter(100.0)
    now[0], used[0] = 101.0, 1.25
    assert meter.take(0.5) == 0.25
    now[0], used[0] = 101.002, 1.252
    assert meter.take(0.5) == 0.25, "the value before"
    now[0], used[0] = 102.0, 1.5
    assert meter.take(0.5) == 0.25, "the moment is part of the next second"
    now[0], used[0] = 102.25, 1.75
    assert meter.take() == 1.0
