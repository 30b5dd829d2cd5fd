"""Standard output of a driver, for messages to the lab alone."""

from __future__ import annotations

import fcntl
import os

from lab.driver_messages import Message, encode


class MessagePipe:
    """Standard output, for messages alone: whatever a scenario prints goes to the log."""

    def __init__(self) -> None:
        self._fd = os.dup(1)
        os.dup2(2, 1)
        self._lock = os.memfd_create("messages")  # lanes write to the same pipe
        self.busy = False

    def send(self, message: Message) -> None:
        """Write one message."""
        data = encode(message)
        self.busy = True
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        while data:
            data = data[os.write(self._fd, data) :]
        fcntl.lockf(self._lock, fcntl.LOCK_UN)
        self.busy = False
