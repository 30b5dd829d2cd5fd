"""A machine-wide lock: only one run measures at a time, for two would disturb each other."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Callable, Iterator

from lab.errors import UsageError

# An abstract Unix socket: one per machine (strictly: per network namespace), held by the process
# that listens, gone when that ends, and no file that could be left.
_ADDRESS = "\0bottleneck-lab-measuring"
_POLL_S = 0.3


class MachineBusy(UsageError):
    """Another run is measuring; the message has its process id."""


@contextlib.contextmanager
def machine_lock(
    on_wait: Callable[[int | None], None] | None, remedy: str = "Wait until it has ended"
) -> Iterator[None]:
    """Hold the machine for measuring.

    Args:
        on_wait: Called once, before waiting, with the process id of the holder (None if unknown).
            None: do not wait.
        remedy: What the message of MachineBusy advises.

    Raises:
        MachineBusy: Another run is measuring, and `on_wait` is None.
    """
    reported = False
    while True:
        mine = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            mine.bind(_ADDRESS)
        except OSError:
            mine.close()
            if on_wait is None:
                raise MachineBusy(
                    f"another run is measuring (process {_holder() or 'unknown'}). {remedy}"
                ) from None
            if not reported:
                on_wait(_holder())
                reported = True
            time.sleep(_POLL_S)
            continue
        with mine:
            mine.listen()
            yield
        return


def _holder() -> int | None:
    """The process id of the holder, from the kernel; None if it is not known."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        asking.settimeout(1)
        try:
            asking.connect(_ADDRESS)
            credentials = asking.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
        except OSError:
            return None
    return int(struct.unpack("3i", credentials)[0])
