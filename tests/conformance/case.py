"""What a conformance case is: a script of the server, what the client asks, and what is right.

Nothing here imports Locust: the server's process, the client's and pytest's all read these values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.conformance.steps import Step

Script = Sequence[Step]
Certificate = Literal["good", "other-name", "self-signed", "expired"]


@dataclass(frozen=True)
class Answer:
    """What is right to be seen of one request."""

    status: int = 200
    content: bytes | None = b"ok"  # None: whatever
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None  # how the final address ends
    history: tuple[int, ...] | None = None  # status codes of the redirects
    text: str | None = None
    reason: str | None = None
    within_s: tuple[float, float] = (0.0, 5.0)  # of the whole request


@dataclass(frozen=True)
class Failure:
    """A request that fails: status code 0, and an exception in its event."""

    error: str  # pattern of `Class: text`, in any case
    history: tuple[int, ...] | None = None
    within_s: tuple[float, float] = (0.0, 5.0)


@dataclass(frozen=True)
class Refused:
    """A request that a scenario may not make: it raises, or fails, before anything is sent."""

    error: str  # pattern of `Class: text`, in any case


@dataclass(frozen=True)
class CutOff:
    """The scenario's own `gevent.Timeout` comes back to it, and the request is reported."""


Right = Answer | Failure | Refused | CutOff


@dataclass(frozen=True)
class Ask:
    """A request of the client; `{self}` and `{other}` in its address stand for the servers'."""

    right: Right = field(default_factory=Answer)
    method: str = "GET"
    url: str = "/"
    options: Mapping[str, Any] = field(default_factory=dict)
    pause_s: float = 0.0  # before it
    computes_s: float = 0.0  # before it, so that no event loop runs and sees what comes meanwhile
    cut_off_s: float | None = None  # by a timeout of the scenario's own class
    client_headers: Mapping[str, str] | None = None  # set on the client before it


@dataclass(frozen=True)
class Case:
    """One behaviour of a server, and what the client is to make of it."""

    name: str
    script: Sequence[Script]  # of every connection, in the order of their arrival
    asks: Sequence[Ask] = (Ask(),)
    other: Sequence[Script] = ()  # of a second server
    connections: int | None = None  # that the first server gets; None: as many as it has scripts
    requests: int | None = None  # that the first server gets; None: as many as there are asks
    other_requests: int = 0
    sent: Sequence[str] = ()  # patterns in what the first server received
    not_sent: Sequence[str] = ()
    other_sent: Sequence[str] = ()
    other_not_sent: Sequence[str] = ()
    tls: Certificate | None = None
    host: str = "127.0.0.1"  # where the server listens
    named: str | None = None  # the name in the address, if it is another
    userinfo: str = ""  # name and password in the base address
    user: Mapping[str, Any] = field(default_factory=dict)  # attributes of the user's class


def ask_all(*rights: Right, pause_s: float = 0.0) -> tuple[Ask, ...]:
    """One request after another, with a pause before each but the first."""
    first, *others = rights
    return (Ask(first), *(Ask(right, pause_s=pause_s) for right in others))
