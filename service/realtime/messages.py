"""Messages to the members of a room. A message is encoded once, however many it goes to."""

import json
from typing import Literal

GapReason = Literal["history", "ahead", "epoch"]


def hello(room: str, epoch: str, last_seq: int, instance: str) -> str:
    """The first message to every member: the last number of the room, and its epoch."""
    return _encoded("server.hello", room=room, epoch=epoch, last_seq=last_seq, instance=instance)


def gap(reason: GapReason, resume_from: int, next_seq: int) -> str:
    """The replay cannot start where the member left off; it starts at ``next_seq`` instead."""
    return _encoded("server.gap", reason=reason, resume_from=resume_from, next_seq=next_seq)


def said(seq: int, body: str) -> str:
    """A broadcast."""
    return _encoded("message", seq=seq, body=body)


def error(code: str, message: str) -> str:
    """What was wrong with a member's own message."""
    return _encoded("server.error", code=code, message=message)


def _encoded(kind: str, **fields: str | int) -> str:
    return json.dumps({"type": kind, **fields}, separators=(",", ":"))
