"""A Locust user with the lean HTTP/1.1 client."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import gevent
from gevent.pool import Group
from locust import User
from locust.exception import StopTest
from locust.user.users import RestMixin

from lab.driver.client.session import LeanHttpSession


class LeanHttpUser(User, RestMixin[Any]):
    """A user whose client speaks HTTP/1.1 with little processor time, and answers like `requests`.

    Scenarios use it as they use `HttpUser`, under the lab and under plain Locust.

    Attributes:
        connection_timeout: Limit for a connection with its TLS handshake, seconds.
        network_timeout: Limit for a whole request, redirects included, seconds.
        max_redirects: Of a request; one more is an error.
        insecure: Whether any TLS certificate is accepted.
        ssl_context_factory: Makes the TLS context, in place of `insecure` and the usual one.
        default_headers: Sent with every request, in place of the usual ones of the same name.
        client: The session of this user.
    """

    abstract = True
    connection_timeout: float = 60.0
    network_timeout: float = 60.0
    max_redirects: int = 30
    insecure: bool = False
    ssl_context_factory: Callable[[], ssl.SSLContext] | None = None
    default_headers: Mapping[str, str] | None = None
    client: LeanHttpSession

    def __init__(self, environment: Any) -> None:
        """As any user of Locust; StopTest if it has no host."""
        super().__init__(environment)
        if self.host is None:
            raise StopTest(
                "You must specify the base host: by `host` of the user class, or by --host"
            )
        self.client = LeanHttpSession(
            self.host,
            environment.events.request,
            self,
            connection_timeout=self.connection_timeout,
            network_timeout=self.network_timeout,
            max_redirects=self.max_redirects,
            verify=not self.insecure,
            ssl_context_factory=self.ssl_context_factory,
            headers=self.default_headers,
        )

    def start(self, group: Group) -> gevent.Greenlet:
        """As any user; its connections are closed when it has ended."""
        greenlet: gevent.Greenlet = super().start(group)
        greenlet.rawlink(self._close)
        return greenlet

    def _close(self, _: gevent.Greenlet) -> None:
        with suppress(AttributeError):  # the scenario may have put a client of its own here
            self.client.end()
