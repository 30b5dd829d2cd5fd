"""A pricing without a network, for tests."""

from collections.abc import Callable, Mapping, Sequence

from typing_extensions import override

from service.orders.model import Item
from service.pricing.client import Pricing


class FakePricing(Pricing):
    """One price for all SKUs, or a failure."""

    def __init__(
        self,
        unit_price_cents: int = 100,
        failure: Exception | None = None,
        on_quote: Callable[[], None] = lambda: None,
    ) -> None:
        self._unit_price_cents = unit_price_cents
        self._failure = failure
        self._on_quote = on_quote

    @override
    async def quote(self, items: Sequence[Item]) -> Mapping[str, int]:
        self._on_quote()
        if self._failure is not None:
            raise self._failure
        return {item.sku: self._unit_price_cents for item in items}
