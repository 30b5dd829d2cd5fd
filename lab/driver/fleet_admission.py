"""Who becomes a worker of a run: everybody who asks is admitted to a free slot, or refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from locust.rpc import Message

from lab.driver.fleet_members import Member, Slot, slot_for
from lab.driver.fleet_runner import FleetRunner
from lab.driver.worker_identity import objection
from lab.driver.worker_messages import (
    ADMIT,
    REFUSE,
    Admit,
    Join,
    MalformedMessage,
    Refuse,
    as_data,
    read,
)


class Admission:
    """Answers those who join."""

    def __init__(
        self,
        runner: FleetRunner,
        slots: Sequence[Slot],
        own: Join,
        passed: tuple[str, ...],
        note: Callable[[str], None],
        admitted: Callable[[Member], None],
    ) -> None:
        """Answer nobody yet.

        Args:
            runner: Sends the answers.
            slots: Those of the plan.
            own: The driver, as if it were a worker: what all have to be like.
            passed: Names of the variables that a scenario of theirs needs.
            note: Takes a sentence for the user.
            admitted: Called with every worker that was admitted.
        """
        self._runner, self._slots, self._own, self._passed = runner, slots, own, passed
        self._note, self._admitted = note, admitted

    def on_join(self, msg: Message, **_: Any) -> None:
        """Listens to the message of a process that offers itself."""
        address = self._runner.joining.pop(msg.node_id)
        try:
            join = read(Join, msg.data)
        except MalformedMessage as error:
            why = "speaks another protocol: install the version of the lab that this run has"
            self.refuse(msg.node_id, f"a worker at {address}", f"{why} ({error})")
            return
        title = f"a worker on {join.host[:60]} ({address}, process {join.pid})"
        if (why_not := objection(join, self._own)) is not None:
            self.refuse(msg.node_id, title, why_not)
        elif msg.node_id not in {slot.member.client for slot in self._slots if slot.member}:
            self._admit(msg.node_id, join, address)

    def refuse(self, client: str, title: str, why: str) -> None:
        """Send somebody away.

        Args:
            client: Locust's id of it.
            title: Who that is, for the user.
            why: A clause about it.
        """
        self._note(f"{title} was refused: it {why}")
        refusal = Refuse(f"this worker {why}")
        self._runner.send_message(REFUSE, as_data(refusal), client_id=client)

    def _admit(self, client: str, join: Join, address: str) -> None:
        slot = slot_for(join, self._slots)
        if slot is None:
            refusal = Refuse(f"all {len(self._slots)} workers are there", again=True)
            self._runner.send_message(REFUSE, as_data(refusal), client_id=client)
            return
        place = f"process {join.pid}"
        if not slot.is_local:
            place = f"{join.host[:60]}, {address}, {place}"
        process = slot.process if slot.is_local else None
        slot.member = Member(slot.name, client, join, place, process)
        self._runner.admitted.add(client)
        admission = Admit(slot.name, len(self._slots), self._passed)
        self._runner.send_message(ADMIT, as_data(admission), client_id=client)
        self._admitted(slot.member)
