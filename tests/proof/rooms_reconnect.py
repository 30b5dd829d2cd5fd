"""Two hundred clients that reconnect to rooms of a running service for a minute."""

from __future__ import annotations

import asyncio

from lab.processes.child_processes import Children
from lab.targets.embedded_postgres import EmbeddedPostgres
from lab.targets.postgres_databases import Databases
from tests.proof.record import Steps, publish
from tests.service.process import service_process
from tests.service.reconnecting import reconnect
from tests.service.sockets import SECRET

CLIENTS = 200
SECONDS = 60
LINGER_S = 2


def prove() -> bool:
    """No gap, no double, one order for all, and no room left."""
    steps = Steps("rooms-reconnect")
    counts = steps.do(f"{CLIENTS} clients, {SECONDS} s", _reconnected)
    lines = [
        f"{CLIENTS} clients connected to a running service and left again, for {SECONDS} s, half "
        f"of the times without closing; empty rooms were kept for {LINGER_S} s.",
        "",
        "| what | count |",
        "| --- | --- |",
        *(f"| {what} | {count:,} |" for what, count in sorted(counts.items())),
    ]
    publish("rooms-reconnect", "Rooms: nothing lost or doubled by reconnecting", lines, steps)
    wrong = ("gaps", "doubles", "out of order", "rooms left", "room_members left")
    return not any(counts[what] for what in wrong) and counts["missed meanwhile"] > CLIENTS


def _reconnected() -> dict[str, int]:
    with Children() as children:
        postgres = EmbeddedPostgres(children)
        postgres.start()
        databases = Databases(postgres.url, prefix="rooms")
        settings = {
            "DATABASE_URL": databases.create("db"),
            "DB_MIGRATE_ON_START": "true",
            "ROOM_SECRET": SECRET,
            "ROOM_LINGER_S": str(LINGER_S),
        }
        with service_process(**settings) as service:
            counts = asyncio.run(reconnect(service.url, CLIENTS, SECONDS))
        databases.close(drop=True)
    return counts
