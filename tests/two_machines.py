"""A second machine, as far as the system lends one: a network and a clock of its own.

Only root may make them. What is made is removed again.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

_OWN = os.getpid()  # in all names: tests may run side by side
HERE, THERE = (f"10.213.{_OWN % 250 + 1}.{end}" for end in (1, 2))  # the addresses of both ends
CLOCK_S = 1000.0  # by which the other machine's monotonic clock is ahead
WAY_S = 0.02  # delay of the connection between worker and master, each way
_SPACE, _ENDS = f"lab-{_OWN}", (f"lh{_OWN}", f"lt{_OWN}")


def why_not() -> str | None:
    """What is missing for a second machine; None if nothing is."""
    if os.geteuid() != 0:
        return "only root may make a network namespace"
    missing = [name for name in ("ip", "unshare") if shutil.which(name) is None]
    if missing:
        return f"there is no {' and no '.join(missing)}"
    trial = subprocess.run(
        ["unshare", "--net", "--time", "--monotonic", "1", "--fork", "true"],
        capture_output=True,
        text=True,
        check=False,
    )
    return trial.stderr.strip() or None


@contextmanager
def other_machine() -> Iterator[list[str]]:
    """The words that a command begins with to run there; here is `HERE`, there is `THERE`."""
    here, there = _ENDS
    _remove()
    try:
        _ip("netns", "add", _SPACE)
        _ip("link", "add", "name", here, "type", "veth", "peer", "name", there)
        _ip("link", "set", there, "netns", _SPACE)
        _ip("address", "add", f"{HERE}/24", "dev", here)
        _ip("link", "set", here, "up")
        for words in (
            ("address", "add", f"{THERE}/24", "dev", there),
            ("link", "set", there, "up"),
            ("link", "set", "lo", "up"),
        ):
            _ip("-n", _SPACE, *words)
        clock = ["unshare", "--time", "--monotonic", f"{CLOCK_S:.0f}", "--fork", "--kill-child"]
        yield ["ip", "netns", "exec", _SPACE, *clock]
    finally:
        _remove()


def _remove() -> None:
    for words in (("link", "delete", _ENDS[0]), ("netns", "delete", _SPACE)):
        subprocess.run(["ip", *words], capture_output=True, check=False)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


class DelayedWay:
    """Passes connections on to another address of this machine, `WAY_S` later each way.

    The kernel's own `netem` is not everywhere.
    """

    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        self._listening = socket.create_server((HERE, 0))
        self.port = int(self._listening.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                try:
                    far = socket.create_connection(self._to)
                except OSError:  # nobody listens there yet
                    near.close()
                    continue
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=(ends,), daemon=True).start()

    def _pass_on(self, ends: Sequence[socket.socket]) -> None:
        source, sink = ends
        waiting: list[tuple[float, bytes]] = []
        changed = threading.Condition()

        def send() -> None:
            while True:
                with changed:
                    changed.wait_for(lambda: bool(waiting))
                    due, data = waiting.pop(0)
                time.sleep(max(0.0, due - time.monotonic()))
                with suppress(OSError):
                    if not data:
                        sink.shutdown(socket.SHUT_WR)
                        return
                    sink.sendall(data)

        threading.Thread(target=send, daemon=True).start()
        data = b"-"
        while data:
            try:
                data = source.recv(1 << 16)
            except OSError:
                data = b""
            with changed:
                waiting.append((time.monotonic() + WAY_S, data))
                changed.notify()
