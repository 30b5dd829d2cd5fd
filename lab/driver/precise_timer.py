"""A timer that wakes a greenlet on time: gevent's own is precise to a millisecond only."""

from __future__ import annotations

import ctypes
import os
import time
from contextlib import suppress
from typing import Any

import gevent

_NONBLOCK, _CLOEXEC, _ABSOLUTE = os.O_NONBLOCK, os.O_CLOEXEC, 1
_READ = 1  # libev's event


class _Itimerspec(ctypes.Structure):
    """Interval and moment, in seconds and nanoseconds each (timerfd_create(2))."""

    _fields_ = tuple(
        (name, ctypes.c_long) for name in ("interval_s", "interval_ns", "moment_s", "moment_ns")
    )


class PreciseTimer:
    """A timer for one greenlet, on a Linux timer descriptor (in Python itself from 3.13 on)."""

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        self._set = libc.timerfd_settime
        self._fd = libc.timerfd_create(time.CLOCK_MONOTONIC, _NONBLOCK | _CLOEXEC)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "no timer descriptor")
        self._alarm = _Itimerspec()
        self._alarm_reference = ctypes.byref(self._alarm)
        self._hub = gevent.get_hub()
        self._greenlet: Any = None  # that sleeps
        self._due_ns = 0  # until then, monotonic
        # stays on: starting and stopping a watcher costs two system calls
        self._io = self._hub.loop.io(self._fd, _READ)
        self._io.start(self._expired)

    def wait_until(self, moment: float) -> bool:
        """Sleep until `moment` (monotonic seconds); False, at once, if it has passed."""
        nanoseconds = int(moment * 1e9)
        if nanoseconds <= time.monotonic_ns():
            return False
        # setting the timer also clears its last expiry
        alarm = self._alarm
        alarm.moment_s, alarm.moment_ns = divmod(nanoseconds, 10**9)
        if self._set(self._fd, _ABSOLUTE, self._alarm_reference, None) < 0:
            raise OSError(ctypes.get_errno(), "the timer descriptor cannot be set")
        self._due_ns = nanoseconds
        self._greenlet = gevent.getcurrent()
        try:
            while self._greenlet is not None:
                self._hub.switch()
        finally:
            self._greenlet = None
        return True

    def close(self) -> None:
        """Close the descriptor."""
        self._io.stop()
        self._io.close()
        os.close(self._fd)

    def _expired(self) -> None:
        """Called in the event loop as long as an expiry was neither cleared nor read."""
        if self._greenlet is None:
            with suppress(BlockingIOError):
                os.read(self._fd, 8)
        elif time.monotonic_ns() >= self._due_ns:  # not for an expiry before, seen in this turn
            greenlet, self._greenlet = self._greenlet, None
            greenlet.switch()
