"""A room: one sequence of messages, the same for all members."""

import asyncio
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from service.realtime import messages
from service.realtime.member import Member
from service.realtime.messages import GapReason


@dataclass(frozen=True, slots=True)
class Resume:
    """Where a member left off: the last message it saw, and the epoch of the room."""

    seq: int
    epoch: str | None = None


class Room:
    """The members, and the latest of what was said.

    Joining and broadcasting never await between reading the sequence and acting on it: this is
    what makes a replay and what follows it one sequence without gap or double. A room that was
    removed and came back counts from one again; its epoch distinguishes the two.
    """

    def __init__(self, name: str, history: int, on_drop: Callable[[], None]) -> None:
        self.name = name
        self.epoch = uuid.uuid4().hex
        self.last_seq = 0
        self.members: set[Member] = set()
        self._history: deque[str] = deque(maxlen=history)
        self._on_drop = on_drop
        self._turn = asyncio.Lock()

    def join(self, resume: Resume | None, queue: int, instance: str) -> Member:
        """A new member, who is greeted and then sent what it missed."""
        hello = messages.hello(self.name, self.epoch, self.last_seq, instance)
        member = Member([hello, *self._missed(resume)], queue)
        self.members.add(member)
        return member

    def leave(self, member: Member) -> None:
        """A member is gone."""
        self.members.discard(member)
        member.leave()

    def broadcast(self, body: str) -> None:
        """Tell every member; whoever has no space for it is dropped."""
        self.last_seq += 1
        message = messages.said(self.last_seq, body)
        self._history.append(message)
        for member in [member for member in self.members if not member.offer(message)]:
            self.members.discard(member)
            member.drop()
            self._on_drop()

    async def broadcast_when_all_have_space(self, body: str) -> None:
        """Tell every member, as late as the slowest of them needs it."""
        async with self._turn:
            for member in list(self.members):
                await member.space()
            self.broadcast(body)

    def _missed(self, resume: Resume | None) -> list[str]:
        if resume is None:
            return []
        first_seq = self.last_seq - len(self._history) + 1
        if (reason := self._why_not(resume, first_seq)) is not None:
            return [messages.gap(reason, resume.seq, first_seq), *self._history]
        return list(islice(self._history, resume.seq - first_seq + 1, None))

    def _why_not(self, resume: Resume, first_seq: int) -> GapReason | None:
        if resume.epoch not in (None, self.epoch):
            return "epoch"
        if resume.seq > self.last_seq:
            return "ahead"
        return "history" if resume.seq < first_seq - 1 else None
