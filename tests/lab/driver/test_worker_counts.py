"""What workers report of a load is what its server saw of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.worker_bench import closed_trial, open_trial, worker_bench

pytestmark = pytest.mark.slow


def test_users_begin_together_and_every_request_is_counted_once(tmp_path: Path) -> None:
    with worker_bench(tmp_path, 2, open_load=False, pause_s=0.02) as made:
        seen, served = made.measure(closed_trial(11, 1.0, warmup_s=0.3))
    assert seen.requests == served > 100
    assert sum(seen.by_worker.values()) + (seen.closed.ended_late if seen.closed else 0) == served
    assert seen.opened is not None
    assert [worker.users for worker in seen.opened.workers] == [6, 5]
    assert {frame.users for frame in seen.window} == {11}


def test_one_schedule_is_dealt_out(tmp_path: Path) -> None:
    trial = open_trial(150.0, 1.5, warmup_s=0.3, seed="dealt")
    for folder in ("one", "three"):
        (tmp_path / folder).mkdir()
    with worker_bench(tmp_path / "one", 1, open_load=True) as single:
        alone, _ = single.measure(trial)
    with worker_bench(tmp_path / "three", 3, open_load=True) as made:
        seen, served = made.measure(trial)
    assert seen.scheduled == alone.scheduled > 200
    assert seen.sent + seen.unsent == seen.scheduled
    assert seen.sent == seen.requests == served
    by_worker = [sum(p.scheduled for f in seen.frames for p in f.by_worker if p.name == name)
                 for name in seen.by_worker]  # fmt: skip
    assert max(by_worker) - min(by_worker) <= 1
