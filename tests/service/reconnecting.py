"""Clients that come to rooms, talk, go without a word or with one, and come back."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import httpx
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from tests.service.sockets import DEADLINE_S, entered, say, told

CLIENTS_PER_ROOM = 10
AWAY_S = 0.2
STAY_S = 0.8


@dataclass
class Log:
    """What was heard in one room, by whomever heard it first."""

    bodies: dict[int, str] = field(default_factory=dict)


@dataclass
class Client:
    """One client of one room, and where it left off."""

    url: str
    room: str
    log: Log
    counts: Counter[str]
    dice: random.Random
    seen: int | None = None
    epoch: str = ""

    async def come_and_go(self, deadline: float) -> None:
        """Until the deadline; then once more, to hear the rest."""
        clock = asyncio.get_running_loop().time
        stays = 0
        while clock() < deadline:
            await self._stay(f"{self.dice.random()} {stays}")
            stays += 1
            await asyncio.sleep(self.dice.uniform(0, AWAY_S))

    async def hear_the_rest(self) -> None:
        """All that was said until now."""
        async with asyncio.timeout(DEADLINE_S), self._connected() as client:
            last = await self._greeted(client)
            while self.seen is None or self.seen < last:
                await self._hear(client)

    async def _stay(self, body: str) -> None:
        async with self._connected() as client:
            await self._greeted(client)
            await say(client, body)
            try:
                async with asyncio.timeout(self.dice.uniform(0, STAY_S)):
                    while True:
                        await self._hear(client)
            except TimeoutError:
                pass
            except ConnectionClosed as closed:
                self.counts[f"closed by the service: {closed.rcvd and closed.rcvd.code}"] += 1
            if self.dice.random() < 0.5:
                client.transport.abort()
                self.counts["broken off"] += 1

    def _connected(self) -> AbstractAsyncContextManager[ClientConnection]:
        query = {} if self.seen is None else {"resume_from": self.seen, "epoch": self.epoch}
        return entered(self.url, self.room, **query)

    async def _greeted(self, client: ClientConnection) -> int:
        hello = await told(client)
        assert hello["type"] == "server.hello"
        self.counts["connections"] += 1
        last: int = hello["last_seq"]
        if self.seen is None:
            self.seen, self.epoch = last, hello["epoch"]
        self.counts["missed meanwhile"] += last - self.seen
        return last

    async def _hear(self, client: ClientConnection) -> None:
        message = json.loads(await client.recv())
        if message["type"] != "message":
            self.counts["gaps"] += 1
            self.seen = message["next_seq"] - 1
            return
        assert self.seen is not None
        if message["seq"] != self.seen + 1:
            self.counts["gaps" if message["seq"] > self.seen + 1 else "doubles"] += 1
        if self.log.bodies.setdefault(message["seq"], message["body"]) != message["body"]:
            self.counts["out of order"] += 1
        self.seen = message["seq"]
        self.counts["messages heard"] += 1


async def reconnect(url: str, clients: int, seconds: float) -> dict[str, int]:
    """What happened to so many clients in that time, and what the service was left with."""
    counts: Counter[str] = Counter({"gaps": 0, "doubles": 0, "out of order": 0})
    rooms = -(-clients // CLIENTS_PER_ROOM)
    logs = [Log() for _ in range(rooms)]
    everyone = [
        Client(url, f"room-{number % rooms}", logs[number % rooms], counts, random.Random(number))
        for number in range(clients)
    ]
    deadline = asyncio.get_running_loop().time() + seconds
    await asyncio.gather(*(client.come_and_go(deadline) for client in everyone))
    await asyncio.gather(*(client.hear_the_rest() for client in everyone))
    for log in logs:
        counts["doubles"] += len(log.bodies) - len(set(log.bodies.values()))
    counts["rooms at their most"] = rooms
    left = await _left(url)
    return dict(counts) | {f"{name} left": int(value) for name, value in left.items()}


async def _left(url: str) -> dict[str, float]:
    """The rooms and members that are still there when nothing more goes away."""
    deadline = asyncio.get_running_loop().time() + DEADLINE_S
    async with httpx.AsyncClient(base_url=url) as asking:
        while True:
            left = _rooms(await asking.get("/metrics"))
            if not any(left.values()) or asyncio.get_running_loop().time() > deadline:
                return left
            await asyncio.sleep(0.1)


def _rooms(metrics: httpx.Response) -> dict[str, float]:
    return {
        sample.name: sample.value
        for family in text_string_to_metric_families(metrics.text)
        for sample in family.samples
        if sample.name in ("rooms", "room_members")
    }
