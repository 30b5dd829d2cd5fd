"""How pricing is called."""

import json
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Self

import aiohttp
from prometheus_client import Histogram
from typing_extensions import override

from service.errors import ServiceError
from service.orders.model import Item

_JSON = {"Content-Type": "application/json"}


class PricingTimeout(ServiceError):
    """Pricing did not answer in time."""

    code = "pricing_timeout"


class PricingUnavailable(ServiceError):
    """Pricing cannot be reached."""

    code = "pricing_unavailable"


class PricingFailed(ServiceError):
    """Pricing gave no usable answer."""

    code = "pricing_failed"


class Pricing(ABC):
    """Whoever knows the prices; entered before it is asked."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    @abstractmethod
    async def quote(self, items: Sequence[Item]) -> Mapping[str, int]:
        """The unit prices of the items, in cents by SKU."""


class MeasuredPricing(Pricing):
    """Observes how long another pricing takes."""

    def __init__(self, pricing: Pricing, seconds: Histogram) -> None:
        self._pricing = pricing
        self._seconds = seconds

    @override
    async def quote(self, items: Sequence[Item]) -> Mapping[str, int]:
        started = perf_counter()
        try:
            return await self._pricing.quote(items)
        finally:
            self._seconds.observe(perf_counter() - started)


class AwaitedPricing(Pricing):
    """Pricing over HTTP, awaited."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            # No limit: a request must not wait here for another's connection.
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    @override
    async def quote(self, items: Sequence[Item]) -> Mapping[str, int]:
        try:
            async with self._session.post(self._url, data=_question(items), headers=_JSON) as reply:
                return _prices(items, reply.status, await reply.read())
        except TimeoutError as error:
            raise PricingTimeout("pricing did not answer in time") from error
        except aiohttp.ClientConnectionError as error:
            raise PricingUnavailable("pricing cannot be reached") from error
        except aiohttp.ClientError as error:
            raise PricingFailed("pricing gave no usable answer") from error


class BlockingPricing(Pricing):
    """Pricing over HTTP, called synchronously: nothing else runs until it answers."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._timeout_s = timeout_s

    @override
    async def quote(self, items: Sequence[Item]) -> Mapping[str, int]:
        return self.ask(items)

    def ask(self, items: Sequence[Item]) -> Mapping[str, int]:
        """The same, for a thread to wait for."""
        request = urllib.request.Request(self._url, _question(items), _JSON)
        try:
            with urllib.request.urlopen(request, timeout=self._timeout_s) as reply:
                return _prices(items, reply.status, reply.read())
        except urllib.error.HTTPError as error:
            raise PricingFailed("pricing answered with an error", status=error.code) from error
        except OSError as error:
            reason = getattr(error, "reason", error)
            if isinstance(reason, TimeoutError):
                raise PricingTimeout("pricing did not answer in time") from error
            raise PricingUnavailable("pricing cannot be reached") from error


def _question(items: Sequence[Item]) -> bytes:
    lines = [{"sku": item.sku, "quantity": item.quantity} for item in items]
    return json.dumps({"lines": lines}).encode()


def _prices(items: Sequence[Item], status: int, body: bytes) -> Mapping[str, int]:
    if status != 200:
        raise PricingFailed("pricing answered with an error", status=status)
    try:
        prices = json.loads(body)["unit_prices_cents"]
        return {item.sku: int(prices[item.sku]) for item in items}
    except (ValueError, TypeError, KeyError) as error:
        raise PricingFailed("pricing gave no usable answer") from error
