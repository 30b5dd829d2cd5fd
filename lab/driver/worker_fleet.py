"""The workers of a run, seen from their master: who joins, who is refused, who is lost.

There is a slot for every worker of the plan. A worker of this machine that is lost is started
again before the next trial; the slot of another machine's is free for whoever joins next.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import gevent
from gevent.event import Event
from gevent.queue import Queue
from locust.rpc import Message as LocustMessage

from lab.driver.clock_exchange import compare_clock
from lab.driver.fleet_admission import Admission
from lab.driver.fleet_members import (
    FleetError,
    Lost,
    Member,
    Slot,
    WorkersMissing,
    missing_text,
)
from lab.driver.fleet_runner import EVERYWHERE, FleetRunner
from lab.driver.frame_merge import ReportNumbers
from lab.driver.local_worker import LocalWorker
from lab.driver.worker_identity import difference, identity
from lab.driver.worker_messages import (
    COMMAND,
    JOIN,
    PONG,
    REPORT,
    Command,
    MalformedMessage,
    Pong,
    Report,
    as_data,
    read,
)
from lab.driver_messages import (
    Failed,
    FormFleet,
    Loaded,
    LoadScenario,
    Message,
    Notice,
    ProtocolError,
    decode,
    encode,
)

LOCAL_S = 60.0  # limit for a worker of this machine to join and import the scenario
REMOTE_S = 600.0  # limit for those of other machines to join a run
REJOIN_S = 60.0  # the same in the middle of a run
NOTICE_S = 15.0  # between two notices of what is waited for
_STARTS = 3  # of a worker of this machine, one after the other, before the run is given up
_POLL_S = 0.2


class Fleet:
    """All workers of a run. What they send within a trial is in `events`."""

    def __init__(self, spec: FormFleet, send: Callable[[Message], None]) -> None:
        """Listen for workers.

        Args:
            spec: Of the workers.
            send: Takes notices.

        Raises:
            BindError: If that is not possible.
        """
        self.spec, self._send = spec, send
        self.own = identity(spec.token, "")
        self.events: Any = Queue()  # of (Member, Message | Lost)
        self.trial = 0
        self._noted: dict[str, float] = {}  # notices, and when they were sent last
        self._request: LoadScenario | None = None
        self._failure: FleetError | None = None
        self._changed = Event()
        self.slots = [Slot(f"worker {n}", n <= spec.local) for n in range(1, spec.total + 1)]
        self._members: dict[str, Member] = {}  # by client
        self.runner = FleetRunner(spec.host, spec.port, self.note)
        self._admission = Admission(
            self.runner, self.slots, self.own, spec.passed, self.note, self._on_admitted
        )
        self.runner.register_message(JOIN, self._admission.on_join)
        self.runner.register_message(PONG, self._on_pong)
        self.runner.environment.events.worker_report.add_listener(self._on_report)
        gevent.spawn(self._watch)

    @property
    def members(self) -> list[Member]:
        """All workers, in the order of their slots; FleetError if one is missing."""
        found = [slot.member for slot in self.slots if slot.member is not None]
        if len(found) < len(self.slots):
            raise FleetError("a worker is missing")
        return found

    def has(self, member: Member) -> bool:
        """Whether it is still a worker of the run."""
        return member.client in self._members

    def note(self, text: str) -> None:
        """Tell the user a sentence, unless that was told just now."""
        now = time.monotonic()
        self._noted = {each: at for each, at in self._noted.items() if now - at < NOTICE_S / 2}
        if text not in self._noted:
            self._noted[text] = now
            self._send(Notice(text, of_scenario=False))

    def load(self, request: LoadScenario) -> Loaded:
        """Let all workers import a scenario. FleetError if it cannot be used."""
        self._request = request
        for member in self._members.values():
            self.command(member, request)
        self.complete(REMOTE_S)
        classes = self.members[0].classes
        assert classes is not None
        return Loaded(classes)

    def complete(self, limit_s: float, began: float | None = None) -> None:
        """Wait until there is a worker in every slot, with the scenario imported if one is known.

        Workers of this machine are started.

        Args:
            limit_s: Seconds.
            began: From which they count, in monotonic seconds; None: from now on.

        Raises:
            WorkersMissing: After that time.
            FleetError: If one fails.
        """
        noted = time.monotonic()
        began = noted if began is None else began
        while missing := [slot for slot in self.slots if not self._is_ready(slot)]:
            self._start_processes(missing)
            if self._failure is not None:
                raise self._failure
            waited_s = time.monotonic() - began
            if waited_s > limit_s or (waited_s > LOCAL_S and missing[0].is_local):
                names = [slot.name for slot in missing]
                raise WorkersMissing(self._missing_text(waited_s), names, waited_s)
            if time.monotonic() > noted + NOTICE_S:
                noted = time.monotonic()
                self.note(self._missing_text(waited_s))
            self._changed.wait(_POLL_S)
            self._changed.clear()

    def command(self, member: Member, message: Message) -> None:
        """Send a message to the process that makes a worker's load."""
        command = Command(self.trial, encode(message))
        self.runner.send_message(COMMAND, as_data(command), client_id=member.client)

    def next_trial(self) -> list[Member]:
        """Begin a trial: all workers, with their clocks compared. Raises as `complete`."""
        began = time.monotonic()
        while True:
            self.complete(REJOIN_S, began)
            self.trial += 1
            members = self.members
            for member in members:
                member.numbers = ReportNumbers()
            others = [member for member in members if member.join.clock != self.own.clock]
            gevent.joinall([gevent.spawn(self._compare_clock, member) for member in others])
            while not self.events.empty():
                self.events.get()
            if all(map(self.has, members)):  # none was lost meanwhile
                return members

    def lose(self, member: Member, reason: str) -> None:
        """A worker is not one any more, for a reason (a clause about it)."""
        if self._members.pop(member.client, None) is None:
            return
        slot = next(slot for slot in self.slots if slot.member is member)
        slot.member = None
        self.runner.dismiss(member.client)
        if member.process is not None:
            member.process.end()
            slot.process = None
        self.note(f"{member.title} {reason}")
        self.events.put((member, Lost(reason)))
        self._changed.set()

    def quit(self) -> None:
        """Tell all workers to end."""
        for member in list(self._members.values()):
            self.runner.dismiss(member.client)
        gevent.sleep(0.1)
        for slot in self.slots:
            if slot.process is not None:
                slot.process.end()

    def _is_ready(self, slot: Slot) -> bool:
        member = slot.member
        if member is None:
            return False
        return self._request is None or member.classes is not None

    def _start_processes(self, missing: list[Slot]) -> None:
        for slot in missing:
            if slot.is_local and slot.process is None:
                slot.starts += 1
                slot.process = LocalWorker(
                    slot.name, self.runner.local_port, self.spec.token, self._on_process_end
                )

    def _missing_text(self, waited_s: float) -> str:
        host = self.own.host if self.spec.host in EVERYWHERE else self.spec.host
        return missing_text(
            [slot for slot in self.slots if not self._is_ready(slot)],
            len(self.slots),
            waited_s,
            f"{host}:{self.runner.port}",
        )

    # -- what workers send ---------------------------------------------------------------------

    def _on_admitted(self, member: Member) -> None:
        self._members[member.client] = member
        if self._request is not None:
            self.command(member, self._request)
        self._changed.set()

    def _on_pong(self, msg: LocustMessage, **_: Any) -> None:
        now = time.monotonic()
        if (member := self._members.get(msg.node_id)) is not None:
            member.pongs.put((read(Pong, msg.data), now))

    def _on_report(self, client_id: str, data: Any, **_: Any) -> None:
        member = self._members.get(client_id)
        if member is None or not isinstance(data, dict) or not data.get(REPORT):
            return
        try:
            report = read(Report, data[REPORT])
            if report.trial != self.trial:
                return  # of a trial that has ended
            flaw = member.numbers.flaw(report.number)
            message = decode(report.line)
        except (MalformedMessage, ProtocolError) as error:
            self.events.put((member, Lost(f"sent what cannot be read: {error}")))
            return
        if flaw is not None:
            self.events.put((member, Lost(flaw)))
        elif isinstance(message, Notice):
            self.note(f"the scenario {message.text}")
            self.events.put((member, message))
        elif report.died and isinstance(message, Failed):
            slot = next(slot for slot in self.slots if slot.member is member)
            how = f"lost the process that makes its load, which was {message.message}"
            self._on_death(slot, how, of_scenario=True)
        elif member.classes is None:
            self._on_import(member, report, message)
        else:
            self.events.put((member, message))

    def _on_import(self, member: Member, report: Report, message: Message) -> None:
        """A worker has imported the scenario, or could not."""
        assert self._request is not None
        slot = next(slot for slot in self.slots if slot.member is member)
        why = difference(report.files, self._request.files) or self._other_classes(message)
        if why is not None and member.process is not None:
            self._failure = FleetError(f"{member.title} {why}")
        elif why is None and isinstance(message, Loaded):
            member.classes, slot.starts = message.user_classes, 0
        elif why is None and isinstance(message, Failed):
            why = f"cannot use the scenario: {message.message}"
            if member.process is not None:
                self._failure = FleetError(
                    message.message,
                    message.line,
                    message.file,
                    of_scenario=message.of_scenario,
                )
            elif self.trial == 0:  # it may lack a package: that is to be corrected there
                at = f" (line {message.line} of {message.file})" if message.line else ""
                self._failure = FleetError(
                    f"{member.title} {why}{at}. Correct that there, or the scenario if `lab check` "
                    "refuses it here as well"
                )
        if why is not None and self._failure is None:
            self._admission.refuse(member.client, member.title, why)
            self.lose(member, "was refused")
        self._changed.set()

    def _other_classes(self, message: Message) -> str | None:
        """How a worker's user classes differ from those of the others, as a clause."""
        if not isinstance(message, Loaded):
            return None
        for other in self._members.values():
            if other.classes not in (None, message.user_classes):
                return (
                    f"finds the user classes {', '.join(message.user_classes)} in the scenario, "
                    f"and {other.title} {', '.join(other.classes or ())}: give it the same "
                    "environment"
                )
        return None

    # -- what becomes of workers ---------------------------------------------------------------

    def _watch(self) -> None:
        while True:
            gevent.sleep(_POLL_S)
            for member in list(self._members.values()):
                if self.runner.is_missing(member.client):
                    gone = member.client not in self.runner.clients
                    self.lose(member, "has left the run" if gone else "was not heard of for 3 s")

    def _on_process_end(self, process: LocalWorker, how: str) -> None:
        for slot in self.slots:
            if slot.process is process:
                self._on_death(slot, how)

    def _on_death(self, slot: Slot, how: str, *, of_scenario: bool = False) -> None:
        """The process of a worker has ended by itself, or the one that imports the scenario."""
        process, is_ready = slot.process, self._is_ready(slot)
        if process is not None and not is_ready and (slot.starts >= _STARTS or self.trial == 0):
            tail = f":\n{process.tail}" if process.tail else ""
            text = f"{slot.name} (process {process.pid}) {how} before it was ready{tail}"
            self._failure = FleetError(text, of_scenario=of_scenario)
        slot.process = None
        if slot.member is not None:
            self.lose(slot.member, how)
        self._changed.set()

    def _compare_clock(self, member: Member) -> None:
        if not compare_clock(self.runner, member):
            self.lose(member, "did not answer within some seconds")
