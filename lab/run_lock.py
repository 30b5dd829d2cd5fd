"""Measuring takes turns, machine-wide: two runs at once would measure each other."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator

from lab.errors import UsageError

# An abstract Unix socket: one per machine (strictly: per network namespace), held by whoever
# listens, gone with its process, and no file that could stay behind.
_ADDRESS = "\0bottleneck-lab-measuring"
_POLL_S = 0.3


class MachineBusy(UsageError):
    """Another run is measuring; the message tells its process id."""


@contextlib.contextmanager
def machine_lock(waiting: Callable[[int | None], None] | None) -> Iterator[None]:
    """Hold the machine for measuring.

    Args:
        waiting: called once with the holder's process id when there is one, before waiting for it;
            None means not to wait.

    Raises:
        Busy: another run measures and `waiting` is None.
    """
    told = False
    while True:
        mine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mine.bind(_ADDRESS)
        except OSError:
            mine.close()
            if waiting is None:
                raise MachineBusy(
                    f"another run is measuring (process {_holder() or 'unknown'}). "
                    "Leave --no-wait out to wait for it"
                ) from None
            if not told:
                waiting(_holder())
                told = True
            time.sleep(_POLL_S)
            continue
        with mine:
            mine.listen()
            yield
        return


def _holder() -> int | None:
    """Who listens there, as the kernel tells it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1)
        try:
            asking.connect(_ADDRESS)
            credentials = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except OSError:
            return None
    return int(struct.unpack("3i", credentials)[0])
