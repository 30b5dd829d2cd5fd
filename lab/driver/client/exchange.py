"""Sends requests over kept connections, and follows redirects."""

from __future__ import annotations

from time import perf_counter
from typing import NamedTuple

from gevent import get_hub
from requests.exceptions import RequestException, TooManyRedirects

from lab.driver.client.connecting import open_connection
from lab.driver.client.connection import Connection
from lab.driver.client.content_coding import decode
from lab.driver.client.cookie_jar import keep
from lab.driver.client.errors import BadAnswerError, NoAnswerError, NotConnectedError
from lab.driver.client.head import NO_HEAD
from lab.driver.client.request_builder import RequestBuilder
from lab.driver.client.request_options import Options
from lab.driver.client.response import LeanResponse
from lab.driver.client.sent_request import SentRequest
from lab.driver.client.target import Endpoint

MAX_IDLE = 10  # connections to one place that are kept
REDIRECTS = frozenset((301, 302, 303, 307, 308))


class Limits(NamedTuple):
    """Time limits, in seconds."""

    connect_s: float
    """For a connection, with its TLS handshake."""
    total_s: float
    """For a whole request, redirects included."""


class Exchange:
    """The connections of a session, and what goes over them."""

    def __init__(self, builder: RequestBuilder, max_redirects: int) -> None:
        self._builder = builder
        self.max_redirects = max_redirects
        self.max_idle = MAX_IDLE

    def send(self, request: SentRequest, begun: float, limits: Limits) -> LeanResponse:
        """Send a request and read the answer to it; its body stays coded.

        Args:
            request: Ready to be sent.
            begun: When the whole request began, in seconds of `perf_counter`.
            limits: Counted from then; those of the connection from now.

        Raises:
            RequestException: There is no answer.
        """
        endpoint = request.endpoint
        idle = endpoint.idle
        deadline = begun + limits.total_s
        while idle:
            connection = idle.pop()
            if connection.hub is not get_hub():
                idle.append(connection)
                raise NotConnectedError("the client is used by several native threads")
            if connection.exchange(request.data, request.head_alone, begun, deadline):
                break
        else:
            connection = self._connected(endpoint, deadline, limits)
            if not connection.exchange(request.data, request.head_alone, begun, deadline):
                raise NoAnswerError("the connection was closed before the request was sent")
        reader = connection.reader
        # the list is another one if the client was closed meanwhile
        if reader.reusable and idle is endpoint.idle and len(idle) < self.max_idle:
            idle.append(connection)
        else:
            connection.close()
        response = LeanResponse(request, reader.head, reader.body)
        response.seconds = connection.ended - begun
        return response

    def follow(
        self, response: LeanResponse, options: Options, begun: float, limits: Limits
    ) -> LeanResponse:
        """Follow an answer that redirects, to the end of the chain.

        Returns:
            The last answer, or a failed one, with all before it as its `history`.
        """
        history: list[LeanResponse] = []
        trusted = True
        sent = response.request
        while response.status_code in REDIRECTS and (location := _location(response)):
            response.history = list(history)
            history.append(response)
            try:
                self.complete(response)
                if len(history) > self.max_redirects:
                    raise TooManyRedirects(f"more than {self.max_redirects} redirects")
                sent = self._next(response, location, options, trusted)
                trusted = trusted and sent.target.origin == response.request.target.origin
                response = self.send(sent, begun, limits)
            except RequestException as error:
                response = LeanResponse(sent, NO_HEAD, None, error)
                response.seconds = perf_counter() - begun
        response.history = history
        return response

    def _next(
        self, response: LeanResponse, location: str, options: Options, trusted: bool
    ) -> SentRequest:
        try:
            return self._builder.redirected(
                response.request, response.status_code, location, options, trusted
            )
        except ValueError as error:  # of `requests`: no address of HTTP
            raise BadAnswerError(f"the answer redirects to {location[:100]!r}: {error}") from error

    def complete(self, response: LeanResponse) -> None:
        """Take the cookies from an answer and decode its body, if it has such.

        Raises:
            ContentDecodingError: It cannot be decoded.
        """
        if b"\nset-cookie:" in response.head.lower:
            keep(self._builder.cookies, response.url, response.headers.get_all("set-cookie"))
        if b"\ncontent-encoding:" in response.head.lower and response.content:
            listed = ",".join(response.headers.get_all("content-encoding"))
            codings = [each.strip().lower() for each in listed.split(",")]
            accepted = response.request.headers.get("accept-encoding", "")
            response.content = decode(response.content, codings, accepted.lower())

    def connect(self, limits: Limits) -> None:
        """Open a connection to the address of the session, and keep it idle."""
        endpoint = self._builder.base_endpoint()
        deadline = perf_counter() + limits.total_s
        endpoint.idle.append(self._connected(endpoint, deadline, limits))

    def close(self) -> None:
        """Close all connections that are idle; those in use end with their requests."""
        for endpoint in self._builder.endpoints:
            idle, endpoint.idle = endpoint.idle, []
            for connection in idle:
                connection.close()

    def _connected(self, endpoint: Endpoint, deadline: float, limits: Limits) -> Connection:
        connect_by = min(deadline, perf_counter() + limits.connect_s)
        return open_connection(endpoint, connect_by)


def _location(response: LeanResponse) -> str:
    """Where an answer redirects to; empty if it does not say."""
    if b"\nlocation:" not in response.head.lower:
        return ""
    location = response.headers.get_all("location")[0]
    try:
        return location.encode("latin-1").decode()
    except UnicodeDecodeError:
        return location
