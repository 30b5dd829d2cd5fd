"""Replays compared with a simulation of events, means with closed forms."""

import math
from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.oracles.queueing import (
    Values,
    asymptotic_bounds,
    frozen_quantile,
    kiefer_wolfowitz,
    lindley,
    mg1_mean_wait,
    mmc_mean_wait,
)

# Eighths of a second: sums are exact, so that both computations have the same ties.
REQUESTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 24)), max_size=40)


def times(requests: list[tuple[int, int]]) -> tuple[Values, Values]:
    """Return arrivals and services from gaps and services."""
    gaps, services = np.array(requests, dtype=np.float64).reshape(-1, 2).T / 8
    return np.cumsum(gaps), services


def simulated_waits(arrivals: Values, services: Values, servers: int) -> list[float]:
    """Advance a clock from event to event, independent of the code."""
    waits: list[float] = []
    coming = deque(zip(arrivals, services, strict=True))
    queue: deque[tuple[float, float]] = deque()
    busy: list[float] = []
    now = 0.0
    while coming or queue:
        busy = [end for end in busy if end > now]
        while coming and coming[0][0] <= now:
            queue.append(coming.popleft())
        while queue and len(busy) < servers:
            arrival, service = queue.popleft()
            waits.append(now - arrival)
            if service:
                busy.append(now + service)
        now = min([*busy, *(arrival for arrival, _ in list(coming)[:1])], default=now)
    return waits


@given(REQUESTS)
def test_lindley_equals_the_event_simulation(requests: list[tuple[int, int]]) -> None:
    """Path by path, with ties and services of no length."""
    arrivals, services = times(requests)
    replay = lindley(arrivals, services)
    assert replay.waiting.tolist() == simulated_waits(arrivals, services, 1)
    assert (replay.response == replay.waiting + services).all()


@given(REQUESTS, st.integers(1, 5))
def test_kiefer_wolfowitz_equals_the_event_simulation(
    requests: list[tuple[int, int]], servers: int
) -> None:
    """Path by path, for one server and several."""
    arrivals, services = times(requests)
    replay = kiefer_wolfowitz(arrivals, services, servers)
    assert replay.waiting.tolist() == simulated_waits(arrivals, services, servers)
    assert (replay.response == replay.waiting + services).all()


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=40))
def test_kiefer_wolfowitz_with_one_server_is_lindley(requests: list[tuple[float, float]]) -> None:
    """For any numbers, up to rounding."""
    gaps, services = np.array(requests).reshape(-1, 2).T
    arrivals = np.cumsum(gaps)
    one = kiefer_wolfowitz(arrivals, services, 1).waiting
    assert lindley(arrivals, services).waiting == pytest.approx(one, abs=1e-9)


def test_one_service_time_for_all() -> None:
    """Of three simultaneous requests, one waits for none, one for one, one for two services."""
    assert lindley([0, 0, 0], 0.5).waiting.tolist() == [0, 0.5, 1]
    assert kiefer_wolfowitz([0, 0, 0], 0.5, 2).response.tolist() == [0.5, 0.5, 1]


@pytest.mark.parametrize("load", [0.5, 0.8])
@pytest.mark.parametrize("kind", ["deterministic", "exponential"])
def test_the_mean_wait_of_one_server(load: float, kind: str) -> None:
    """M/D/1 and M/M/1 against Pollaczek and Khinchine, within 4 standard errors of 20 runs."""
    rng = np.random.default_rng(1952)
    means = []
    for _ in range(20):
        arrivals = np.cumsum(rng.exponential(0.01 / load, 50_000))
        services = rng.exponential(0.01, 50_000) if kind == "exponential" else 0.01
        means.append(lindley(arrivals, services).waiting.mean())
    truth = mg1_mean_wait(load / 0.01, 0.01, variation=kind == "exponential")
    assert np.mean(means) == pytest.approx(truth, abs=4 * np.std(means) / math.sqrt(19))
    assert np.std(means) < truth / 10


