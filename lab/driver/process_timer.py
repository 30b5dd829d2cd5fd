"""A timer that interrupts this process by a signal of its own.

Python's `signal.setitimer` and `signal.alarm` share one timer and SIGALRM, which belong to the
scenario: many use them for time limits of their own.
"""

from __future__ import annotations

import ctypes
import os
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Any

_SIGNAL = signal.SIGRTMAX
_TO_THREAD = 4  # SIGEV_THREAD_ID; Linux gives a signal for the process to the thread that runs


class _SignalEvent(ctypes.Structure):
    """`struct sigevent`, which is 64 bytes long."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("number", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("thread", ctypes.c_int),
        ("rest", ctypes.c_char * 44),
    )


class _Itimerspec(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_long) for name in ("interval_s", "interval_ns", "delay_s", "delay_ns")
    )


class ProcessTimer:
    """A timer of timer_create(2). It does not survive a fork: each process makes its own.

    It interrupts the main thread, also if that sleeps while another thread runs.
    """

    def __init__(self, on_expiry: Callable[[int, FrameType | None], Any]) -> None:
        """Make a timer that is not set.

        Args:
            on_expiry: Called as a signal handler, between two bytecodes of the main thread.
        """
        libc = ctypes.CDLL(None, use_errno=True)
        self._set = libc.timer_settime
        self._timer = ctypes.c_void_p()
        main_thread = os.getpid()
        event = _SignalEvent(number=_SIGNAL, notify=_TO_THREAD, thread=main_thread)
        signal.signal(_SIGNAL, on_expiry)
        made = libc.timer_create(
            time.CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._timer)
        )
        if made < 0:
            raise OSError(ctypes.get_errno(), "no timer")

    def set(self, delay_s: float) -> None:
        """Let it expire once, after this many seconds; 0 stops it."""
        nanoseconds = round(delay_s * 1e9)
        alarm = _Itimerspec(0, 0, *divmod(nanoseconds, 10**9))
        if self._set(self._timer, 0, ctypes.byref(alarm), None) < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
