"""Why a request has no answer that counts.

All are errors of `requests`, so that a scenario catches them as it does with an `HttpUser`.
Timeouts are `requests.ConnectTimeout` and `requests.ReadTimeout`, a chain of redirects without an
end is `requests.TooManyRedirects`, an answer of 400 and above `requests.HTTPError`.
"""

from __future__ import annotations

from requests.exceptions import ConnectionError, RequestException, SSLError


class NotConnectedError(ConnectionError):
    """No connection: refused, unreachable, no such host. Nothing was sent."""


class NoAnswerError(ConnectionError):
    """The connection was closed or reset after the request was sent, before its answer began."""


class AnswerCutOffError(ConnectionError):
    """The connection was closed or reset in the middle of the answer."""


class BadAnswerError(RequestException):
    """The answer is not HTTP/1.1, or does not say where it ends."""


class TlsError(SSLError):
    """The TLS handshake failed: a wrong certificate or name, or no TLS at all."""
