"""What a project seems to be made of, as far as its files show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

WORKERS = "WORKERS"  # the setting for the number of worker processes
HasProgram = Callable[[str], bool]


@dataclass(frozen=True)
class FoundProcess:
    """A process that serves HTTP.

    Attributes:
        what: The framework or the file that says so: `FastAPI`, `Procfile`.
        evidence: Where that was seen.
        command: How it is probably started, with the placeholders of `lab.toml`.
        env: Environment variables that it needs, with placeholders.
        paths: Paths of GET requests, with parameters in braces.
    """

    what: str
    evidence: str
    command: str
    env: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()

    @property
    def has_workers(self) -> bool:
        """Whether the number of its worker processes is a setting."""
        return f"{{{WORKERS}}}" in self.command


@dataclass(frozen=True)
class FoundCompose:
    """A Compose file with a service that publishes a port.

    Attributes:
        file: Its name.
        service: The service that is probably loaded.
        port: Its port in the container.
        database: The service that runs PostgreSQL; None if none does.
    """

    file: str
    service: str
    port: int
    database: str | None = None


@dataclass(frozen=True)
class Detected:
    """What was found.

    Attributes:
        process: None if no way to start one was found.
        compose: None if there is no Compose file, or none whose services publish a port.
        settings: Environment variables that the sources read, sorted.
        database: Those that say where a PostgreSQL database is, with their placeholders.
        redis: Those that are the URL of a Redis server.
        metrics: The path of Prometheus metrics; None if no source names it.
        others: What could have been taken instead, in words.
    """

    process: FoundProcess | None = None
    compose: FoundCompose | None = None
    settings: tuple[str, ...] = ()
    database: Mapping[str, str] = field(default_factory=dict)
    redis: tuple[str, ...] = ()
    metrics: str | None = None
    others: tuple[str, ...] = ()

    @property
    def paths(self) -> tuple[str, ...]:
        """Paths of GET requests; none if no source shows any."""
        return () if self.process is None else self.process.paths
