"""A service that is no variant of the sample: a request is a counted number of steps.

Of the environment it reads WORK_STEPS of each request, and WORK_SPREAD, by which a process is
slower or faster, as a share: drawn when it starts.
"""

from __future__ import annotations

import asyncio
import os
import random
import sys

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nok\n"
SPREAD = float(os.environ.get("WORK_SPREAD", "0"))
DRAWN = 1 + random.SystemRandom().uniform(-1, 1) * SPREAD
STEPS = round(int(os.environ.get("WORK_STEPS", "20000")) * DRAWN)


class Connection(asyncio.Protocol):
    """Answers the requests of one connection, which have no bodies."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._received = transport, b""

    def data_received(self, data: bytes) -> None:
        """Answer every request that has come in whole."""
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            if request.startswith(b"GET /work "):
                total = 0
                for number in range(STEPS):
                    total += number & 7
            self._transport.write(ANSWER)


async def main() -> None:
    """Serve on the port that is the only argument."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
