"""The frozen value that `lab.toml` becomes."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from lab.network_guard import is_loopback
from lab.system.placeholders import FD, PORT, POSTGRES, POSTGRES_PARTS, Command, Template

FILE = "lab.toml"
DRIVER = "driver"  # the role of the load driver, which is not of the system
DATABASE = "database"  # the role of the embedded PostgreSQL
RESERVED = (DRIVER, DATABASE, "benchmark", "compose", "postgres")
"""Names that no process may have: the lab gives them itself."""

POSTGRES_PORT = 5432
READY_S = 60.0  # that a process may take to be ready
STOP_S = 5.0  # that a process may take to end


@dataclass(frozen=True)
class Ready:
    """When a process is ready: a path answers with 2xx or 3xx, or its log has a text.

    With neither it is ready as soon as its port takes connections and, if it is loaded, answers
    `GET /` with anything; without a port, at once.
    """

    path: str | None = None
    log: str | None = None
    within_s: float = READY_S


@dataclass(frozen=True)
class Answer:
    """A place in a JSON document that a process answers with: `/ready#settings`.

    Attributes:
        path: Of the request.
        keys: From the root of the document down.
    """

    path: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.path + ("#" + ".".join(self.keys) if self.keys else "")


@dataclass(frozen=True)
class MetricNames:
    """The counters that gates need, by the names that the system gives them; None if it has none.

    Attributes:
        requests: Requests that were answered.
        time: Seconds that these took in the service, in all.
        in_flight: Seconds of requests in flight: their number, summed up over time.
    """

    requests: str | None = None
    time: str | None = None
    in_flight: str | None = None


@dataclass(frozen=True)
class Stop:
    """How a process is asked to end, and how long it may take before it is killed."""

    signal: int = signal.SIGTERM
    patience_s: float = STOP_S


@dataclass(frozen=True)
class ProcessSpec:
    """A process that every arm has of its own, with all processes that it starts.

    Attributes:
        name: Its role.
        command: How it is started.
        env: Its environment variables, beside the settings of the arm.
        ready: When it is ready.
        settings: Where it reports the settings that it runs with; None if it does not.
        instance: Where it reports which start of it answers; None if it does not.
        metrics: The path of its Prometheus metrics; None if it has none.
        metric_names: Those that gates need.
        stop: How it is ended.
        check: A command that says which settings exist, and whether their values are right.
    """

    name: str
    command: Command
    env: Mapping[str, Template] = field(default_factory=dict)
    ready: Ready = field(default_factory=Ready)
    settings: Answer | None = None
    instance: Answer | None = None
    metrics: str | None = None
    metric_names: MetricNames = field(default_factory=MetricNames)
    stop: Stop = field(default_factory=Stop)
    check: Command | None = None

    @property
    def placeholders(self) -> tuple[str, ...]:
        """Of its command and of its environment, each once."""
        texts = (*self.command.words, *self.env.values())
        return tuple(dict.fromkeys(name for text in texts for name in text.placeholders))

    @property
    def has_port(self) -> bool:
        """Whether it listens on a port that the lab chooses."""
        return PORT in self.placeholders or FD in self.placeholders

    @property
    def inherits_socket(self) -> bool:
        """Whether it inherits the socket that it listens on."""
        return FD in self.placeholders

    @property
    def defaults(self) -> dict[str, str]:
        """The plain values of its environment, which the settings of an arm replace."""
        return {name: text.fill({}) for name, text in self.env.items() if not text.placeholders}

    @property
    def uses_postgres(self) -> bool:
        """Whether it learns where the arm's database is."""
        return any(name in POSTGRES for name in self.placeholders)

    @property
    def set_by_the_lab(self) -> tuple[str, ...]:
        """Its environment variables that no arm may set."""
        return tuple(name for name, value in self.env.items() if value.is_set_by_the_lab)


@dataclass(frozen=True)
class PostgresSpec:
    """A database for each arm.

    Attributes:
        prepare: A command that runs once for each database, before the arm's first start.
        reset: The path of an SQL script that brings a database back to its first state.
    """

    prepare: Command | None = None
    reset: str | None = None


@dataclass(frozen=True)
class BuildSpec:
    """How the code of a git revision is built in its folder, and the files this depends on."""

    commands: tuple[Command, ...] = ()
    inputs: tuple[str, ...] = ()


@dataclass(frozen=True)
class ComposeSpec:
    """The same system in containers.

    Attributes:
        file: The Compose file.
        service: Its service that is loaded.
        port: The port of that service in its container.
        others: Further services that have a process of the same name, with their ports: they get
            the arm's settings, and are waited for, asked and restarted like that process.
        database: Its service that runs PostgreSQL on its usual port; None if none does.
        ready: When the service is ready; this and the following only if there is no process,
            which says it otherwise.
        settings: Where it reports the settings that it runs with; None if it does not.
        metrics: The path of its Prometheus metrics; None if it has none.
        metric_names: Those that gates need.
        reset: A command that brings an arm back to its first state, before each trial.
    """

    file: str
    service: str
    port: int
    others: Mapping[str, int] = field(default_factory=dict)
    database: str | None = None
    ready: Ready = field(default_factory=Ready)
    settings: Answer | None = None
    metrics: str | None = None
    metric_names: MetricNames = field(default_factory=MetricNames)
    reset: Command | None = None

    @property
    def asked(self) -> tuple[str, ...]:
        """The services that get the arm's settings and are asked, the loaded one last."""
        return (*self.others, self.service)

    @property
    def ports(self) -> dict[str, int]:
        """The port in its container of each service that the lab reaches."""
        database = {} if self.database is None else {self.database: POSTGRES_PORT}
        return {self.service: self.port, **self.others, **database}


