"""Clients of the rooms: a well-behaved one, and one with full control of its socket."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Self
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.frames import Frame
from websockets.uri import parse_uri

from service.realtime.token import room_token

SECRET = "a secret of the tests"
DEADLINE_S = 60  # generous: it only ends a test that would hang


def room_url(url: str, room: str, **query: object) -> str:
    """The address of a room, with its token unless another is given."""
    asked = {"token": room_token(SECRET, room)} | query
    return f"{url.replace('http', 'ws', 1)}/rooms/{room}?{urlencode(asked)}"


@asynccontextmanager
async def entered(url: str, room: str, **query: object) -> AsyncIterator[ClientConnection]:
    """A client in a room, not yet greeted."""
    async with connect(room_url(url, room, **query), compression=None, proxy=None) as client:
        yield client


async def told(client: ClientConnection) -> dict[str, Any]:
    """The next message to a client."""
    async with asyncio.timeout(DEADLINE_S):
        message: dict[str, Any] = json.loads(await client.recv())
    return message


async def say(client: ClientConnection, body: str) -> None:
    """Say something to the client's room."""
    await client.send(json.dumps({"type": "message", "body": body}))


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that must come true."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.005)


class RawClient:
    """A client that does nothing by itself: it neither reads nor answers pings unless told to."""

    def __init__(self, url: str, receive_buffer: int | None = None) -> None:
        self._uri = parse_uri(url)
        self._protocol = ClientProtocol(self._uri)
        self._socket = socket.socket()
        self._socket.setblocking(False)
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._loop = asyncio.get_running_loop()

    async def __aenter__(self) -> Self:
        await self._loop.sock_connect(self._socket, (self._uri.host, self._uri.port))
        self._protocol.send_request(self._protocol.connect())
        await self.flush()
        self._events: list[Any] = []
        await self._next()  # the answer to the handshake
        return self

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()

    async def frame(self) -> Frame:
        """The next frame, of whatever kind; EOFError at the end."""
        async with asyncio.timeout(DEADLINE_S):
            frame = await self._next()
        assert isinstance(frame, Frame)
        return frame

    async def flush(self) -> None:
        """Send what the protocol wants to answer."""
        data = b"".join(self._protocol.data_to_send())
        await self._loop.sock_sendall(self._socket, data)

    def send_texts(self, texts: list[str]) -> None:
        """Have messages ready, to be flushed at once."""
        for text in texts:
            self._protocol.send_text(text.encode())

    def reset(self) -> None:
        """End the connection without a word, as a crash does."""
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    async def _next(self) -> Any:
        while not self._events:
            data = await self._loop.sock_recv(self._socket, 65_536)
            if not data:
                raise EOFError
            self._protocol.receive_data(data)
            self._events += self._protocol.events_received()
        return self._events.pop(0)
