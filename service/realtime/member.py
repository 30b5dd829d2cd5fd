"""A member of a room: what it has yet to be sent."""

import asyncio
from collections import deque
from collections.abc import Iterable


class Member:
    """One connection in a room, with a bounded queue of broadcasts.

    What it is owed from before it joined is a backlog of its own: that does not count as being
    slow.
    """

    def __init__(self, backlog: Iterable[str], queue: int) -> None:
        self.dropped = asyncio.Event()
        self._backlog = deque(backlog)
        self._queue: deque[str] = deque()
        self._limit = queue
        self._filled = asyncio.Event()
        self._space = asyncio.Event()
        self._space.set()

    def offer(self, message: str) -> bool:
        """Queue a message; False if there is no space."""
        if len(self._queue) >= self._limit:
            return False
        self._queue.append(message)
        self._filled.set()
        if len(self._queue) >= self._limit:
            self._space.clear()
        return True

    async def next(self) -> str:
        """The next message to send, once there is one."""
        if self._backlog:
            return self._backlog.popleft()
        while not self._queue:
            self._filled.clear()
            await self._filled.wait()
        self._space.set()
        return self._queue.popleft()

    async def space(self) -> None:
        """Wait until a message can be queued, or the member is gone."""
        await self._space.wait()

    def leave(self) -> None:
        """Be gone: nobody waits for this member any longer."""
        self._space.set()

    def drop(self) -> None:
        """Be gone against its will."""
        self.leave()
        self.dropped.set()
