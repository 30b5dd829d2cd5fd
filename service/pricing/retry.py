"""Asking pricing again, within a budget."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import Counter
from typing_extensions import override

from service.backoff import Backoff
from service.errors import ServiceError
from service.orders.model import Item
from service.pricing.client import Pricing, PricingFailed, PricingTimeout, PricingUnavailable

# Enough for a moment's failure; more would be a storm's first wave.
_RESERVE = 10.0


class RetryBudget:
    """A token bucket: every question earns a share of a retry, every retry costs a whole one."""

    def __init__(self, share: float, reserve: float = _RESERVE) -> None:
        self._share = share
        self._reserve = reserve if share else 0.0
        self._tokens = self._reserve

    def earn(self) -> None:
        """A question was asked."""
        self._tokens = min(self._reserve, self._tokens + self._share)

    def spend(self) -> bool:
        """Whether there may be another retry; if so, it is taken."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class UnboundedBudget(RetryBudget):
    """Always another retry: when pricing is down, this multiplies what it is asked."""

    def __init__(self) -> None:
        super().__init__(share=1)

    @override
    def spend(self) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class RetriedPricing(Pricing):
    """Asks another pricing again where that may help; each attempt has a timeout of its own.

    Asked inside a transaction, it keeps the connection through its retries.
    """

    pricing: Pricing
    budget: RetryBudget
    retries: int
    backoff: Backoff
    metric: Counter
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep

    @override
    async def quote(self, items: Sequence[Item]) -> Mapping[str, int]:
        self.budget.earn()
        failures = 0
        while True:
            try:
                return await self.pricing.quote(items)
            except (PricingTimeout, PricingUnavailable, PricingFailed) as error:
                failures += 1
                if failures > self.retries or not _passing(error) or not self.budget.spend():
                    raise
            self.metric.inc()
            await self.sleep(self.backoff.delay_s(failures))


def _passing(error: ServiceError) -> bool:
    """Whether the failure may be gone the next time: not so an answer that is wrong."""
    status = error.details.get("status")
    return not isinstance(error, PricingFailed) or (isinstance(status, int) and status >= 500)