def test_the_mean_wait_of_four_servers() -> None:
    """M/M/4 at .7 against Erlang, within 4 standard errors of 10 runs."""
    rng = np.random.default_rng(1955)
    means = []
    for _ in range(10):
        arrivals = np.cumsum(rng.exponential(0.01 / (4 * 0.7), 20_000))
        services = rng.exponential(0.01, 20_000)
        means.append(kiefer_wolfowitz(arrivals, services, 4).waiting.mean())
    truth = mmc_mean_wait(4 * 0.7 / 0.01, 0.01, 4)
    assert np.mean(means) == pytest.approx(truth, abs=4 * np.std(means) / 3)
    assert np.std(means) < truth / 10


@given(st.floats(0, 0.99), st.floats(1e-3, 10))
def test_the_closed_forms_agree(load: float, service: float) -> None:
    """For M/M/1; without variation the wait is half of it; Erlang's C for two servers."""
    wait = mmc_mean_wait(load / service, service, 1)
    assert wait == pytest.approx(mg1_mean_wait(load / service, service, variation=1))
    assert mg1_mean_wait(load / service, service) == pytest.approx(wait / 2)
    two = mmc_mean_wait(2 * load / service, service, 2)
    assert two == pytest.approx(service * load**2 / (1 - load**2))


@pytest.mark.parametrize("load", [-0.1, 1, 1.5, math.nan])
def test_an_overloaded_queue_has_no_mean_wait(load: float) -> None:
    """The wait grows without limit."""
    with pytest.raises(ValueError, match="no mean wait"):
        mg1_mean_wait(load, 1)
    with pytest.raises(ValueError, match="no mean wait"):
        mmc_mean_wait(4 * load, 1, 4)


@pytest.mark.parametrize(
    ("arrivals", "services"),
    [([1, 0], 1), ([0, 1], [1, -1]), ([0, math.inf], 1), ([0, 1], [1, math.nan]), ([0], [1, 1])],
)
def test_invalid_requests_are_refused(arrivals: list[float], services: float | list[float]) -> None:
    """Out of order, negative, not finite, not paired."""
    with pytest.raises(ValueError, match=r"ascend|negative|finite|broadcast"):
        lindley(arrivals, services)
    with pytest.raises(ValueError, match=r"ascend|negative|finite|broadcast"):
        kiefer_wolfowitz(arrivals, services, 2)


def test_a_queue_needs_a_server() -> None:
    """In every function."""
    with pytest.raises(ValueError, match="at least one server"):
        kiefer_wolfowitz([0], 1, 0)
    with pytest.raises(ValueError, match="at least one server"):
        mmc_mean_wait(1, 0.1, 0)
    with pytest.raises(ValueError, match="at least one server"):
        asymptotic_bounds([(0.1, 0)])


def test_a_server_frozen_for_a_tenth_of_the_time() -> None:
    """Frozen for 1 s in every 10."""
    truth = [frozen_quantile(q, 1, 10) for q in (0.5, 0.9, 0.95, 0.98, 0.99, 0.999, 1)]
    assert truth == pytest.approx([0, 0, 0.5, 0.8, 0.9, 0.99, 1])


@given(st.integers(0, 50), st.integers(1, 50), st.integers(0, 1000), st.floats(0, 1))
def test_frozen_quantiles_are_those_of_the_arrivals(
    frozen: int, thawed: int, permille: int, phase: float
) -> None:
    """By nearest rank over whole periods, within one gap between arrivals."""
    period, gap = frozen + thawed, 1 / 7
    arrivals = (np.arange(7 * period * 3) + phase) * gap
    into = arrivals % period
    responses = np.sort(np.where(into < frozen, frozen - into, 0))
    rank = max(1, -(-permille * len(responses) // 1000))
    truth = frozen_quantile(permille / 1000, frozen, period)
    assert responses[rank - 1] == pytest.approx(truth, abs=gap * (1 + 1e-6))


@pytest.mark.parametrize(("q", "frozen"), [(-0.1, 1), (1.1, 1), (0.5, -1), (0.5, 11)])
def test_impossible_freezes_are_refused(q: float, frozen: float) -> None:
    """And quantiles outside [0, 1]."""
    with pytest.raises(ValueError, match=r"quantile lies|freeze must"):
        frozen_quantile(q, frozen, 10)