@dataclass(frozen=True)
class UrlSpec:
    """A system that runs already.

    Attributes:
        base: Its URL.
        switch: A command that gets an arm's settings as its environment and returns when they
            hold; None if the settings cannot be changed.
        processes: Whether what listens on its port, on this machine, is the system itself and no
            proxy or tunnel to it, so that these processes show what it uses.
        ready: The path that answers when it is ready; None if none does.
        settings: Where it reports the settings that it runs with.
        metrics: The path of its Prometheus metrics.
        metric_names: Those that gates need.
        reset: A command that brings the system back to its first state, before each trial.
    """

    base: str
    switch: Command | None = None
    processes: bool = False
    ready: Ready = field(default_factory=Ready)
    settings: Answer | None = None
    metrics: str | None = None
    metric_names: MetricNames = field(default_factory=MetricNames)
    reset: Command | None = None

    @property
    def host(self) -> str:
        """Its host, in small letters."""
        return urlsplit(self.base).hostname or ""

    @property
    def port(self) -> int:
        """Its port."""
        return urlsplit(self.base).port or 80

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine, as far as its address says."""
        return is_loopback(self.host)


@dataclass(frozen=True)
class SafetySpec:
    """Hosts that may be loaded beside this machine and the run's containers, and caps."""

    allow_hosts: tuple[str, ...] = ()
    max_users: int | None = None
    max_rate: float | None = None  # requests a second
    max_time_s: float | None = None  # of a run


@dataclass(frozen=True)
class System:
    """The system under test.

    Attributes:
        processes: In the order in which they are started.
        loaded: The name of the process that load goes to; "" if there is no process.
        code: Files and folders that the system is made of: they must not change in a run.
        packages: Python packages whose versions are recorded, and must not change in a run.
        reset: A command that brings the processes of an arm back to their first state, before each
            trial. Containers and a URL have one of their own.
    """

    processes: tuple[ProcessSpec, ...] = ()
    loaded: str = ""
    postgres: PostgresSpec | None = None
    build: BuildSpec = field(default_factory=BuildSpec)
    compose: ComposeSpec | None = None
    url: UrlSpec | None = None
    safety: SafetySpec = field(default_factory=SafetySpec)
    code: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    reset: Command | None = None

    def process(self, name: str) -> ProcessSpec | None:
        """The process of that name; None if there is none."""
        return next((process for process in self.processes if process.name == name), None)

    @property
    def sealed_code(self) -> tuple[str, ...]:
        """The files that must be the same if a run is resumed: also `lab.toml`."""
        return (*self.code, FILE) if self.code else ()

    @property
    def check(self) -> Command | None:
        """The command that says which settings exist; None if no process names one."""
        return next((process.check for process in self.processes if process.check), None)

    @property
    def set_by_the_lab(self) -> frozenset[str]:
        """Environment variables that no arm may set."""
        return frozenset(name for each in self.processes for name in each.set_by_the_lab)

    @property
    def defaults(self) -> dict[str, str]:
        """The plain values of all environments; those of the loaded process win."""
        found: dict[str, str] = {}
        for process in sorted(self.processes, key=lambda each: each.name == self.loaded):
            found |= process.defaults
        return found

    @property
    def prepare(self) -> Command | None:
        """The command that prepares the database of an arm; None if none does."""
        return None if self.postgres is None else self.postgres.prepare

    @property
    def commands(self) -> tuple[Command, ...]:
        """Those that get the settings of an arm: of processes, `prepare`, `reset` and `switch`."""
        started = (process.command for process in self.processes)
        more = [self.prepare, self.reset]
        more += [] if self.url is None else [self.url.switch, self.url.reset]
        more += [] if self.compose is None else [self.compose.reset]
        return tuple(each for each in (*started, *more) if each is not None)

    @property
    def uses_parts_of_postgres(self) -> bool:
        """Whether it needs the address of its databases in other forms than a URL of libpq."""
        texts = [name for process in self.processes for name in process.placeholders]
        for command in (self.prepare, self.reset):
            texts += () if command is None else command.placeholders
        return any(name in POSTGRES_PARTS for name in texts)

    @property
    def setting_placeholders(self) -> frozenset[str]:
        """Settings that commands and environment variables name."""
        return frozenset(self._setting_placeholders())

    def _setting_placeholders(self) -> Iterator[str]:
        for command in self.commands:
            yield from command.settings
        for process in self.processes:
            for value in process.env.values():
                yield from value.settings
