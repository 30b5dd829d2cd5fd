"""What a scenario did wrong in a trial: errors that it raised, and how it ended itself.

Nothing may be lost: besides Locust's own event, errors come from every listener, every greenlet
and every thread, and from log lines in which Locust reports an error that it swallows.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections import Counter
from types import TracebackType
from typing import Any

import gevent
from gevent.event import Event
from locust.exception import StopTest, StopUser

from lab.driver.source_location import SourceLocation, of_error, of_frame
from lab.driver_messages import Failed, as_utf8
from lab.network_guard import ForbiddenHostError

ENDS = (SystemExit, KeyboardInterrupt, gevent.GreenletExit)
"""Raised by a scenario, outside of its users, they end the test."""

_MAX_TEXTS = 20  # that are counted apart
_NOTED = "__lab_noted__"  # on an error that is counted: it may be seen on several ways


class ScenarioFaults:
    """The faults of a trial, counted by their text, which names file and line.

    A text continues the words "The scenario ...".
    """

    def __init__(self) -> None:
        self._texts: Counter[str] = Counter()
        self._first: tuple[str, SourceLocation | None] | None = None
        self.over = Event()
        """Set when the trial cannot go on."""

    def raised(self, error: BaseException, where: SourceLocation | str = "") -> None:
        """Note an error; where it was raised is in its traceback, or else in `where`."""
        if getattr(error, _NOTED, False):
            return
        _mark(error)
        name, text = type(error).__name__, first_line(error)
        self._count(f"raised {name}{': ' * bool(text)}{text}", of_error(error) or where)

    def raised_and_over(self, error: BaseException, where: str = "") -> None:
        """Note an error without whose cause the trial cannot go on."""
        self.raised(error, where)
        self.over.set()

    def ended_itself(self, how: str, where: SourceLocation | str | None) -> None:
        """Note that the scenario ended the test; the trial is over."""
        if not self.over.is_set():
            self._count(f"ended the test itself: {how}", where)
        self.over.set()

    def user_ended(
        self, name: str, error: BaseException | None, where: SourceLocation | None = None
    ) -> None:
        """Note that a user ended though the lab did not ask it to.

        Args:
            name: Of its class.
            error: That ended it.
            where: Where the scenario asked for it, if that is not where the error was raised.
        """
        how = "" if error is None else f" by {type(error).__name__}"
        where = where or (None if error is None else of_error(error))
        if error is not None:
            _mark(error)
        self._count(f"ended a user of class {name} itself{how}", where)

    def hangs(self, text: str, where: SourceLocation | None) -> None:
        """Note that it does not come to an end."""
        self._count(text, where)
        self.over.set()

    def gave_up(
        self, request: str, error: BaseException, where: SourceLocation | None = None
    ) -> None:
        """Note a request that ended without an answer, and that Locust does not count.

        Args:
            request: Its method and name.
            error: That cut it off.
            where: Where the scenario asked for it, if that is not where the error was raised.
        """
        self._count(
            f"gave up the request {request[:60]} by {type(error).__name__} before its answer, so "
            "that Locust does not count it: give the client a timeout instead",
            where
            or of_error(error)
            or of_frame(error.__traceback__ and error.__traceback__.tb_frame),
        )

    def no_user(self, name: str, where: SourceLocation | None) -> None:
        """Note a user that Locust cannot run, since its base class has not made it."""
        self._count(
            f"makes users of class {name} without Locust: call `super().__init__(environment)` in "
            "its `__init__`",
            where,
        )

    def refused(self, error: ForbiddenHostError) -> None:
        """Note that it was kept from loading another host, whatever it makes of the error."""
        _mark(error)
        self._count(f"reaches for another host: {error}", of_frame(sys._getframe(1)))

    def idle(self, where: SourceLocation | None) -> None:
        """Note that its tasks sent nothing that Locust counts."""
        self._count(
            "sent no request that Locust counts: use the user's own client, or report requests by "
            "the event `request`",
            where,
        )

    @property
    def any(self) -> bool:
        """Whether there was any so far."""
        return self._first is not None

    def as_failure(self) -> Failed:
        """The first of them, as a message."""
        text, where = self._first or ("", None)
        return Failed(f"it {text}", where and where.line, where and where.file)

    def take(self) -> dict[str, int]:
        """The faults since the last call."""
        texts, self._texts = dict(self._texts), Counter()
        return texts

    def _count(self, text: str, where: SourceLocation | str | None) -> None:
        text = as_utf8(text)
        if self._first is None:
            at = where if isinstance(where, SourceLocation) else None
            self._first = (text if at or not where else f"{text} ({where})"), at
        text = f"{text[:200]} ({where})" if where else text[:200]
        if text in self._texts or len(self._texts) < _MAX_TEXTS:
            self._texts[text] += 1
        else:
            self._texts["had further faults"] += 1

    # -- ways in which errors are seen -------------------------------------------------------

    def on_user_error(self, exception: BaseException, **_: Any) -> None:
        """Listens to Locust's event `user_error`."""
        self.raised(exception)

    def watch_greenlets(self) -> None:
        """See the error of every greenlet and thread that dies of one."""
        hub = gevent.get_hub()
        print_error = hub.print_exception

        def on_error(
            context: Any, kind: type[BaseException], error: Any, trace: TracebackType | None
        ) -> None:
            if not isinstance(error, BaseException):
                error = kind() if error is None else kind(error)
            if trace is not None:
                error = error.with_traceback(trace)
            if issubclass(kind, gevent.GreenletExit):
                return
            if not issubclass(kind, SystemExit):
                print_error(context, kind, error, trace)
            self.lost_greenlet(error)

        hub.handle_error = on_error
        threading.excepthook = lambda args: on_error(
            args.thread, args.exc_type, args.exc_value, args.exc_traceback
        )

    def lost_greenlet(self, error: BaseException) -> None:
        """Note why a greenlet died."""
        if getattr(error, _NOTED, False) or (self.over.is_set() and of_error(error) is None):
            return  # Locust complains if a user is stopped twice as the trial ends
        if isinstance(error, SystemExit | KeyboardInterrupt):
            self.ended_itself(exit_text(error), of_error(error))
            _mark(error)
        elif isinstance(error, StopTest):
            self.ended_itself(f"StopTest: {first_line(error)}", of_error(error))
            _mark(error)
        elif not isinstance(error, StopUser):
            self.raised(error, "in a greenlet")

    def watch_log(self) -> None:
        """See errors that Locust swallows and logs, as those of a task set's `on_stop`."""
        logging.getLogger().addFilter(self._on_log)

    def _on_log(self, record: logging.LogRecord) -> bool:
        error = sys.exception()
        if error is not None and str(record.msg).startswith("Uncaught exception in"):
            self.raised(error)
        return True


def exit_text(error: BaseException) -> str:
    """How a scenario asked its process to end, in words."""
    if isinstance(error, SystemExit):
        return f"sys.exit({'' if error.code is None else repr(error.code)})"
    return type(error).__name__


def _mark(error: BaseException) -> None:
    try:
        setattr(error, _NOTED, True)
    except AttributeError:
        return  # an error with slots: it may be counted twice


def first_line(error: BaseException) -> str:
    """The first line of its text; an error of a scenario may have none that can be read."""
    try:
        text = str(error).strip()
    except Exception as unread:
        return f"(its text cannot be read: {type(unread).__name__})"
    return text.splitlines()[0][:300] if text else ""
