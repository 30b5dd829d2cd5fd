"""What workers and their master say to each other beside Locust's own messages.

A worker sends `Join`, and is admitted or refused. The master asks `Ping`s, and passes on as
`Command`s the messages of `lab.driver_messages` for the process that makes the load. What that
process answers travels in Locust's worker reports, numbered within a trial, as `Report`s.

Whoever reaches the port can send anything: `read` checks every field.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from lab.errors import MeasurementError

PROTOCOL = 1
"""Of these messages. It changes with every change of a record below."""

JOIN, ADMIT, REFUSE = "lab-join", "lab-admit", "lab-refuse"
PING, PONG, COMMAND = "lab-ping", "lab-pong", "lab-command"
REPORT = "lab"  # key within Locust's worker report

SLOT = "LAB_WORKER_SLOT"
"""Environment variable: the place of a worker that the driver has started."""

HEARTBEAT_S = 3.0
"""A worker that has not heard of its master for so long ends its load."""


class MalformedMessage(MeasurementError):
    """Data that are no message of this version of the protocol."""


@dataclass(frozen=True, kw_only=True)
class Join:
    """A process offers itself as a worker."""

    protocol: int
    lab: str  # version
    code: str  # digest of the modules that a worker and its driver share
    locust: str  # version
    python: str  # major and minor version
    token: str
    slot: str  # "" for one that the driver has not started
    host: str  # name of its machine
    pid: int
    machine: str  # digest of the machine's boot; its clock starts with it
    clock: str  # the same for processes whose monotonic clocks are the same
    network: str  # the same for processes that share one loopback
    cores: tuple[int, ...]  # on which it may run


@dataclass(frozen=True)
class Admit:
    """The worker belongs to the run from now on."""

    name: str
    workers: int  # in all
    passed: tuple[str, ...] = ()  # names of the environment variables that the scenario needs


@dataclass(frozen=True)
class Refuse:
    """The worker does not belong to the run."""

    reason: str  # a sentence
    again: bool = False  # whether it may ask again later


@dataclass(frozen=True)
class Ping:
    """Ask for the time."""

    number: int


@dataclass(frozen=True)
class Pong:
    """The answer; both in seconds of the worker's monotonic clock."""

    number: int
    received: float
    answered: float


@dataclass(frozen=True)
class Command:
    """A message for the process that makes the load."""

    trial: int  # number of the trial that it begins or belongs to; 0 before the first
    line: bytes


@dataclass(frozen=True)
class Report:
    """A message of that process."""

    trial: int  # as of the last command
    number: int  # from 0 on within the trial
    line: bytes
    files: Mapping[str, str] = field(default_factory=dict)  # digests, with the import
    died: bool = False  # whether the process has ended, and the worker with it


Record = TypeVar("Record", Join, Admit, Refuse, Ping, Pong, Command, Report)

_READERS: dict[str, tuple[type | tuple[type, ...], type | None]] = {
    # by annotation: what a value may be, and of what the items of a sequence are
    "int": (int, None),
    "float": ((float, int), None),
    "str": (str, None),
    "bool": (bool, None),
    "bytes": (bytes, None),
    "tuple[int, ...]": ((list, tuple), int),
    "tuple[str, ...]": ((list, tuple), str),
    "Mapping[str, str]": (dict, str),
}


def as_data(record: Any) -> dict[str, Any]:
    """The record for a message of Locust, which carries plain types alone."""
    return dict(vars(record))


def read(kind: type[Record], data: Any) -> Record:
    """The record of received data; MalformedMessage if they are none of this kind."""
    if not isinstance(data, dict):
        raise MalformedMessage(f"a {kind.__name__} without fields")
    names = [each.name for each in fields(kind)]
    if set(data) != set(names):
        raise MalformedMessage(f"a {kind.__name__} with other fields than {', '.join(names)}")
    return kind(**{each.name: _value(kind, each.name, each.type, data) for each in fields(kind)})


def _value(kind: type[Any], name: str, annotation: Any, data: Mapping[str, Any]) -> Any:
    value = data[name]
    types, items = _READERS[str(annotation)]
    fits = isinstance(value, types) and (isinstance(value, bool) is (types is bool))
    if fits and items is not None:
        fits = all(isinstance(each, items) for each in value)
        if isinstance(value, dict):
            fits = fits and all(isinstance(each, str) for each in value.values())
    if not fits:
        raise MalformedMessage(f"a {kind.__name__} whose {name} is no {annotation}")
    return tuple(value) if isinstance(value, list) else value
