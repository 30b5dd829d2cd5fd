"""Clients that enter a room, say a lot, hear it and leave; the next one enters another room.

A plain program: `python scenarios/soak_reconnects.py http://127.0.0.1:8000 --rate 20` runs it
until Ctrl-C. Each second it prints how many visits went well and how many failed.
"""

import argparse
import asyncio
import contextlib
import hashlib
import hmac
import json
import random
import signal
from collections import Counter

from websockets.asyncio.client import connect

SECRET = "for-development-only"  # the service's own default
VISIT_S = 10.0  # after which a visit has failed
LENGTH = 4000  # characters of what is said: the room keeps it for those who come back


async def visit(base: str, room: str, secret: str) -> None:
    """Enter, say a lot, hear it, leave; raises where the service does not play along."""
    token = hmac.new(secret.encode(), room.encode(), hashlib.sha256).hexdigest()
    async with asyncio.timeout(VISIT_S), connect(f"{base}/rooms/{room}?token={token}") as socket:
        hello = json.loads(await socket.recv())
        if hello["type"] != "server.hello":
            raise ValueError(f"greeted with {hello['type']}")
        said = f"{room} ".ljust(LENGTH, ".")
        await socket.send(json.dumps({"type": "message", "body": said}))
        heard = json.loads(await socket.recv())
        if heard.get("body") != said:
            raise ValueError(f"heard {heard['type']}, not what was said")


async def soak(base: str, rate: float, seed: str, secret: str) -> None:
    """A visit every 1 / rate seconds, however long the others take; counts once a second."""
    counts: Counter[str] = Counter()
    visits: set[asyncio.Task[None]] = set()
    run = random.Random(seed).getrandbits(32)  # no two runs share rooms

    async def counted(room: str) -> None:
        try:
            await visit(base, room, secret)
            counts["ok"] += 1
        except Exception as error:
            counts["errors"] += 1
            counts[type(error).__name__] += 1

    clock = asyncio.get_running_loop().time
    began, number, told = clock(), 0, 1
    while True:
        await asyncio.sleep(max(0.0, began + number / rate - clock()))
        visits.add(task := asyncio.create_task(counted(f"room-{run:x}-{number}")))
        task.add_done_callback(visits.discard)
        number += 1
        if clock() >= began + told:
            print(json.dumps({"ok": 0, "errors": 0, **counts}), flush=True)
            counts.clear()
            told = int(clock() - began) + 1


async def until_told(work: "asyncio.Task[None]") -> None:
    """Run until SIGTERM or Ctrl-C, or until the work fails."""
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await work


async def main() -> None:
    """Read the command and begin."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", help="where the service answers")
    parser.add_argument("--rate", type=float, default=20.0, help="visits a second")
    parser.add_argument("--seed", default="1", help="of the rooms' names")
    parser.add_argument("--secret", default=SECRET, help="ROOM_SECRET of the service")
    asked = parser.parse_args()
    base = asked.url.replace("http", "ws", 1).rstrip("/")
    await until_told(asyncio.create_task(soak(base, asked.rate, asked.seed, asked.secret)))


if __name__ == "__main__":
    asyncio.run(main())
