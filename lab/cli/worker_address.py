"""Where workers of other machines join a run: as it is written in commands."""

from __future__ import annotations

import re
from typing import NamedTuple

from lab.driver_messages import WORKER_PORT

EXAMPLE = f"192.0.2.10:{WORKER_PORT}"
_ADDRESS = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(:(?P<port>[0-9]{1,5}))?")


class WorkerAddress(NamedTuple):
    """An address of a machine, and a port."""

    host: str  # without the brackets of an IPv6 address
    port: int

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def parse_address(text: str, default_port: int | None = None) -> WorkerAddress | None:
    """HOST:PORT, or HOST alone if there is a default; None for anything else."""
    found = _ADDRESS.fullmatch(text)
    if found is None:
        return None
    port = default_port if found["port"] is None else int(found["port"])
    if port is None or not 0 < port < 1 << 16:
        return None
    return WorkerAddress(found["host"].strip("[]"), port)
