from __future__ import annotations

import os
import time

import pytest

from lab.machine.processor_time import (
    ProcessTime,
    core_times,
    parse_stat,
    process_times,
)

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
STAT = """\
cpu  30 0 30 300 0 0 0 9 0 0
cpu0 10 1 20 100 50 2 3 4 0 0
cpu3 20 0 10 200 0 0 0 5 7 0
intr 5 0
"""


def test_the_time_of_each_core_is_read_by_its_number() -> None:
    """A core that is offline has no line; idle time and waiting for a disk are not busy."""
    times = core_times(STAT)
    assert times.keys() == {0, 3}
    assert times[0] == pytest.approx((36 * TICK_S, 4 * TICK_S))
    assert times[3] == pytest.approx((30 * TICK_S, 5 * TICK_S))


def test_the_cores_of_this_machine_have_been_busy() -> None:
    times = core_times()
    assert os.sched_getaffinity(0) <= times.keys()
    assert all(each.busy_s > 0 for each in times.values())


def test_a_process_is_read_whose_name_has_spaces_and_brackets() -> None:
    head = b"71 (a (b) c) S 12 " + b" ".join(b"%d" % n for n in range(5, 53))
    seen = parse_stat(head)
    assert seen.cpu_s == pytest.approx((14 + 15) * TICK_S)
    assert seen == ProcessTime(12, "a (b) c", seen.cpu_s, 39, 22)


def test_this_process_is_among_those_that_are_seen() -> None:
    end = time.process_time() + 0.05
    while time.process_time() < end:
        pass
    seen = process_times()[os.getpid()]
    assert seen.parent == os.getppid()
    assert seen.cpu_s == pytest.approx(sum(os.times()[:2]), abs=0.2)
    assert seen.core in core_times()
