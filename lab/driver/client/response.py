"""The answer to a request, with the interface of `requests.Response` where scenarios look.

Only status and body are taken from an answer at once, all else when it is asked for.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, NoReturn

from locust.exception import CatchResponseError, LocustError, ResponseError
from requests.compat import chardet
from requests.cookies import RequestsCookieJar
from requests.exceptions import HTTPError, JSONDecodeError
from requests.utils import get_encoding_from_headers

from lab.driver.client.cookie_jar import keep
from lab.driver.client.head import Headers
from lab.driver.client.sent_request import SentRequest

_NEEDS_CATCH = "In order to use a with-block for requests, you must also pass catch_response=True"
_NEEDS_BLOCK = (
    "Tried to set status on a request that has not yet been made. Make sure you use a with-block, "
    "with catch_response=True"
)


class LeanResponse:
    """An answer, or the error in its place: then `status_code` is 0 and `content` None.

    Attributes:
        status_code: 0 if there is no answer that counts.
        content: The body, decoded from its Content-Encoding; None without an answer.
        error: Why there is no answer; None if there is one.
        request: That was sent; of a chain of redirects, the last one.
        head: Status line and fields, as they came.
        lower: The same in lower case.
        request_meta: With `catch_response`, what will be reported to Locust.
        js: Set by `rest()` of Locust's users.
    """

    __slots__ = (
        *("__weakref__", "_cookies", "_encoding", "_entered", "_event", "_headers", "_history"),
        *("_judged", "_seconds", "content", "error", "head", "js", "lab_measured_ms", "lower"),
        *("request", "request_meta", "status_code"),
    )
    content: Any
    js: Any
    lab_measured_ms: Any
    lower: bytes
    request_meta: dict[str, Any]

    def __init__(
        self, request: SentRequest, status: int, content: bytes | None, head: bytes
    ) -> None:
        """An answer to this request.

        Args:
            request: That was sent.
            status: Of the answer.
            content: Its body.
            head: Its status line and fields.
        """
        self.request, self.status_code, self.content, self.head = request, status, content, head
        self.error: Exception | None = None
        self._history: list[LeanResponse] | None = None
        self._headers: Headers | None = None
        self._encoding: str | None = None
        self._cookies: RequestsCookieJar | None = None
        self._seconds = 0.0

    @classmethod
    def failed(cls, request: SentRequest, error: Exception) -> LeanResponse:
        """What stands for an answer that is missing."""
        response = cls(request, 0, None, b"")
        response.error = error
        return response

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
        line = self.head.partition(b"\r\n")[0]
        return b" ".join(line.split(b" ", 2)[2:]).decode("latin-1")

    @property
    def headers(self) -> Headers:
        """The header fields."""
        if self._headers is None:
            self._headers = Headers(self.head)
        return self._headers

    @property
    def history(self) -> list[LeanResponse]:
        """The answers that redirected to this one, the first one first."""
        if self._history is None:
            self._history = []
        return self._history

    @property
    def is_redirect(self) -> bool:
        """Whether it redirects."""
        return self.status_code in (301, 302, 303, 307, 308) and "location" in self.headers

    @property
    def cookies(self) -> RequestsCookieJar:
        """The cookies that this answer has set."""
        if self._cookies is None:
            self._cookies = RequestsCookieJar()
            keep(self._cookies, self.url, self.headers.get_all("set-cookie"))
        return self._cookies

    @property
    def elapsed(self) -> timedelta:
        """From the send to the last byte, redirects included."""
        return timedelta(seconds=self._seconds)

    @property
    def encoding(self) -> str | None:
        """Of the text: as the header says, or as it was set; None if it does not say."""
        if self._encoding is None:
            self._encoding = get_encoding_from_headers(self.headers)
        return self._encoding

    @encoding.setter
    def encoding(self, encoding: str | None) -> None:
        self._encoding = encoding

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


class JudgedResponse(LeanResponse):
    """An answer with `catch_response`: the scenario says what it counts for, in a `with` block."""

    __slots__ = ()

    def report_by(self, event: Any, meta: dict[str, Any]) -> None:
        """Report it at the end of the block: to this event, and as this says."""
        self._event, self.request_meta = event, meta
        self._judged: bool | Exception | None = None
        self._entered = False

    def __enter__(self) -> JudgedResponse:
        """Begin to judge."""
        self._entered = True
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool | None:
        """Report it: as it was judged, or else by its status."""
        meta = self.request_meta
        if self._judged is not None:
            meta["exception"] = None if self._judged is True else self._judged
            self._event.fire(**meta)
            return kind is None
        if kind is None:
            meta["exception"] = self.error
            if self.error is None and self.status_code >= 400:
                meta["exception"] = self.status_error(meta["name"])
        elif isinstance(error, ResponseError):
            meta["exception"] = error
        else:
            return False
        self._event.fire(**meta)
        return True

    def success(self) -> None:
        """It counts as a success."""
        self._judge(True)

    def failure(self, exc: Any) -> None:
        """It counts as a failure, for this reason."""
        self._judge(exc if isinstance(exc, Exception) else CatchResponseError(exc))

    def _judge(self, judged: bool | Exception) -> None:
        if not self._entered:
            raise LocustError(_NEEDS_BLOCK)
        self._judged = judged

    def raise_for_status(self) -> None:
        """As any answer, unless it was judged already."""
        if isinstance(self._judged, Exception):
            raise self._judged
        if self._judged is None:
            super().raise_for_status()
