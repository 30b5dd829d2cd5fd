"""One trial whose load workers share: begun by all at one moment, reported as one driver would."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from urllib.parse import urlsplit

from gevent.queue import Empty

from lab.driver.clock_offset import begin_in
from lab.driver.fleet_members import FleetError, Lost, Member, WorkersMissing
from lab.driver.frame_merge import (
    MergeError,
    Processes,
    left_out,
    merge_closed,
    merge_frames,
    merge_opened,
)
from lab.driver.trial_frames import CpuMeter
from lab.driver.worker_fleet import NOTICE_S, Fleet
from lab.driver_messages import (
    DRAIN_S,
    Begin,
    Closed,
    ClosedLoadSpec,
    EndTrial,
    Failed,
    Frame,
    Message,
    Notice,
    Opened,
    Ready,
    RunTrial,
    WorkerShare,
    WorkerStart,
)
from lab.network_guard import is_loopback

READY_S = 180.0  # without a word of a worker whose users start: its own limits are shorter
SILENCE_S = 15.0  # without a frame of some worker, while others report theirs
CLOSING_S = DRAIN_S + 70.0  # the same while users end, and listeners of three events after them
_OWN_CPU_S = 0.5  # the least time over which processor time is a share of a core
_SHOWN = 3  # workers that a notice names
_POLL_S = 0.25


@dataclass(eq=False)
class _Part:
    """A worker's part of the trial."""

    member: Member
    ready: Ready | None = None
    opened: Opened | None = None
    frames: deque[Frame] = field(default_factory=deque)  # that were not merged yet
    closed: Closed | None = None
    is_lost: bool = False
    heard: float = field(default_factory=time.monotonic)

    @property
    def is_over(self) -> bool:
        """Whether nothing more comes from it."""
        return self.is_lost or self.closed is not None

    @property
    def end(self) -> Closed | None:
        """Its last message, with the faults of frames that were not merged; None if it has none.

        Why the scenario ended the trial may be in such a frame.
        """
        if self.closed is None:
            return None
        faults: Counter[str] = Counter()
        for message in (*self.frames, self.closed):
            faults.update(message.task_errors)
        return replace(self.closed, task_errors=dict(faults))


class _Wait(NamedTuple):
    """What is waited for at present."""

    parts: list[_Part]  # whose workers have to report
    limit_s: float  # since they were heard of
    to: str  # what they have to do, if that takes its time; else empty


