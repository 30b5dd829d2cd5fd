from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping

import pytest

from lab.instruments.background_load import Span, background_of, background_over
from lab.instruments.process_sampler import ProcessSample, ProcessSampler
from lab.machine.processor_time import CoreTime, ProcessTime
from lab.trials.trial import OtherProcess

DRIVER, TARGET = frozenset({0}), frozenset({1})
GONE = 2_000_000_000  # no process has this id: where it is kept cannot be asked


def sample(
    at: float,
    own: Mapping[frozenset[int], float],
    busy: Mapping[int, float],
    others: Mapping[int, ProcessTime] | None = None,
    steal: float = 0.0,
    of_run: frozenset[int] = frozenset(),
    roaming: tuple[str, ...] = (),
) -> ProcessSample:
    cores = {core: CoreTime(busy_s, steal) for core, busy_s in busy.items()}
    levels: dict[str, float | None] = {}
    return ProcessSample(
        at=at,
        cpu_s={},
        rss_bytes=levels,
        descriptors=levels,
        threads=levels,
        own_s=own,
        cores=cores,
        others=others or {},
        of_run=of_run,
        roaming=roaming,
        periods={},
    )


def other(cpu_s: float, core: int, name: str = "stress", started: int = 7) -> ProcessTime:
    return ProcessTime(1, name, cpu_s, core, started)


def test_only_the_cores_of_the_run_count() -> None:
    """A browser on cores 2 and 3 does no harm; steal is that of the cores of the run, too."""
    seen = background_over(
        [
            sample(0.0, {DRIVER: 5.0, TARGET: 9.0}, {0: 10.0, 1: 20.0, 2: 30.0, 3: 40.0}),
            sample(
                4.0, {DRIVER: 6.0, TARGET: 12.0}, {0: 11.2, 1: 23.4, 2: 34.0, 3: 44.0}, steal=0.4
            ),
        ]
    )
    assert seen.other_cpu == pytest.approx((1.2 + 3.4 - 1.0 - 3.0) / 4)
    assert seen.steal == pytest.approx(0.1)
    assert seen.surroundings is not None
    assert seen.surroundings.cores == (0, 1)
    assert seen.surroundings.spare == (2, 3)


def test_a_process_of_the_run_that_roams_makes_all_cores_count() -> None:
    anywhere = frozenset({0, 1, 2, 3})
    quiet = {0: 0.0, 1: 0.0, 2: 0.0, 3: 0.0}
    seen = background_over(
        [
            sample(0.0, {TARGET: 0.0, anywhere: 0.0}, quiet, roaming=("database",)),
            sample(
                2.0, {TARGET: 1.0, anywhere: 1.0}, {**quiet, 1: 1.5, 3: 1.5}, roaming=("database",)
            ),
        ]
    )
    assert seen.other_cpu == pytest.approx(0.5)
    assert seen.surroundings is not None
    assert seen.surroundings.cores == (0, 1, 2, 3)
    assert seen.surroundings.roaming == ("database",)


def test_cores_that_nothing_runs_on_may_count_as_well() -> None:
    """As between two blocks, while the target is idle."""
    watched = {frozenset({0, 1}): 0.0, DRIVER: 0.0}
    seen = background_over(
        [sample(0.0, watched, {0: 0.0, 1: 0.0}), sample(1.0, watched, {0: 0.0, 1: 0.7})]
    )
    assert seen.other_cpu == pytest.approx(0.7)


def test_spans_are_added_up_and_what_lies_between_does_not_count() -> None:
    own = {TARGET: 0.0}
    samples = [
        sample(0.0, own, {1: 0.0}),
        sample(1.0, own, {1: 0.1}),
        sample(5.0, own, {1: 5.0}),
        sample(6.0, own, {1: 5.3}),
    ]
    spans = [Span.between(*samples[:2]), Span.between(*samples[2:])]
    assert background_of(spans, samples).other_cpu == pytest.approx(0.2)
    assert background_of([], samples).other_cpu == 0.0
    assert background_over(samples[:1]).other_cpu == 0.0


def test_rounding_of_the_system_makes_no_load_below_zero() -> None:
    seen = background_over([sample(0.0, {TARGET: 0.0}, {1: 0.0}), sample(1, {TARGET: 1}, {1: 0.9})])
    assert seen.other_cpu == 0.0


def test_what_used_the_cores_is_named_most_first() -> None:
    own = {TARGET: 0.0}
    before = {11: other(1.0, 1), 12: other(0.0, 2, "browser"), 13: other(9.0, 1, "old")}
    after = {
        11: other(1.4, 1),
        12: other(2.0, 2, "browser"),
        13: other(1.0, 1, "new", started=99),  # the same id, but another process
        14: other(0.01, 1, "brief"),
    }
    pids = {pid: GONE + pid for pid in range(11, 15)}
    seen = background_over(
        [
            sample(0.0, own, {1: 0.0, 2: 0.0}, {pids[k]: v for k, v in before.items()}),
            sample(
                2.0,
                own,
                {1: 1.4, 2: 2.0},
                {pids[k]: v for k, v in after.items()},
                of_run=frozenset({pids[11]}),
            ),
        ]
    )
    assert seen.surroundings is not None
    new, stress = seen.surroundings.processes
    assert new == OtherProcess(pids[13], "new", new.cpu, (1,))
    assert stress == OtherProcess(pids[11], "stress", stress.cpu, (1,), of_run=True)
    assert (new.cpu, stress.cpu) == pytest.approx((0.5, 0.2))


def test_a_process_that_moves_between_cores_counts_for_the_time_that_it_was_seen_there() -> None:
    own = {TARGET: 0.0}
    samples = [
        sample(float(second), own, {1: 0.5 * second, 2: 0.5 * second}, {GONE: other(second, core)})
        for second, core in enumerate((1, 2, 1, 2))
    ]
    seen = background_over(samples)
    assert seen.surroundings is not None
    [named] = seen.surroundings.processes
    assert named == OtherProcess(GONE, "stress", named.cpu, (1,))
    assert named.cpu == pytest.approx(0.5)


@pytest.mark.real
def test_a_real_neighbour_is_found_on_its_core_and_named() -> None:
    """This process stands for the lab, and is kept on the first core."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        pytest.skip("needs two cores")
    spin = f"import os; os.sched_setaffinity(0, {{{cores[1]}}})\nwhile True: pass"
    made = subprocess.Popen([sys.executable, "-c", spin])
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores[0]})
    try:
        time.sleep(0.5)
        quiet, busy = ProcessSampler({}), ProcessSampler({}, (cores[1],))
        for sampler in (quiet, busy):
            sampler.sample()
        time.sleep(1.0)
        for sampler in (quiet, busy):
            sampler.sample()
    finally:
        os.sched_setaffinity(0, before)
        made.kill()
        made.wait()
    without = background_over(quiet.samples).surroundings
    assert without is not None
    assert without.cores == (cores[0],)
    assert made.pid not in {each.pid for each in without.processes}
    seen = background_over(busy.samples)
    assert seen.surroundings is not None
    assert seen.surroundings.cores == (cores[0], cores[1])
    named = {each.pid: each for each in seen.surroundings.processes}[made.pid]
    assert named.cores == (cores[1],)
    assert named.of_run  # the lab has started it
    assert named.cpu > 0.4
    assert seen.other_cpu >= named.cpu - 0.1
