"""What a driver tells while it drives, taken in by a thread: several arms are driven at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

from lab.instruments.load_driver import DriverError

OPENING_S = 60.0  # at most, until the window is open
CLOSING_S = 60.0  # at most, until the last answers are there
MOST_MESSAGES = 100  # waiting to be taken in: more than a minute's

Message = Mapping[str, Any]


class DriverStream:
    """The messages of one life, in order. DriverError where the driver cannot go on."""

    def __init__(self, messages: Iterator[dict[str, Any]]) -> None:
        self._queue: queue.Queue[Message | Exception] = queue.Queue(MOST_MESSAGES)
        self._early: Message | None = None  # taken in, and of a later interval
        self._closing: Message | None = None
        threading.Thread(target=self._take_in, args=(messages,), daemon=True).start()

    def opening(self) -> float:
        """When the window opened, in monotonic seconds."""
        message = self._next(time.monotonic() + OPENING_S)
        if message is None:
            raise DriverError(f"a load driver did not begin within {OPENING_S:g} s")
        return float(message["opens"])

    def frames(self, until: float, deadline: float) -> Iterator[Message]:
        """The frames that end within `until` seconds of the window, as far as they come in time."""
        while self._closing is None:
            message, self._early = self._early or self._next(deadline), None
            if message is None:
                return
            if message["event"] == "closed":
                self._closing = message
            elif message["t"] > until + 1e-6:
                self._early = message
                return
            else:
                yield message
                if message["t"] >= until - 1e-6:
                    return

    def close(self) -> Message:
        """Wait until the driver is done and can be asked again; frames are too late now."""
        deadline = time.monotonic() + CLOSING_S
        while self._closing is None:
            message = self._next(deadline)
            if message is None:
                raise DriverError(f"a load driver did not end within {CLOSING_S:g} s")
            if message["event"] == "closed":
                self._closing = message
        return self._closing

    def _next(self, deadline: float) -> Message | None:
        try:
            message = self._queue.get(timeout=max(0.0, deadline - time.monotonic()))
        except queue.Empty:
            return None
        if isinstance(message, Exception):
            raise message
        return message

    def _take_in(self, messages: Iterator[dict[str, Any]]) -> None:
        try:
            for message in messages:
                self._queue.put(message)
        except Exception as error:  # told where the messages are waited for
            self._queue.put(error)
