"""All rooms: they come with their first member and go, a while after, with their last."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

from service.realtime.member import Member
from service.realtime.room import Resume, Room

_SWEEP_S = 1


@dataclass(frozen=True, slots=True)
class RoomLimits:
    """How much is kept, for how long."""

    queue: int
    history: int
    linger_s: float
    linger_rooms: int


class Rooms:
    """The rooms by name.

    An empty room lingers, history and all, so that whoever was cut off can come back to it; then
    it is removed. Only the latest ``linger_rooms`` empty rooms linger. Without cleanup, none goes.
    """

    def __init__(
        self,
        limits: RoomLimits,
        instance: str,
        cleanup: bool = True,
        wait_for_slow: bool = False,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self.broadcasts = 0
        self.dropped = 0
        self._limits = limits
        self._instance = instance
        self._cleanup = cleanup
        self._wait_for_slow = wait_for_slow
        self._clock = clock
        self._rooms: dict[str, Room] = {}
        self._empty_since: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._rooms)

    @property
    def members(self) -> int:
        """How many are in all rooms together."""
        return sum(len(room.members) for room in self._rooms.values())

    @contextmanager
    def joined(self, name: str, resume: Resume | None) -> Iterator[tuple[Room, Member]]:
        """Be a member of a room for a while."""
        room = self._room(name)
        member = room.join(resume, self._limits.queue, self._instance)
        try:
            yield room, member
        finally:
            room.leave(member)
            self._left(room)

    async def say(self, room: Room, body: str) -> None:
        """Broadcast what a member said."""
        if self._wait_for_slow:
            await room.broadcast_when_all_have_space(body)
        else:
            room.broadcast(body)
        self.broadcasts += 1

    def sweep(self) -> None:
        """Remove the rooms that have lingered long enough."""
        expired = self._clock() - self._limits.linger_s
        while self._empty_since and next(iter(self._empty_since.values())) <= expired:
            self._remove_longest_empty()

    def _room(self, name: str) -> Room:
        self._empty_since.pop(name, None)
        if (room := self._rooms.get(name)) is None:
            room = self._rooms[name] = Room(name, self._limits.history, self._count_drop)
        return room

    def _left(self, room: Room) -> None:
        # One who was dropped may leave late: by then its room may be another of the same name.
        current = self._rooms.get(room.name) is room
        if not self._cleanup or room.members or not current:
            return
        self._empty_since.setdefault(room.name, self._clock())
        while len(self._empty_since) > self._limits.linger_rooms:
            self._remove_longest_empty()
        self.sweep()

    def _remove_longest_empty(self) -> None:
        name, _ = self._empty_since.popitem(last=False)
        del self._rooms[name]

    def _count_drop(self) -> None:
        self.dropped += 1


async def keep_swept(rooms: Rooms) -> None:
    """Remove rooms as they expire, until cancelled."""
    while True:
        await asyncio.sleep(_SWEEP_S)
        rooms.sweep()
