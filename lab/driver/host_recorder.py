"""Which hosts the requests of a trial went to: the arm that is measured, or others.

Addresses that a client of Locust or the scenario reports are seen: the one that was asked, those
that it redirected to, and the one that answered. A socket that reports no address is not.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any, TypedDict
from urllib.parse import SplitResult, urljoin, urlsplit

from gevent import getcurrent

from lab.driver.arrival import is_hook_under_way, origin
from lab.driver.source_location import of_frame
from lab.network_guard import is_loopback

_PORTS = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_LOOPBACK = "loopback"
_MAX_HOSTS = 10  # that are counted apart


class HostCounts(TypedDict):
    """Fields of the same names of a frame."""

    arm_requests: int
    foreign_hosts: dict[str, int]


class HostRecorder:
    """Counts the requests to one host, and those to others."""

    def __init__(self, arm: str) -> None:
        """Count requests to this URL, and those to others."""
        self._arm = _endpoint(urlsplit(arm))
        self._prefix = arm.rstrip("/") + "/"
        self._answered = 0
        self._foreign: Counter[str] = Counter()

    def note(self, url: Any, response: Any) -> None:
        """Note where a request went that has ended, well or not.

        Args:
            url: As it was reported to Locust.
            response: The same.
        """
        history = getattr(response, "history", None)
        if history == [] and type(url) is str and url.startswith(self._prefix):
            # as nearly all are: sent to the arm, and not redirected
            if getattr(response, "status_code", 0):
                self._answered += 1
                if (raw := getattr(response, "raw", None)) is not None:
                    self._answered += _repeated(raw)
            return
        answered = bool(getattr(response, "status_code", 0))
        final = _final_url(response)
        first = _text(url) or final
        if first is None:
            return  # whatever it was, it names no address
        places = [first, *_redirects(first, history)]
        if final is not None and not self._is_arm(final):
            places.append(final)
        inside = [place for place in places if self._is_arm(place)]
        outside = [place for place in places if not self._is_arm(place)]
        if outside and not is_hook_under_way(origin(getcurrent())):  # a hook may log in elsewhere
            host = outside[0].partition("://")[2].partition("/")[0].rpartition("@")[2]
            if (where := of_frame(sys._getframe(1))) is not None:
                host = f"{host} from {where}"
            known = host in self._foreign or len(self._foreign) < _MAX_HOSTS
            self._foreign[host if known else "others"] += 1
        self._answered += len(inside) if answered else max(0, len(inside) - 1)

    def take(self) -> HostCounts:
        """What ended since the last call."""
        counts = HostCounts(arm_requests=self._answered, foreign_hosts=dict(self._foreign))
        self._answered, self._foreign = 0, Counter()
        return counts

    def _is_arm(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            return not parts.netloc or _endpoint(parts) == self._arm
        except ValueError:
            return False


def _endpoint(parts: SplitResult) -> tuple[str, int | None]:
    """Host and port; the names of this machine's loopback are one host."""
    host = (parts.hostname or "").rstrip(".").lower()
    if is_loopback(host):
        host = _LOOPBACK
    return host, parts.port or _PORTS.get(parts.scheme.lower())


def _text(url: Any) -> str | None:
    """An absolute address as text; None if it is none."""
    text = url.decode(errors="replace") if isinstance(url, bytes) else str(url or "")
    return text if "://" in text else None


def _final_url(response: Any) -> str | None:
    """The address that answered, as far as the client says; a request may be redirected."""
    try:
        return _text(response.request.url)
    except Exception:  # of a client of the scenario's own
        return None


def _redirects(first: str, history: Any) -> Iterator[str]:
    """The addresses that a request was redirected to, one after the other."""
    at = first
    for answer in history or ():
        try:
            at = urljoin(at, str(answer.headers["location"]))
        except (AttributeError, KeyError, TypeError, ValueError):
            return
        yield at


def _repeated(raw: Any) -> int:
    """How often a client of `requests` sent the request anew after an answer."""
    retries = getattr(raw, "retries", None)
    return sum(1 for each in getattr(retries, "history", ()) if each.status is not None)
