from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping

import pytest

from lab.machine.core_choice import choose_cores, physical_core, quietest, target_core_count
from lab.machine.cpu_pinning import Cores
from lab.machine.processor_time import CoreTime


def alone(core: int) -> frozenset[int]:
    return frozenset({core})


def paired(core: int) -> frozenset[int]:
    """Four physical cores with two threads each: 0 and 4, 1 and 5, ..."""
    return frozenset({core % 4, core % 4 + 4})


def look(busy: Mapping[int, float], steal: float = 0.0) -> Callable[[], Mapping[int, CoreTime]]:
    """Times before and after a second in which the cores were so busy."""
    times: Iterator[Mapping[int, CoreTime]] = iter(
        (
            {core: CoreTime(100.0, 5.0) for core in busy},
            {core: CoreTime(100.0 + share, 5.0 + steal) for core, share in busy.items()},
        )
    )
    return lambda: next(times)


@pytest.fixture
def eight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)))


@pytest.mark.usefixtures("eight")
def test_the_quietest_cores_are_chosen_and_the_busiest_of_them_is_the_drivers() -> None:
    busy = {0: 0.5, 1: 0.9, 2: 0.0, 3: 0.3, 4: 0.0, 5: 0.2, 6: 0.7, 7: 0.1}
    waited: list[float] = []
    choice = choose_cores(3, look(busy), waited.append, alone)
    assert choice.cores == Cores((5,), (2, 4, 7))
    assert waited == [1.0]
    assert choice.why == "the quietest 4 of 8, seen for 1 s"
    assert choice.busy == pytest.approx(busy)
    assert choice.as_dict() == {
        "driver": [5],
        "target": [2, 4, 7],
        "why": choice.why,
        "busy before": {str(core): share for core, share in busy.items()},
    }


@pytest.mark.usefixtures("eight")
def test_the_choice_follows_from_what_was_seen_alone() -> None:
    """Small differences are chance: on a quiet machine it is the same cores each time."""
    for shift in (0.0, 0.01, 0.02):
        busy = {core: 0.02 - shift * (core % 2) for core in range(8)}
        choice = choose_cores(3, look(busy), lambda s: None, alone)
        assert choice.cores == Cores((0,), (1, 2, 3))


@pytest.mark.usefixtures("eight")
def test_a_driver_of_several_workers_gets_a_core_for_each_if_there_are_as_many() -> None:
    busy = {0: 0.5, 1: 0.9, 2: 0.0, 3: 0.3, 4: 0.0, 5: 0.2, 6: 0.7, 7: 0.1}
    choice = choose_cores(3, look(busy), lambda s: None, alone, for_driver=2)
    assert choice.cores == Cores((3, 5), (2, 4, 7))
    wide = choose_cores(3, look({}), lambda s: pytest.fail("it waits"), alone, for_driver=9)
    assert wide.cores == Cores((0, 1, 2, 3, 4), (5, 6, 7))
    assert wide.why == "the run needs all cores"


@pytest.mark.usefixtures("eight")
def test_time_that_the_hypervisor_took_makes_a_core_busy() -> None:
    seen = look(dict.fromkeys(range(8), 0.0), steal=0.4)
    assert choose_cores(1, seen, lambda s: None, alone).busy[3] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("count", "cores"),
    [
        (1, Cores((0,), (0,))),
        (2, Cores((0,), (1,))),
        (4, Cores((0,), (1, 2, 3))),
    ],
)
def test_where_all_are_needed_nothing_is_measured(
    count: int, cores: Cores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(count)))
    choice = choose_cores(3, look({}), lambda seconds: pytest.fail("it waits"))
    assert choice.cores == cores
    assert choice.busy == {}
    assert choice.why == "the run needs all cores"


def test_a_thread_whose_sibling_is_busy_is_not_quiet() -> None:
    busy = dict.fromkeys(range(8), 0.0) | {4: 1.0}
    assert quietest(range(8), busy, paired, 3) == [1, 2, 3]
    assert 0 not in quietest(range(8), busy, paired, 6)


def test_a_second_thread_of_a_physical_core_comes_last() -> None:
    quiet = dict.fromkeys(range(8), 0.0)
    assert quietest(range(8), quiet, paired, 5) == [0, 1, 2, 3, 4]
    busy = quiet | {0: 0.9}
    assert quietest(range(8), busy, paired, 4) == [1, 2, 3, 5]


def test_the_system_says_which_cores_belong_together() -> None:
    core = min(os.sched_getaffinity(0))
    assert core in physical_core(core)
    assert physical_core(99_999) == {99_999}


@pytest.mark.usefixtures("eight")
@pytest.mark.parametrize("for_driver", [1, 2, 9])
def test_how_many_cores_the_target_gets_is_known_beforehand(for_driver: int) -> None:
    for count in range(1, 9):
        times = look(dict.fromkeys(range(8), 0.0))
        chosen = choose_cores(count, times, lambda _: None, alone, for_driver)
        assert target_core_count(count) == len(chosen.cores.target)
