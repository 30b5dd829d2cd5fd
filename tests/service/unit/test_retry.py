from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from prometheus_client import CollectorRegistry
from typing_extensions import override

from service.backoff import Backoff
from service.metrics import retry_metric
from service.orders.model import Item
from service.pricing.client import Pricing, PricingFailed, PricingTimeout, PricingUnavailable
from service.pricing.retry import RetriedPricing, RetryBudget, UnboundedBudget

ITEMS = [Item("A", 1)]
LATE = PricingTimeout("late")
BROKEN = PricingFailed("broken", status=500)
REFUSED = PricingFailed("refused", status=422)


class Scripted(Pricing):
    """Fails as told, and then answers."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.asked = 0

    @override
    async def quote(self, items: Sequence[Item]) -> Mapping[str, int]:
        self.asked += 1
        if self.failures:
            raise self.failures.pop(0)
        return {"A": 7}


class Retried:
    """A pricing that is asked again, and the pauses that it makes."""

    def __init__(self, pricing: Pricing, budget: RetryBudget, retries: int = 2) -> None:
        self.pauses: list[float] = []
        self.registry = CollectorRegistry()
        longest = Backoff(0.05, 2.0, uniform=lambda _, most: most)
        metric = retry_metric(self.registry)
        self.pricing = RetriedPricing(pricing, budget, retries, longest, metric, self._sleep)

    @property
    def counted(self) -> float | None:
        return self.registry.get_sample_value("pricing_retries_total")

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


@pytest.mark.parametrize("failure", [LATE, PricingUnavailable("gone"), BROKEN])
async def test_what_may_pass_is_asked_again(failure: Exception) -> None:
    scripted = Scripted(failure, failure)
    retried = Retried(scripted, RetryBudget(0.1))

    assert await retried.pricing.quote(ITEMS) == {"A": 7}

    assert scripted.asked == 3
    assert retried.pauses == [0.05, 0.1]
    assert retried.counted == 2


@pytest.mark.parametrize("failure", [REFUSED, PricingFailed("no JSON"), RuntimeError("ours")])
async def test_what_would_not_change_is_not(failure: Exception) -> None:
    scripted = Scripted(failure)

    with pytest.raises(type(failure)):
        await Retried(scripted, UnboundedBudget()).pricing.quote(ITEMS)

    assert scripted.asked == 1


async def test_retries_of_one_question_are_limited() -> None:
    scripted = Scripted(*[LATE] * 9)

    with pytest.raises(PricingTimeout):
        await Retried(scripted, UnboundedBudget()).pricing.quote(ITEMS)

    assert scripted.asked == 3


@pytest.mark.parametrize(("share", "most"), [(0.0, 0), (0.1, 10 + 100), (0.5, 10 + 500)])
async def test_a_budget_keeps_retries_to_a_share(share: float, most: int) -> None:
    scripted = Scripted(*[LATE] * 10_000)
    retried = Retried(scripted, RetryBudget(share))

    for _ in range(1000):
        with pytest.raises(PricingTimeout):
            await retried.pricing.quote(ITEMS)

    retries = scripted.asked - 1000
    assert most - 10 <= retries <= most


async def test_without_a_budget_every_failure_is_multiplied() -> None:
    scripted = Scripted(*[LATE] * 10_000)
    retried = Retried(scripted, UnboundedBudget())

    for _ in range(1000):
        with pytest.raises(PricingTimeout):
            await retried.pricing.quote(ITEMS)

    assert scripted.asked == 3000


async def test_a_quiet_time_saves_up_no_storm() -> None:
    budget = RetryBudget(0.1)
    for _ in range(100_000):
        budget.earn()

    assert sum(budget.spend() for _ in range(1000)) == 10
