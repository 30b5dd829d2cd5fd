"""The rate of slices, in the users' own time, against closed systems whose true rate is known.

The rule is that of `lab.driver.lane_gate`: users begin no task once the gate has closed. Think
times go on until the last answer is in. A user whose think time ends before that waits at the gate.
First cycles count for as long as later ones took.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable

import pytest

from lab.driver.user_cycles import UserCycles

Draw = Callable[[random.Random], float]
SLICES = 400


def constant(seconds: float) -> Draw:
    return lambda generator: seconds


def exponential(mean_s: float) -> Draw:
    return lambda generator: generator.expovariate(1 / mean_s)


def two_kinds(usual_s: float, slow_s: float) -> Draw:
    return lambda generator: slow_s if generator.random() < 0.1 else usual_s


def length(users: int, servers: int, service: Draw) -> float:
    """`UserCycles.length_s` of a system without think times, seen for long."""
    generator, cycles = random.Random(2), UserCycles()
    free, due = [0.0] * servers, [(0.0, user) for user in range(users)]
    moment = 0.0
    for _ in range(20_000):
        moment, user = heapq.heappop(due)
        cycles.come(user, moment)
        ended = max(moment, heapq.heappop(free)) + service(generator)
        heapq.heappush(free, ended)
        heapq.heappush(due, (ended, user))
    found = cycles.length_s(moment)
    assert found is not None
    return found


def rates(
    users: int, servers: int, service: Draw, think: Draw, slice_s: float
) -> tuple[float, float]:
    """Requests a second in the users' own time, over all slices, and without any cut."""
    return _rate(users, servers, service, think, slice_s, SLICES), _rate(
        users, servers, service, think, SLICES * slice_s, 1
    )


def _rate(
    users: int, servers: int, service: Draw, think: Draw, slice_s: float, slices: int
) -> float:
    generator = random.Random(1)
    left = [generator.random() * think(generator) for _ in range(users)]  # to think
    answered, own_s = 0, 0.0
    cycles = UserCycles()
    for _ in range(slices):
        free = [0.0] * servers
        due = [(left[user], user) for user in range(users)]
        heapq.heapify(due)
        answers = [0.0] * users
        held: dict[int, float] = {}
        cycles.restart()
        while due:
            moment, user = heapq.heappop(due)
            cycles.come(user, moment)
            if moment >= slice_s:
                held[user] = moment
                continue
            ended = max(moment, heapq.heappop(free)) + service(generator)
            heapq.heappush(free, ended)
            answered += 1
            answers[user] = ended
            heapq.heappush(due, (ended + think(generator), user))
        last = max(slice_s, *answers)
        left = [max(0.0, held[user] - last) for user in range(users)]
        waited_s = sum(max(0.0, last - moment) for moment in held.values())
        own_s += last + (cycles.shortfall_s() - waited_s) / users
    return answered / own_s


@pytest.mark.parametrize(
    ("users", "servers", "service", "think"),
    [
        (1, 1, constant(0.01), constant(0.0)),
        (8, 8, exponential(0.01), constant(0.0)),  # no user waits for another
        (8, 8, exponential(0.01), exponential(0.03)),
        (50, 50, exponential(0.005), constant(0.02)),
    ],
)
def test_the_rate_is_the_true_one_if_users_do_not_wait_for_each_other(
    users: int, servers: int, service: Draw, think: Draw
) -> None:
    sliced, whole = rates(users, servers, service, think, slice_s=0.5)
    assert sliced == pytest.approx(whole, rel=0.015)


@pytest.mark.parametrize("users", [2, 8, 30])
@pytest.mark.parametrize("servers", [1, 4])
def test_nor_does_a_saturated_service_seem_faster(users: int, servers: int) -> None:
    """In the last answers of a slice, the users that are left do not wait for the others."""
    service = exponential(0.001 * servers)
    cycle_s = 0.001 * max(users, servers)
    sliced, whole = rates(users, servers, service, constant(0.0), slice_s=10 * cycle_s)
    assert sliced == pytest.approx(whole, rel=0.02)


@pytest.mark.parametrize(("users", "servers"), [(1, 1), (4, 1), (20, 1), (20, 4), (20, 20)])
@pytest.mark.parametrize("slow_s", [0.05, 0.5])
def test_tasks_that_are_far_slower_than_others_keep_the_rate(
    users: int, servers: int, slow_s: float
) -> None:
    """One task in ten; slices are as long as the lab makes them."""
    service = two_kinds(0.005, slow_s)
    slice_s = 10 * length(users, servers, service)
    sliced, whole = rates(users, servers, service, constant(0.0), slice_s)
    assert sliced == pytest.approx(whole, rel=0.02)


@pytest.mark.parametrize("slower", [1.02, 1.1, 2.0])
def test_ratios_keep_a_difference(slower: float) -> None:
    fast, _ = rates(8, 1, constant(0.001), constant(0.002), slice_s=0.1)
    slow, _ = rates(8, 1, constant(0.001 * slower), constant(0.002), slice_s=0.1)
    assert fast / slow == pytest.approx(slower, abs=0.02 * (slower - 1))


@pytest.mark.parametrize("slow_s", [0.02, 0.1])
def test_users_of_several_classes_keep_their_rates(slow_s: float) -> None:
    """Six quick users and two slow ones, none of which waits for another."""
    generator = random.Random(1)
    mean_s = {user: 0.005 if user < 6 else slow_s for user in range(8)}
    answered, own_s, cycles = 0, 0.0, UserCycles()
    slice_s = 10 * slow_s  # of the slowest class
    for _ in range(SLICES):
        cycles, ends = UserCycles(), {}
        for user, own in mean_s.items():
            moment = 0.0
            cycles.come(user, moment, own)
            while moment < slice_s:
                moment += own * generator.uniform(0.5, 1.5)
                cycles.come(user, moment, own)
                answered += 1
            ends[user] = moment
        last = max(ends.values())
        own_s += last + (cycles.shortfall_s() - sum(last - end for end in ends.values())) / 8
    assert answered / own_s == pytest.approx(6 / 0.005 + 2 / slow_s, rel=0.02)
