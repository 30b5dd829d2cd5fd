"""Rooms over WebSocket."""

import asyncio
import contextlib
import re
from enum import IntEnum
from typing import Literal

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from service.realtime import messages
from service.realtime.member import Member
from service.realtime.room import Resume, Room
from service.realtime.rooms import Rooms
from service.realtime.token import opens

_ROOM = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SEQ = re.compile(r"[0-9]{1,18}")
# A slow member gets this long to take what is under way, and then its close code.
_PARTING_S = 30


class CloseCode(IntEnum):
    """Why the service closes a connection; beside the protocol's own codes."""

    MALFORMED = 4400
    UNAUTHORIZED = 4401
    TOO_SLOW = 4408


class Saying(BaseModel):
    """What a member says to the room."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["message"]
    body: str = Field(max_length=4096)


def rooms_router(rooms: Rooms, secret: SecretStr) -> APIRouter:
    """The route of the rooms."""
    router = APIRouter()

    @router.websocket("/rooms/{name}")
    async def enter_room(socket: WebSocket, name: str) -> None:
        # Before it is accepted, a connection can only be refused, without a code.
        await socket.accept()
        query = socket.query_params
        resume_from = query.get("resume_from")
        if not opens(query.get("token", ""), secret.get_secret_value(), name):
            await _close(socket, CloseCode.UNAUTHORIZED, "the token does not open this room")
        elif not _ROOM.fullmatch(name):
            await _close(socket, CloseCode.MALFORMED, "not a name of a room")
        elif resume_from is not None and not _SEQ.fullmatch(resume_from):
            await _close(socket, CloseCode.MALFORMED, "resume_from is not a sequence number")
        else:
            resume = None if resume_from is None else Resume(int(resume_from), query.get("epoch"))
            with rooms.joined(name, resume) as (room, member):
                await _converse(socket, rooms, room, member)
            if member.dropped.is_set():
                await _close(socket, CloseCode.TOO_SLOW, "too slow; resume from what was seen")

    return router


async def _converse(socket: WebSocket, rooms: Rooms, room: Room, member: Member) -> None:
    """Until the client is gone or the member is dropped, whichever is first."""
    tasks = [
        asyncio.create_task(_listen(socket, rooms, room)),
        asyncio.create_task(_tell(socket, member)),
        asyncio.create_task(member.dropped.wait()),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        with contextlib.suppress(WebSocketDisconnect, asyncio.CancelledError):
            task.result()


async def _tell(socket: WebSocket, member: Member) -> None:
    while True:
        await socket.send_text(await member.next())


async def _listen(socket: WebSocket, rooms: Rooms, room: Room) -> None:
    while True:
        received = await socket.receive()
        if received["type"] == "websocket.disconnect":
            return
        try:
            saying = Saying.model_validate_json(received.get("text") or received.get("bytes") or "")
        except ValidationError as invalid:
            problem = invalid.errors(include_url=False, include_input=False)[0]["msg"]
            await socket.send_text(messages.error("invalid_message", problem))
        else:
            await rooms.say(room, saying.body)
            # A burst of one client must not fill the queues before anybody's turn to send comes.
            await asyncio.sleep(0)


async def _close(socket: WebSocket, code: CloseCode, reason: str) -> None:
    with contextlib.suppress(WebSocketDisconnect, TimeoutError):
        async with asyncio.timeout(_PARTING_S):
            await socket.close(code, reason)
