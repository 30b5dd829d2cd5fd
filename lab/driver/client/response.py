"""The answer to a request, with the interface of `requests.Response` where scenarios look.

Only status and body are taken from an answer at once, all else when it is asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NoReturn

from locust.exception import LocustError
from requests.compat import chardet
from requests.cookies import RequestsCookieJar
from requests.exceptions import HTTPError, JSONDecodeError
from requests.utils import get_encoding_from_headers

from lab.driver.client.cookie_jar import keep
from lab.driver.client.head import AnswerHead, Headers
from lab.driver.client.sent_request import SentRequest

_NEEDS_CATCH = "In order to use a with-block for requests, you must also pass catch_response=True"


class LeanResponse:
    """An answer, or the error in its place: then `status_code` is 0 and `content` None.

    Attributes:
        status_code: 0 if there is no answer that counts.
        content: The body, decoded from its Content-Encoding; None without an answer.
        error: Why there is no answer; None if there is one.
        request: That was sent; of a chain of redirects, the last one.
        head: Status line and fields, as they came.
        history: The answers that redirected to this one, the first one first.
        request_meta: With `catch_response`, what will be reported to Locust.
        seconds: From the send to the last byte, redirects included.
        js: Set by `rest()` of Locust's users.
    """

    __slots__ = (
        *(
            "__weakref__",
            "_asked",
            "_entered",
            "_event",
            "_judged",
            "content",
            "error",
            "head",
            "history",
            "js",
            "lab_measured_ms",
        ),
        *("request", "request_meta", "seconds", "status_code"),
    )
    content: Any
    js: Any
    lab_measured_ms: Any
    request_meta: dict[str, Any]
    seconds: float

    def __init__(
        self,
        request: SentRequest,
        head: AnswerHead,
        content: bytes | None,
        error: Exception | None = None,
    ) -> None:
        """An answer to this request.

        Args:
            request: That was sent.
            head: Of the answer.
            content: Its body; None without one.
            error: Why there is none.
        """
        self.request = request
        self.head = head
        self.status_code = head.status
        self.content = content
        self.error = error
        self.history: list[LeanResponse] = []
        self._asked: dict[str, Any] | None = None  # what was taken apart already, by its name

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        """Take something apart, once."""
        if self._asked is None:
            self._asked = {}
        if name not in self._asked:
            self._asked[name] = make()
        return self._asked[name]

    @property
    def ok(self) -> bool:
        """Whether there is an answer, with a status below 400."""
        return 0 < self.status_code < 400

    def __bool__(self) -> bool:
        """As `ok`."""
        return self.ok

    def __repr__(self) -> str:
        """As `requests` has it."""
        return f"<Response [{self.status_code}]>"

    @property
    def url(self) -> str:
        """That was answered, after all redirects."""
        return self.request.url

    @property
    def reason(self) -> str:
        """The words behind the status."""
        line = self.head.raw.partition(b"\r\n")[0]
        return b" ".join(line.split(b" ", 2)[2:]).decode("latin-1")

    @property
    def headers(self) -> Headers:
        """The header fields."""
        found: Headers = self._once("headers", lambda: Headers(self.head.raw))
        return found

    @property
    def is_redirect(self) -> bool:
        """Whether it redirects."""
        return self.status_code in (301, 302, 303, 307, 308) and "location" in self.headers

    @property
    def cookies(self) -> RequestsCookieJar:
        """The cookies that this answer has set."""
        found: RequestsCookieJar = self._once("cookies", self._set_cookies)
        return found

    def _set_cookies(self) -> RequestsCookieJar:
        jar = RequestsCookieJar()
        keep(jar, self.url, self.headers.get_all("set-cookie"))
        return jar

    @property
    def elapsed(self) -> timedelta:
        """From the send to the last byte, redirects included."""
        return timedelta(seconds=self.seconds)

    @property
    def encoding(self) -> str | None:
        """Of the text: as the header says, or as it was set; None if it does not say."""
        found: str | None = self._once("encoding", lambda: get_encoding_from_headers(self.headers))
        return found

    @encoding.setter
    def encoding(self, encoding: str | None) -> None:
        self._asked = {**(self._asked or {}), "encoding": encoding}

    @property
    def apparent_encoding(self) -> str | None:
        """A guess from the content."""
        if chardet is None:
            return "utf-8"
        guessed: str | None = chardet.detect(self.content or b"")["encoding"]
        return guessed

    @property
    def text(self) -> str:
        """The content as text."""
        if not self.content:
            return ""
        content: bytes = self.content
        encoding = self.encoding
        if encoding is None:
            try:
                return content.decode()
            except UnicodeDecodeError:
                encoding = self.apparent_encoding
        try:
            return content.decode(encoding or "utf-8", "replace")
        except LookupError:
            return content.decode("utf-8", "replace")

    def json(self, **options: Any) -> Any:
        """The content as JSON.

        Raises:
            JSONDecodeError: Of `requests`: it is none.
        """
        encoding = self.encoding
        by_itself = encoding is None or encoding.lower() == "utf-8"
        try:
            return json.loads((self.content or b"") if by_itself else self.text, **options)
        except json.JSONDecodeError as error:
            raise JSONDecodeError(error.msg, error.doc, error.pos) from error
        except UnicodeDecodeError as error:
            raise JSONDecodeError(str(error), self.text, 0) from error

    def iter_content(self, *_: Any, **__: Any) -> NoReturn:
        """Refused: an answer is read whole."""
        raise LocustError("LeanHttpUser reads answers whole: use `content`")

    iter_lines = iter_content

    def close(self) -> None:
        """Nothing: it was read whole."""

    def raise_for_status(self) -> None:
        """Raise the error in its place, or HTTPError if its status is 400 or above."""
        if self.error is not None:
            raise self.error
        if self.status_code >= 400:
            raise self.status_error(self.url)

    def status_error(self, url: str) -> HTTPError:
        """The error of a status of 400 or above, worded as by `requests`, for this URL."""
        whose = "Client" if self.status_code < 500 else "Server"
        text = f"{self.status_code} {whose} Error: {self.reason} for url: {url}"
        request: Any = self.request
        response: Any = self
        return HTTPError(text, request=request, response=response)

    def __enter__(self) -> Any:
        """Refused: without `catch_response`, the request was reported already."""
        raise LocustError(_NEEDS_CATCH)

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        """Nothing."""
        return None

    def success(self) -> None:
        """Refused, as `__enter__`."""
        raise LocustError(_NEEDS_CATCH)

    def failure(self, _: Any) -> None:
        """Refused, as `__enter__`."""
        raise LocustError(_NEEDS_CATCH)
