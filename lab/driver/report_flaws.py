"""Reports of requests from which no latency can be taken: what is wrong, and what is right.

They void the block. A scenario may make thousands of them, so each kind is kept once for a request,
with its count. The texts continue the words "The scenario ...".
"""

from __future__ import annotations

import numbers
import re
import sys
import sysconfig
from decimal import Decimal
from pathlib import Path
from typing import Any

import locust

import lab
from lab.driver_messages import as_utf8

_MAX_KINDS = 20  # that are counted apart in a frame
_NO_SCENARIO = (  # folders whose code is not the scenario's
    str(Path(locust.__file__).parent.parent),
    str(Path(lab.__file__).parent),
    sysconfig.get_path("stdlib"),
)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_RIGHT = "Report milliseconds as a number, or None for what takes no time"


class ReportFlaws:
    """The flaws since the last frame."""

    def __init__(self) -> None:
        self._texts: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}

    def add_odd_time(self, method: Any, name: Any, time: Any) -> None:
        """A response time that is missing or no number, or that the trial had no time for.

        Args:
            method: Of the request.
            name: Of the request.
            time: As it was reported, in milliseconds perhaps; `...` for none.
        """
        if time is ...:
            what = f"without a `response_time`. {_RIGHT}"
        else:
            what = f"with the response time {_shown(time)}. {_RIGHT}"
            if (number := as_number(time)) is not None and number >= 0:
                what = (
                    f"with the response time {_shown(time)}, longer than the trial has lasted. "
                    f"{_RIGHT}"
                )
        self._add("time", method, name, what)

    def add_overridden(self, method: Any, name: Any) -> None:
        """A response time of the scenario's own, for a request that a client has timed."""
        what = (
            "with a response time of its own, in place of the time that its client waited. Report "
            "it by the event `request` as another request, with a method such as METRIC"
        )
        self._add("override", method, name, what)

    def add_nameless(self, method: Any) -> None:
        """A report without a name."""
        self._add("name", method, "", "without a `name`. Report a name as text")

    def add_unattributed(self, method: Any, name: Any, outlived: bool) -> None:
        """A report of an open load that belongs to no arrival.

        Args:
            method: Of the request.
            name: Of the request.
            outlived: Whether its greenlet works for an arrival whose task has ended.
        """
        if outlived:
            what = (
                "by a greenlet that has outlived the task of its arrival, so that its latency from "
                "the scheduled send time is not known. Wait within the task for what it spawns"
            )
        else:
            what = (
                "by a greenlet that no task of an arrival spawned, so that its latency from the "
                "scheduled send time is not known. Send and report it within a task, or drive "
                "this scenario with a closed load"
            )
        self._add("arrival", method, name, what)

    def take(self) -> dict[str, int]:
        """Remove all; returns their messages, with counts."""
        taken, self._counts = self._counts, {}
        self._texts = {}
        return taken

    def _add(self, kind: str, method: Any, name: Any, what: str) -> None:
        request = as_utf8(f"{method} {name}".strip()[:100])
        text = self._texts.get((kind, request))
        if text is None:
            text = "reported further requests wrongly"
            if len(self._texts) < _MAX_KINDS:
                text = f"reported the request {request}{_place()} {what}"
            self._texts[kind, request] = text
        self._counts[text] = self._counts.get(text, 0) + 1


def as_number(value: Any) -> float | None:
    """A real number of any type as a float; None if it is none."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real | Decimal):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _shown(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        text = "?"
    text = _ADDRESS.sub("", text)  # so that each such object makes the same text
    return f"{text[:60]} ({type(value).__name__})"


def _place() -> str:
    """File and line of the scenario that made this report, if any of it is on the stack."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((*_NO_SCENARIO, "<", "src/gevent")):
            return f" ({Path(file).name}, line {frame.f_lineno})"
        frame = frame.f_back  # type: ignore[assignment]
    return ""
