"""A request as it is sent: its bytes, and where they go."""

from __future__ import annotations

from lab.driver.client.head import Headers
from lab.driver.client.target import Endpoint, Target

_END = b"\r\n\r\n"


class SentRequest:
    """A request that is ready to be sent, any number of times.

    Attributes:
        data: All of its bytes.
        endpoint: Where they go.
        target: The parts of its URL.
        method: In upper case.
        url: Without name and password.
        path_url: Path and query.
        head_alone: Whether its answer has no body.
    """

    __slots__ = ("data", "endpoint", "head_alone", "method", "path_url", "target", "url")

    def __init__(self, method: str, target: Target, endpoint: Endpoint, data: bytes) -> None:
        self.method, self.target, self.endpoint, self.data = method, target, endpoint, data
        self.url, self.path_url = target.url, target.path
        self.head_alone = method == "HEAD"

    @property
    def headers(self) -> Headers:
        """As they are sent."""
        return Headers(self.data.partition(_END)[0])

    @property
    def body(self) -> bytes | None:
        """As it is sent; None if there is none."""
        return self.data.partition(_END)[2] or None

    def __repr__(self) -> str:
        """As `requests` has it."""
        return f"<Request [{self.method}]>"
