"""A Compose file as Compose itself resolves it: who needs whom, and what arms would share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

FILE = "docker-compose.yml"
PORTS = {"service": 8000, "pricing": 8001, "database": 5432}  # of each role, in its container


@dataclass(frozen=True)
class ComposeFile:
    """What `docker compose config` printed for this project, read as YAML."""

    project: str
    data: Mapping[str, Any]

    def flaw(self) -> str | None:
        """Why its arms could not stand side by side, and what to write instead; None if they can.

        An arm that shares state, a network or a name with another is not that arm.
        """
        services = self.data.get("services") or {}
        if lacking := sorted(PORTS.keys() - services.keys()):
            return f"there is no service {' and no '.join(lacking)}; it needs {', '.join(PORTS)}"
        return next(self._shared(), None)

    def further(self) -> list[str]:
        """Services beside the three roles that these depend on, straight or by way of others."""
        found = list(PORTS)
        for name in found:
            needed = self.data["services"].get(name, {}).get("depends_on") or ()
            found += [each for each in needed if each not in found]
        return found[len(PORTS) :]

    def built(self) -> list[str]:
        """Services of an arm whose image is made here."""
        return [n for n in (*PORTS, *self.further()) if "build" in self.data["services"].get(n, {})]

    def database_url(self, port: int) -> str:
        """How the lab reaches the database on loopback, by the image's own variables."""
        given = _environment(self.data["services"]["database"])
        user = given.get("POSTGRES_USER") or "postgres"
        name = given.get("POSTGRES_DB") or user
        secret = given.get("POSTGRES_PASSWORD") or ""
        return (
            f"postgresql://{quote(user, safe='')}:{quote(secret, safe='')}@127.0.0.1:{port}/"
            f"{quote(name, safe='')}"
        )

    def _shared(self) -> Iterator[str]:
        for name, service in self.data["services"].items():
            if own := service.get("container_name"):
                yield f"service {name} has the container_name {own}, which only one arm can have"
            if mode := service.get("network_mode"):
                yield (
                    f"service {name} has network_mode {mode}, and so arms would meet. "
                    "Leave it out, and publish ports"
                )
            for source, target in _writable(service.get("volumes") or ()):
                if source.startswith(("/", ".", "~")):
                    yield (
                        f"service {name} can write to the folder {source} of this machine, which "
                        f"all arms would share. Mount it read-only: {source}:{target}:ro"
                    )
                elif self._beyond(self.data.get("volumes"), source):
                    yield (
                        f"the volume {source} of service {name} is external or has a name of its "
                        "own, so that all arms would share it. Leave name and external out"
                    )
        for name in self.data.get("networks") or ():
            if self._beyond(self.data["networks"], name):
                yield (
                    f"the network {name} is external or has a name of its own, so that arms would "
                    "meet on it. Leave name and external out"
                )

    def _beyond(self, declared: Mapping[str, Any] | None, name: str) -> bool:
        """Whether a volume or network is not this project's own."""
        entry = (declared or {}).get(name) or {}
        own = (None, f"{self.project}_{name}")  # newer versions of Compose print the name
        return bool(entry.get("external")) or entry.get("name") not in own


def _writable(volumes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Source and target of each mount that is neither read-only nor anonymous."""
    for volume in volumes:
        if isinstance(volume, str):
            source, colon, rest = volume.partition(":")
            target, _, mode = rest.partition(":")
            if colon and "ro" not in mode.split(","):
                yield source, target
        elif (
            volume.get("source")
            and volume.get("type") in ("bind", "volume")
            and not volume.get("read_only")
        ):
            yield volume["source"], volume["target"]


def _environment(service: Mapping[str, Any]) -> dict[str, str]:
    given = service.get("environment") or {}
    if isinstance(given, list):
        given = dict(entry.partition("=")[::2] for entry in given)
    return {name: str(value) for name, value in given.items() if value is not None}
