"""A kept connection: a non-blocking socket with a libev watcher of its own.

The watcher stays on while the connection is open: a request is one `send`, one switch to the event
loop, and one `recv` when libev has found that there is something. The answer is read in the event
loop, which switches back when it has read what all connections have. An idle connection that
becomes readable is closed: whatever came, nobody has asked for it.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from gevent import getcurrent
from requests.exceptions import ReadTimeout

from lab.driver.client.answer_reader import AnswerReader
from lab.driver.client.deadlines import DeadlineSweep
from lab.driver.client.errors import NoAnswerError
from lab.driver.client.resumption import CLOSED, HANGS_UP, poll, resumption_of

_RECEIVE, _RECEIVE_MORE = 8 * 1024, 256 * 1024  # bytes; a large buffer costs a microsecond
_READ, _WRITE = 1, 2  # of libev
_SILENT_S = 0.001  # so long nobody looks again whether a connection that was silent still is


class Connection:
    """Carries one request at a time; what it read of the answer is in `reader`.

    Attributes:
        ended: When the last answer was complete, in seconds of `perf_counter`.
        answered, silent_at, number: As `Answered` has them.
    """

    __slots__ = (
        *("__weakref__", "_encode", "_ended", "_error", "_greenlet", "_poll"),
        *("_receive", "_rest", "_resumption", "_send", "_sweep", "_switch", "_was_reset"),
        *("_watcher", "_writer", "answered", "deadline", "ended", "hub", "number", "reader"),
        *("silent_at", "socket"),
    )

    def __init__(self, hub: Any, socket: Any, sweep: DeadlineSweep) -> None:
        """Take over a socket that is connected and does not block.

        Args:
            hub: Of gevent; its event loop reads.
            socket: A plain one (`_socket.socket`), which belongs to the connection from now on.
            sweep: Ends requests that wait too long.
        """
        self.hub, self.socket, self._sweep = hub, socket, sweep
        self._switch = hub.switch
        self.reader = AnswerReader()
        self.deadline = 0.0
        self._send, self._receive = socket.send, socket.recv
        self._greenlet: Any = None  # that waits for the answer
        self.answered: Any = None
        self._error: Exception | None = None
        self._ended = False  # the other side has said that nothing more comes
        self._was_reset = False
        self._rest: memoryview | None = None  # of the request
        self._encode: Callable[[bytes], bytes] | None = None  # what is sent in place of a request
        self._writer: Any = None
        self.ended, self.silent_at, self.number = 0.0, 0.0, socket.fileno()
        self._resumption = resumption_of(hub)
        looked = poll()
        looked.register(self.number, HANGS_UP)
        self._poll: Any = looked.poll
        self._watcher: Any = hub.loop.io(self.number, _READ)
        self._watcher.start(self._readable)
        sweep.add(self)

    @property
    def waits(self) -> bool:
        """Whether a request waits for its answer."""
        return self._greenlet is not None

    def is_usable(self) -> bool:
        """Whether an idle connection is open and silent, so that a request may be sent."""
        return self._watcher is not None and not self._poll(0)

    def exchange(self, request: bytes, head_alone: bool, begun: float, deadline: float) -> bool:
        """Send a request and wait until its answer is complete.

        Whatever is raised, also by whoever cuts it off, the connection is closed then.

        Calls cost more than what they do here: this is the path of every request.

        Args:
            request: Its bytes.
            head_alone: Whether the answer has no body, whatever it says.
            begun: About now, in seconds of `perf_counter`.
            deadline: Likewise.

        Returns:
            False if nothing was sent, so that it may be sent on another connection: the other side
            has closed this one, which is closed now.

        Raises:
            NoAnswerError, AnswerCutOffError, BadAnswerError: There is no whole answer.
            ReadTimeout: The deadline has passed.
        """
        is_silent = 0.0 <= begun - self.silent_at < _SILENT_S
        if not is_silent and (self._watcher is None or (self._poll(0) and not self.is_usable())):
            self.close()
            return False
        self.reader.begin(head_alone)
        self.deadline = deadline
        self._greenlet = getcurrent()
        try:
            if self._encode is not None:
                request = self._encode(request)
            try:
                # what TLS itself has to say comes first
                sent = self._send(request) if self._rest is None else 0
            except BlockingIOError:
                sent = 0
            except OSError:  # closed in the very moment
                self._greenlet = None
                self.close()
                return False
            if sent < len(request):
                self._send_later(request[sent:])
            while self._greenlet is not None:
                self._switch()
        except BaseException:
            self._greenlet = self.answered = None
            self.close()
            raise
        self.answered = None
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return True

    def close(self) -> None:
        """Close it, if it is open. A request that waits fails."""
        if self._watcher is None:
            return
        self._sweep.discard(self)
        self._watcher.stop()
        self._watcher.close()
        self._watcher = None
        self.silent_at, self.number = 0.0, CLOSED
        self._end_writing()
        self._poll = self._send = self._receive = self._encode = None
        self.reader.close()
        self.socket.close()
        if self._greenlet is not None:
            self._error = NoAnswerError("the client was closed before the answer")
            self.hub.loop.run_callback(self._wake)

    def expire(self) -> None:
        """End the request that waits: its deadline has passed."""
        what = "the answer did not end" if self.reader.begun else "there was no answer"
        self._fail(ReadTimeout(f"{what} before the timeout"))

    # -- the request --------------------------------------------------------------------------

    def _send_later(self, data: bytes) -> None:
        """Send it when there is room for it, behind what waits already."""
        if self._rest is not None:
            self._rest = memoryview(bytes(self._rest) + data)
            return
        self._rest = memoryview(data)
        self._writer = self.hub.loop.io(self.socket.fileno(), _WRITE)
        self._writer.start(self._writable)

    def _writable(self) -> None:
        assert self._rest is not None
        try:
            self._rest = self._rest[self._send(self._rest) :]
        except BlockingIOError:
            return
        except OSError:  # a reset; there may be an answer that says why: reading shows
            self._writer.stop()
            self._was_reset = True
            return
        if not self._rest:
            self._end_writing()

    def _end_writing(self) -> None:
        self._rest = None
        if self._writer is not None:
            self._writer.stop()
            self._writer.close()
            self._writer = None

    # -- the answer, in the event loop --------------------------------------------------------

    def _readable(self) -> None:
        try:
            data = self._receive(_RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            self._fail(self.reader.cut_off("reset"))
            return
        if self._greenlet is None:
            self.close()
            return
        self._take(data if len(data) < _RECEIVE else data + self._receive_more())

    def _receive_more(self) -> bytes:
        """What else has come of a large answer; nothing at its end, which the next turn sees."""
        try:
            return bytes(self._receive(_RECEIVE_MORE))
        except BlockingIOError:
            return b""
        except OSError:
            self._was_reset = True
            return b""

    def _take(self, data: bytes) -> None:
        """Read the next bytes of the answer; none if the other side has closed the connection."""
        try:
            if data:
                if not self.reader.feed(data):
                    return
            elif self._was_reset:  # the system has said so already, to the send
                raise self.reader.cut_off("reset")
            else:
                self.reader.end()
        except Exception as error:  # also one that is a fault of the client: nobody may wait on
            self._fail(error)
            return
        if self._rest is not None or self._ended:  # answered before all of the request was sent
            self.reader.reusable = False
        self.ended = perf_counter()
        self.answered, self._greenlet = self._greenlet, None
        self._resumption.add(self)

    def _fail(self, error: Exception) -> None:
        greenlet, self._greenlet = self._greenlet, None
        self.close()
        if greenlet is not None:
            self._error = error
            greenlet.switch()

    def _wake(self) -> None:
        greenlet, self._greenlet = self._greenlet, None
        if greenlet is not None:
            greenlet.switch()
