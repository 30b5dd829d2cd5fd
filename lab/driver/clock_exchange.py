"""Asks a worker for the time, to compare its clock with that of the driver."""

from __future__ import annotations

import time

from gevent.queue import Empty

from lab.driver.clock_offset import EXCHANGES, Exchange, estimate
from lab.driver.fleet_members import Member
from lab.driver.fleet_runner import FleetRunner
from lab.driver.worker_messages import PING, Ping, as_data

_ANSWER_S = 2.0


def compare_clock(runner: FleetRunner, member: Member) -> bool:
    """Estimate the offset of a worker's clock; whether the worker has answered."""
    found: list[Exchange] = []
    while not member.pongs.empty():
        member.pongs.get()
    for number in range(EXCHANGES):
        sent = time.monotonic()
        runner.send_message(PING, as_data(Ping(number)), client_id=member.client)
        try:
            pong, returned = member.pongs.get(timeout=_ANSWER_S)
        except Empty:
            break
        if pong.number == number:
            found.append(Exchange(sent, pong.received, pong.answered, returned))
    if found:
        member.clock = estimate(found)
    return bool(found)
