"""Resume against a model of the rooms, under any order of what may happen."""

from __future__ import annotations

import asyncio
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    rule,
)

from service.realtime.member import Member
from service.realtime.room import Resume, Room
from service.realtime.rooms import RoomLimits, Rooms

QUEUE, HISTORY, LINGER_S, LINGER_ROOMS = 3, 5, 10, 1
NAMES = st.sampled_from(["tea", "coffee"])


@dataclass
class Place:
    """What a client remembers of a room that it was in."""

    name: str
    epoch: str
    seq: int


@dataclass
class Client:
    """A client in a room, and what it must be told next."""

    name: str
    room: Room
    member: Member
    stay: ExitStack
    joined_at: int  # the room's last message by then
    next_seq: int


@dataclass
class SoakTrial:
    """A room from its first member to its removal."""

    said: list[str] = field(default_factory=list)

    @property
    def oldest(self) -> int:
        return max(1, len(self.said) - HISTORY + 1)


async def _drained(member: Member, count: int) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    while len(told) < count:
        following = asyncio.create_task(member.next())
        await asyncio.sleep(0)
        if not following.done():
            following.cancel()
            break
        told.append(json.loads(following.result()))
    return told


class RoomsUnderAnyOrder(RuleBasedStateMachine):
    clients = Bundle("clients")
    places = Bundle("places")

    @initialize()
    def open(self) -> None:
        self.now = 0.0
        self.loop = asyncio.Runner()
        limits = RoomLimits(QUEUE, HISTORY, LINGER_S, LINGER_ROOMS)
        self.rooms = Rooms(limits, "here", clock=lambda: self.now)
        self.lives: dict[str, SoakTrial] = {}  # by epoch
        self.present: list[Client] = []
        self.dropped = 0
        self.bodies = 0

    @rule(target=clients, name=NAMES)
    def join(self, name: str) -> Client:
        return self._enter(name, None)

    @rule(target=clients, place=places, knows_epoch=st.booleans(), off=st.integers(-1, 1))
    def resume(self, place: Place, knows_epoch: bool, off: int) -> Client:
        epoch = place.epoch if knows_epoch else None
        return self._enter(place.name, Resume(max(0, place.seq + off), epoch))

    @rule(name=NAMES, times=st.integers(1, HISTORY + 2))
    def say(self, name: str, times: int) -> None:
        for _ in range(times):
            listening = [client for client in self._members() if client.name == name]
            if not listening:
                return
            room = listening[0].room
            life = self.lives[room.epoch]
            last = len(life.said)
            slow = [
                client
                for client in listening
                if last - max(client.next_seq - 1, client.joined_at) >= QUEUE
            ]
            self.bodies += 1
            life.said.append(f"body {self.bodies}")
            self.dropped += len(slow)
            self.loop.run(self.rooms.say(room, life.said[-1]))
            assert all(client.member.dropped.is_set() for client in slow)
            assert self.rooms.dropped == self.dropped

    @rule(client=clients, count=st.integers(1, HISTORY + QUEUE))
    def read(self, client: Client, count: int) -> None:
        if client in self._members():
            self._hear(client, count)

    @rule(target=places, client=consumes(clients), reads_first=st.booleans())
    def leave(self, client: Client, reads_first: bool) -> Place:
        if reads_first and not client.member.dropped.is_set():
            self._hear(client, 10**6)
            assert client.next_seq == len(self.lives[client.room.epoch].said) + 1
        self._exit(client)
        return Place(client.name, client.room.epoch, client.next_seq - 1)

    @rule(seconds=st.sampled_from([1, LINGER_S / 2, LINGER_S]), sweeps=st.booleans())
    def wait(self, seconds: float, sweeps: bool) -> None:
        self.now += seconds
        if sweeps:
            self.rooms.sweep()

    @invariant()
    def no_more_rooms_than_are_lived_in_or_linger(self) -> None:
        lived_in = len({client.name for client in self._members()})
        left = len({client.name for client in self.present}) - lived_in
        assert lived_in <= len(self.rooms) <= lived_in + left + LINGER_ROOMS

    def teardown(self) -> None:
        for client in list(self.present):
            self._exit(client)
        assert self.rooms.members == 0
        self.now += LINGER_S
        self.rooms.sweep()
        assert len(self.rooms) == 0
        self.loop.close()

    def _members(self) -> list[Client]:
        # One who was dropped is no member any more, though it has yet to leave.
        return [client for client in self.present if not client.member.dropped.is_set()]

    def _enter(self, name: str, resume: Resume | None) -> Client:
        stay = ExitStack()
        room, member = stay.enter_context(self.rooms.joined(name, resume))
        life = self.lives.setdefault(room.epoch, SoakTrial())
        last = len(life.said)
        client = Client(name, room, member, stay, last, last + 1)
        self.present.append(client)
        (hello,) = self.loop.run(_drained(member, 1))
        assert (hello["type"], hello["last_seq"]) == ("server.hello", last)
        assert hello["epoch"] == room.epoch
        if resume is not None:
            reason = self._reason(resume, room.epoch, life)
            client.next_seq = resume.seq + 1 if reason is None else life.oldest
            if reason is not None:
                (gap,) = self.loop.run(_drained(member, 1))
                assert (gap["type"], gap["reason"]) == ("server.gap", reason)
                assert gap["next_seq"] == life.oldest
        return client

    def _reason(self, resume: Resume, epoch: str, life: SoakTrial) -> str | None:
        if resume.epoch not in (None, epoch):
            return "epoch"
        if resume.seq > len(life.said):
            return "ahead"
        return "history" if resume.seq + 1 < life.oldest else None

    def _hear(self, client: Client, count: int) -> None:
        said = self.lives[client.room.epoch].said
        for message in self.loop.run(_drained(client.member, count)):
            expected = {
                "type": "message",
                "seq": client.next_seq,
                "body": said[client.next_seq - 1],
            }
            assert message == expected
            client.next_seq += 1

    def _exit(self, client: Client) -> None:
        client.stay.close()
        self.present.remove(client)


TestRoomsUnderAnyOrder = RoomsUnderAnyOrder.TestCase
TestRoomsUnderAnyOrder.settings = settings(
    max_examples=200,
    stateful_step_count=40,
    deadline=None,
    report_multiple_bugs=False,
    # Explaining a failure takes longer than finding and shrinking it.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)
