"""When a benchmark's process may measure: the lab lets many processes measure in turn.

Both ends hold a socket, on which lines of ASCII go to and fro:

    lab       measure SECONDS    one slice of this length
              finish             end the test
    process   held               ready, and idle until the next line
              measured SECONDS   how long the slice took; of the first, one of its loops

A process that is held waits in a read, without using the processor.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

HELD = "held"
MEASURED = "measured"
MEASURE = "measure"
FINISH = "finish"


class Turns:
    """The end of the process that measures."""

    def __init__(self, descriptor: int) -> None:
        """Take over a socket that the process inherited; its own children do not get it."""
        self._socket = socket.socket(fileno=descriptor)
        self._socket.set_inheritable(False)
        self._lines = self._socket.makefile("r", encoding="ascii")

    def take(self, measure: Callable[[float], float]) -> None:
        """Call `measure` whenever it is this process's turn, until the lab ends it or is gone.

        Args:
            measure: Is given the length of a slice; returns the seconds that it took.
        """
        self._send(HELD)
        for slice_s in self._slices():
            self._send(f"{MEASURED} {measure(slice_s)!r}")

    def _slices(self) -> Iterator[float]:
        for line in self._lines:
            word, _, rest = line.strip().partition(" ")
            if word != MEASURE:
                return
            yield float(rest)

    def _send(self, line: str) -> None:
        self._socket.sendall(f"{line}\n".encode("ascii"))