class FleetTrial:
    """Runs one trial; what is wrong with a worker voids it, and is in its last message."""

    def __init__(self, fleet: Fleet, trial: RunTrial, send: Callable[[Message], None]) -> None:
        """Nothing runs yet.

        Args:
            fleet: The workers.
            trial: What they load together.
            send: Takes the messages.
        """
        self._fleet, self._trial, self._send = fleet, trial, send
        self._parts: list[_Part] = []
        self._starts: list[WorkerStart] = []
        self._faults: dict[str, str] = {}  # by worker
        self._given_up_at: float | None = None
        self._begins: float | None = None  # the moment that all agree on
        self._is_open = False
        self._own_cpu = CpuMeter(time.monotonic())
        self._noted = time.monotonic()  # when the user heard last of a wait, or there was none

    def run(self) -> None:
        """Until all workers have ended it; void if one is missing. FleetError if one fails."""
        try:
            members = self._fleet.next_trial()
        except WorkersMissing as error:
            faults = dict.fromkeys(error.names, f"was missing for {error.waited_s:.0f} s")
            self._send(merge_closed({}, faults, dict.fromkeys(error.names, "")))
            return
        self._noted = time.monotonic()
        self._refuse_other_loopback(members)
        self._parts = [_Part(member) for member in members]
        for index, member in enumerate(members):
            share = WorkerShare(index, len(members))
            self._fleet.command(member, replace(self._trial, share=share))
        while not all(part.is_over for part in self._parts):
            self._receive()
            self._advance()
            self._check_wait()
        if self._given_up_at is None:
            self._faults.update(left_out({part.member.name: part.frames for part in self._parts}))
        closed = {part.member.name: end for part in self._parts if (end := part.end) is not None}
        places = {part.member.name: part.member.place for part in self._parts}
        self._send(merge_closed(closed, self._faults, places))

    def _receive(self) -> None:
        try:
            member, message = self._fleet.events.get(timeout=_POLL_S)
        except Empty:
            return
        part = next((part for part in self._parts if part.member is member), None)
        if part is None:
            return  # it joined after the start of the trial
        part.heard = time.monotonic()
        match message:
            case Lost():
                part.is_lost = part.is_lost or not self._fleet.has(member)
                self._fault(part, message.reason)
            case Failed():
                part.is_lost = True
                self._fault(part, f"failed: {message.message}")
                self._fleet.lose(member, f"failed: {message.message}")
            case Notice():
                pass  # it is not silent
            case Ready():
                part.ready = message
            case Opened():
                part.opened = message
            case Frame():
                part.frames.append(message)
            case Closed():
                part.closed = message
                if message.early:
                    self._give_up()
            case _:
                self._fault(part, f"sent an unexpected {type(message).__name__}")

    def _advance(self) -> None:
        """Do what all workers have come to."""
        parts = self._parts
        if self._given_up_at is not None:
            return
        if self._begins is None and all(part.ready for part in parts):
            self._begin()
        if not self._is_open and all(part.opened for part in parts):
            self._open()
        while self._is_open and all(part.frames for part in parts):
            frames = [part.frames.popleft() for part in parts]
            master, cpu = self._fleet.own, self._own_cpu.take(_OWN_CPU_S)
            own = Processes(master.machine, master.cores, cpu)
            try:
                self._send(merge_frames(frames, self._starts, [own]))
            except MergeError as error:
                [misfit] = [part for part in parts if part.member.name == error.worker]
                self._fault(misfit, error.clause)
                return

    def _begin(self) -> None:
        """Let all loads begin at one moment, which is announced to each in its own time."""
        load = self._trial.load
        users = sum(part.ready.users for part in self._parts if part.ready is not None)
        if isinstance(load, ClosedLoadSpec) and users != load.users:
            self._fault(self._parts[0], f"and the others run {users} users, not {load.users}")
            return
        clocks = [part.member.clock for part in self._parts]
        self._begins = time.monotonic() + begin_in(clocks)
        for part in self._parts:
            part.heard = time.monotonic()
            self._fleet.command(part.member, Begin(part.member.clock.there(self._begins)))

    def _open(self) -> None:
        opened = [part.opened for part in self._parts if part.opened is not None]
        assert self._begins is not None
        for part, own in zip(self._parts, opened, strict=True):
            assert part.ready is not None
            self._starts.append(
                WorkerStart(
                    name=part.member.name,
                    place=part.member.place,
                    users=part.ready.users,
                    machine=part.member.join.machine,
                    cores=part.member.join.cores,
                    clock_offset_s=part.member.clock.offset_s,
                    clock_error_s=part.member.clock.error_s,
                    begin_late_s=own.late_s,
                )
            )
        self._own_cpu.take()
        self._send(merge_opened(opened, self._starts, self._begins))
        self._is_open = True

    def _wait(self) -> _Wait:
        running = [part for part in self._parts if not part.is_over]
        now, length_s = time.monotonic(), self._trial.warmup_s + self._trial.window_s
        if self._given_up_at is not None or (self._begins and now > self._begins + length_s):
            return _Wait(running, CLOSING_S, "end the trial")
        if self._begins is None:
            return _Wait([part for part in running if part.ready is None], READY_S, "be ready")
        return _Wait(running, SILENCE_S + max(0.0, self._begins - now), "")

    def _check_wait(self) -> None:
        """Say who is waited for, and lose who reports nothing: do not wait for ever."""
        now, wait = time.monotonic(), self._wait()
        if not wait.parts or not wait.to:
            self._noted = now
        elif now > self._noted + NOTICE_S:  # sooner than the lab gives up
            self._noted = now
            text = f"waiting for {_names(wait.parts)} to {wait.to}"
            self._send(Notice(text, of_scenario=False))
        for part in wait.parts:
            if now > max(part.heard, self._given_up_at or 0.0) + wait.limit_s:
                reason = f"reported nothing for {wait.limit_s:g} s"
                part.is_lost = True
                self._fault(part, reason)
                self._fleet.lose(part.member, reason)

    def _fault(self, part: _Part, reason: str) -> None:
        """The trial is void on account of a worker."""
        self._faults.setdefault(part.member.name, reason)
        self._give_up()

    def _give_up(self) -> None:
        """Let the others end the trial: it is void."""
        if self._given_up_at is not None:
            return
        self._given_up_at = time.monotonic()
        for part in self._parts:
            if not part.is_over:
                self._fleet.command(part.member, EndTrial())

    def _refuse_other_loopback(self, members: list[Member]) -> None:
        """A worker of another machine would load itself in place of the arm."""
        host = urlsplit(self._trial.host).hostname or ""
        if not is_loopback(host):
            return
        for member in members:
            if member.join.network != self._fleet.own.network:
                raise FleetError(
                    f"{member.title} is on another machine, and the arm answers at "
                    f"{self._trial.host}, an address that every machine has for itself: load a "
                    "service by [url] of lab.toml, with an address that both machines reach"
                )


def _names(parts: Sequence[_Part]) -> str:
    """Who they are, in words; of many the first ones."""
    shown = ", ".join(part.member.title for part in parts[:_SHOWN])
    more = len(parts) - _SHOWN
    return f"{shown} and {more} more" if more > 0 else shown
