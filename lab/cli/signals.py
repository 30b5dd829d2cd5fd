"""SIGINT, SIGTERM and SIGHUP end a command by an exception, so that everything is cleaned up."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_REPEAT_S = 0.5


class Interrupted(KeyboardInterrupt):
    """A signal came.

    Not KeyboardInterrupt itself: if that passes through an `exec` of a string, as imports use it,
    the interpreter ends by SIGINT whatever exit code was asked for.
    """


class InterruptedEarly(Interrupted):
    """A signal came before there was a run to keep."""


@contextlib.contextmanager
def before_first_trial() -> Iterator[None]:
    """Inside, Interrupted becomes InterruptedEarly."""
    try:
        yield
    except Interrupted as interrupt:
        raise InterruptedEarly(*interrupt.args) from None


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Inside, signals raise Interrupted; cleaning up afterwards is not interrupted.

    An exception that is raised within a finalizer or a callback is lost. It is therefore raised
    again until the body is left.
    """
    left = False

    def interrupt(number: int, _: FrameType | None) -> None:
        if not left:
            signal.setitimer(signal.ITIMER_REAL, _REPEAT_S)
            raise Interrupted(signal.Signals(number).name)

    _handle(interrupt)
    signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        left = True
        signal.setitimer(signal.ITIMER_REAL, 0)


@contextlib.contextmanager
def deferred_signals() -> Iterator[list[str]]:
    """Inside, signals interrupt nothing: their names are added to the list that it yields."""
    came: list[str] = []

    def note(number: int, _: FrameType | None) -> None:
        came.append(signal.Signals(number).name)

    _handle(note)
    yield came


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # under nohup it stays ignored
            signal.signal(number, handler)
