"""Being told to stop: by the ordinary way out, so that everything is brought down."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from types import FrameType

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
_AGAIN_S = 0.5


class Interrupted(KeyboardInterrupt):
    """A signal came.

    Of a type of its own: where KeyboardInterrupt itself passes through an `exec` of a string, as
    imports do, the interpreter ends by SIGINT whatever exit code was asked for.
    """


class TooEarly(Interrupted):
    """It came before there was a run to keep."""


@contextlib.contextmanager
def nothing_to_keep() -> Iterator[None]:
    """Whatever interrupts in here comes too early."""
    try:
        yield
    except Interrupted as interrupt:
        raise TooEarly(*interrupt.args) from None


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """Signals raise Interrupted in here; what clears up afterwards is not interrupted.

    What a finalizer or a callback raises is lost with it, so it is raised until the body is left.
    """
    left = False

    def interrupt(number: int, _: FrameType | None) -> None:
        if not left:
            signal.setitimer(signal.ITIMER_REAL, _AGAIN_S)
            raise Interrupted(signal.Signals(number).name)

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, interrupt)
    signal.signal(signal.SIGALRM, interrupt)
    try:
        yield
    finally:
        left = True
        signal.setitimer(signal.ITIMER_REAL, 0)
