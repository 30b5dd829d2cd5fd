"""A lean HTTP/1.1 client for scenarios: `from lab.driver.client import LeanHttpUser`.

It costs a fraction of the processor time of Locust's own clients. The page `docs/lean-client.md`
says what it supports, and where it differs from `HttpUser`.
"""

from lab.driver.client.errors import (
    AnswerCutOffError,
    BadAnswerError,
    NoAnswerError,
    NotConnectedError,
    TlsError,
)
from lab.driver.client.response import LeanResponse
from lab.driver.client.session import LeanHttpSession
from lab.driver.client.user import LeanHttpUser

__all__ = [
    "AnswerCutOffError",
    "BadAnswerError",
    "LeanHttpSession",
    "LeanHttpUser",
    "LeanResponse",
    "NoAnswerError",
    "NotConnectedError",
    "TlsError",
]
