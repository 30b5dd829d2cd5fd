"""The session of a user: requests like those of `requests.Session`, each reported to Locust."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter, time
from typing import Any, ClassVar, Protocol

from requests.exceptions import RequestException

from lab.driver.client.exchange import REDIRECTS, Exchange, Limits
from lab.driver.client.head import NO_HEAD
from lab.driver.client.header_lines import WatchedHeaders
from lab.driver.client.judged_response import JudgedResponse
from lab.driver.client.refused_options import refuse
from lab.driver.client.request_builder import RequestBuilder
from lab.driver.client.request_options import PLAIN, Options
from lab.driver.client.response import LeanResponse


class Abandoned(Protocol):
    """Called with the name of a request that is cut off, and with the error."""

    def __call__(self, request: str, error: BaseException, /) -> None:
        """Note it."""


class LeanHttpSession:
    """Sends requests, and fires Locust's event for each.

    Attributes:
        base_url: The address that paths are added to, without name and password. It can be set.
        headers: Sent with every request. Can be changed, and set as a whole.
        cookies: The jar of this user. Can be changed, and set as a whole.
        auth: Name and password for every request. Can be set.
        verify: Whether TLS certificates are checked, or a file or folder of authorities. Can be
            set.
        request_event: Locust's event `request`.
        user: Its `context()` is reported with each request.
        request_name: Name of all requests without a `name`; see `rename_request`.
        abandoned: Called with the name of a request that something cuts off from outside (as a
            `gevent.Timeout` does), so that it is not reported, and with the error.
    """

    abandoned: ClassVar[Abandoned | None] = None

    def __init__(
        self,
        base_url: str,
        request_event: Any,
        user: Any = None,
        *,
        connection_timeout: float = 60.0,
        network_timeout: float = 60.0,
        max_redirects: int = 30,
        verify: bool | str = True,
        ssl_context_factory: Callable[[], ssl.SSLContext] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Nothing is connected yet. The arguments are those of `LeanHttpUser`."""
        self._builder = RequestBuilder(base_url, headers, verify, ssl_context_factory)
        self._exchange = Exchange(self._builder, max_redirects)
        self._limits = Limits(connection_timeout, network_timeout)
        self.request_event, self.user = request_event, user
        self.request_name: str | None = None

    # -- what all requests share --------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """As described above."""
        return self._builder.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self._builder.set_base_url(url)

    @property
    def headers(self) -> WatchedHeaders:
        """As described above."""
        return self._builder.headers

    @headers.setter
    def headers(self, headers: Mapping[Any, Any] | None) -> None:
        self._builder.set_headers(headers)

    @property
    def cookies(self) -> Any:
        """As described above."""
        return self._builder.cookies

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        self._builder.set_cookies(cookies)

    @property
    def auth(self) -> Any:
        """As described above."""
        return self._builder.auth

    @auth.setter
    def auth(self, auth: Any) -> None:
        self._builder.auth = auth

    @property
    def verify(self) -> bool | str:
        """As described above."""
        return self._builder.verify

    @verify.setter
    def verify(self, verify: bool | str) -> None:
        self._builder.verify = verify

    @contextmanager
    def rename_request(self, name: str) -> Iterator[None]:
        """Within this, requests without a `name` have this one."""
        self.request_name = name
        try:
            yield
        finally:
            self.request_name = None

    def connect(self) -> None:
        """Open a connection to `base_url` and send nothing; raises what a request would meet."""
        self._exchange.connect(self._limits)

    def close(self) -> None:
        """Close all connections. A later request opens a new one."""
        self._exchange.close()

    def end(self) -> None:
        """Close all connections, and keep none from now on: the user has ended."""
        self._exchange.max_idle = 0
        self._exchange.close()

    # -- requests -----------------------------------------------------------------------------

    def request(
        self,
        method: str,
        url: str,
        name: str | None = None,
        catch_response: bool = False,
        context: Mapping[str, Any] | None = None,
        params: Any = None,
        data: Any = None,
        json: Any = None,
        headers: Mapping[Any, Any] | None = None,
        cookies: Any = None,
        files: Any = None,
        auth: Any = None,
        verify: bool | str | None = None,
        timeout: float | tuple[float | None, float | None] | None = None,
        allow_redirects: bool = True,
        stream: Any = None,
        proxies: Any = None,
        cert: Any = None,
        hooks: Any = None,
    ) -> Any:
        """Send a request, wait for the whole answer, and report it.

        Args:
            method: Of HTTP.
            url: A path, or an absolute URL.
            name: In reports; path and query without it.
            catch_response: Whether the answer is judged in a `with` block, and reported then.
            context: Reported with it, beside that of the user.
            params: Added to the query.
            data: The body, or the fields of a form.
            json: The body, written as JSON.
            headers: For this request, beside those of the session; None removes one.
            cookies: For this request, beside those of the jar.
            files: Sent as multipart/form-data.
            auth: Name and password.
            verify: As that of the session.
            timeout: For the whole request, in seconds; or for its connection and the whole.
            allow_redirects: Whether redirects are followed.
            stream: Refused, as the others that follow: they are of `requests`.
            proxies: Refused.
            cert: Refused.
            hooks: Refused.

        Returns:
            The answer, or one with the status 0 that has the error.

        Raises:
            InvalidURL, InvalidSchema, InvalidHeader, InvalidJSONError, TypeError: What was asked
                for cannot be sent; nothing was.
        """
        if stream or proxies or cert or hooks:
            refuse(stream=stream, proxies=proxies, cert=cert, hooks=hooks)
        builder, options, sent = self._builder, PLAIN, None
        if params is data is json is headers is cookies is None and files is auth is verify is None:
            sent = builder.kept.get((method, url))
        else:
            options = Options(params, data, json, headers, cookies, files, auth, verify)
        started = time()
        if sent is None or started >= builder.holds_until:
            sent = builder.build(method, url, options)
            started = time()
        name = name or self.request_name or sent.path_url
        limits = self._limits if timeout is None else self._own_limits(timeout)
        begun = perf_counter()
        try:
            response = self._exchange.send(sent, begun, limits)
            if allow_redirects and response.status_code in REDIRECTS:
                response = self._exchange.follow(response, options, begun, limits)
        except RequestException as error:
            response = LeanResponse(sent, NO_HEAD, None, error)
            response.seconds = perf_counter() - begun
        except BaseException as error:
            if (abandoned := self.abandoned) is not None:
                abandoned(f"{method} {name}", error)
            raise
        seconds = response.seconds
        if not response.head.is_plain:
            response = self._completed(response)
        if self.user is not None:
            own = self.user.context()
            context = {**own, **context} if context else own
        failure = response.error
        if response.status_code >= 400 and not catch_response:
            failure = response.status_error(name)
        content = response.content
        if catch_response:
            response.__class__ = JudgedResponse
            fire = response.report_by(self.request_event)  # type: ignore[attr-defined]
        else:
            fire = self.request_event.fire
        fire(
            request_type=method,
            name=name,
            response_time=1000 * seconds,
            response_length=len(content) if content else 0,
            response=response,
            context=context or {},
            exception=failure,
            start_time=started,
            url=sent.url,
        )
        return response

    def get(self, url: str, **options: Any) -> Any:
        """Send a GET; options as those of `request`."""
        # without `**` Python needs no further frame of C, which greenlets would copy
        return self.request("GET", url, **options) if options else self.request("GET", url)

    def options(self, url: str, **options: Any) -> Any:
        """Send an OPTIONS; options as those of `request`."""
        return self.request("OPTIONS", url, **options)

    def head(self, url: str, **options: Any) -> Any:
        """Send a HEAD; options as those of `request`, but it follows no redirects by itself."""
        options.setdefault("allow_redirects", False)
        return self.request("HEAD", url, **options)

    def post(self, url: str, data: Any = None, json: Any = None, **options: Any) -> Any:
        """Send a POST; options as those of `request`."""
        return self.request("POST", url, data=data, json=json, **options)

    def put(self, url: str, data: Any = None, **options: Any) -> Any:
        """Send a PUT; options as those of `request`."""
        return self.request("PUT", url, data=data, **options)

    def patch(self, url: str, data: Any = None, **options: Any) -> Any:
        """Send a PATCH; options as those of `request`."""
        return self.request("PATCH", url, data=data, **options)

    def delete(self, url: str, **options: Any) -> Any:
        """Send a DELETE; options as those of `request`."""
        return self.request("DELETE", url, **options)

    def _completed(self, response: LeanResponse) -> LeanResponse:
        """The answer with its body decoded and its cookies kept; or a failed one."""
        try:
            self._exchange.complete(response)
        except RequestException as error:
            failed = LeanResponse(response.request, NO_HEAD, None, error)
            failed.history, failed.seconds = response.history, response.seconds
            return failed
        return response

    def _own_limits(self, timeout: Any) -> Limits:
        usual = self._limits
        if isinstance(timeout, tuple):
            connect_s, total_s = timeout
        else:
            connect_s = total_s = timeout
        return Limits(
            usual.connect_s if connect_s is None else float(connect_s),
            usual.total_s if total_s is None else float(total_s),
        )
