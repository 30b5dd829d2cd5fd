"""A Compose file as Compose resolves it: its services, what arms would share, what a run adds."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import chain
from typing import Any
from urllib.parse import quote

from lab.system import ComposeSpec
from lab.targets.target_interface import TargetUsageError

HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"  # in `depends_on`
_LOOPBACK = ("127.0.0.1", "::1")


def loopback_port(spec: ComposeSpec, role: str, published: Sequence[tuple[str, int]]) -> int:
    """The published port of a role on loopback.

    Args:
        spec: What `lab.toml` says of the file.
        role: A service of the file.
        published: Addresses and ports on which the engine publishes the role's port.

    Raises:
        TargetUsageError: It is not published, or not on loopback alone.
    """
    port = spec.ports[role]
    for address, _ in published:
        if address not in _LOOPBACK:
            raise TargetUsageError(
                f"{spec.file}: service {role} publishes port {port} on {address}, which "
                f'other machines can reach. Write "127.0.0.1:...:{port}"'
            )
    for address, outer in published:
        if address == "127.0.0.1":
            return outer
    raise TargetUsageError(
        f"{spec.file}: service {role} does not publish its port {port}. "
        f'Write ports: ["127.0.0.1::{port}"]'
    )


@dataclass(frozen=True)
class ComposeFile:
    """What `docker compose config` prints for a project, read as YAML."""

    project: str
    data: Mapping[str, Any]
    spec: ComposeSpec

    def flaw(self) -> str | None:
        """Why arms could not run side by side, and what to write instead; None if they can.

        Arms that share state, a network or a name would not be independent.
        """
        services = self.data.get("services") or {}
        if missing := sorted(self.spec.ports.keys() - services.keys()):
            there = f"; there are {', '.join(services)}" if services else ""
            return f"there is no service {' and no '.join(missing)}, which lab.toml names{there}"
        flaws = (self._circular, self._replaced, self._replicated, self._shared, self._taken)
        return next(chain.from_iterable(flaw() for flaw in flaws), None)

    def left_out(self) -> list[str]:
        """The services without a profile that no arm starts: none of its own depends on them."""
        started = self._started()
        return [
            name
            for name, service in self.data["services"].items()
            if name not in started and not service.get("profiles")
        ]

    def layers(self) -> list[tuple[str, ...]]:
        """The services of an arm in the order of their start: each depends on earlier layers only.

        The loaded one starts after all of `lab.toml` that do not depend on it. CycleError if
        services depend on each other.
        """
        needed = {name: set(self._needed(name)) for name in self._started()}
        loaded = self.spec.service
        needed[loaded] |= {n for n in self.spec.ports if loaded not in self._with_needed(n)}
        sorter = TopologicalSorter(needed)
        sorter.prepare()
        layers = []
        while sorter.is_active():
            layers.append(tuple(sorted(sorter.get_ready())))
            sorter.done(*layers[-1])
        return layers

    def conditions(self, name: str) -> set[str]:
        """What services that depend on this one wait for, in the words of `depends_on`."""
        return {how for each in self._started() if (how := self._needed(each).get(name))}

    def _needed(self, name: str) -> dict[str, str]:
        """What a service depends on directly, and the condition of each."""
        given = self.data["services"].get(name, {}).get("depends_on") or {}
        if isinstance(given, list):
            given = dict.fromkeys(given)
        return {
            each: (how or {}).get("condition", "service_started") for each, how in given.items()
        }

    def _with_needed(self, *names: str) -> list[str]:
        """These services, then what they depend on, directly or indirectly."""
        found = list(names)
        for name in found:
            found += [each for each in self._needed(name) if each not in found]
        return found

    def images(self) -> dict[str, Any]:
        """How the image of each service of an arm is built, or its name if it is fetched."""
        found = {n: self.data["services"].get(n, {}) for n in self._started()}
        return {name: service.get("build", service.get("image")) for name, service in found.items()}

    def built(self) -> list[str]:
        """Services of an arm whose image is built, not fetched."""
        return [n for n in self._started() if "build" in self.data["services"].get(n, {})]

    def _started(self) -> list[str]:
        return self._with_needed(*self.spec.ports)

    def database_url(self, port: int) -> str:
        """The URL of the database on loopback, by the variables of the image."""
        assert self.spec.database is not None
        given = _environment(self.data["services"][self.spec.database])
        user = given.get("POSTGRES_USER") or "postgres"
        name = given.get("POSTGRES_DB") or user
        secret = given.get("POSTGRES_PASSWORD") or ""
        return (
            f"postgresql://{quote(user, safe='')}:{quote(secret, safe='')}@127.0.0.1:{port}/"
            f"{quote(name, safe='')}"
        )

    def database_command(self, settings: Mapping[str, str]) -> list[str]:
        """PostgreSQL with these settings, then those of the file: the last one of a name counts."""
        pairs = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        own = self._database_words()
        return ["postgres", *pairs, *(own[1:] if own[:1] == ["postgres"] else own)]

    def _database_words(self) -> list[str]:
        """The command of the database in the file."""
        assert self.spec.database is not None
        command = self.data["services"][self.spec.database].get("command") or ()
        return shlex.split(command) if isinstance(command, str) else list(command)

    def additions(
        self,
        settings: Mapping[str, str],
        database_settings: Mapping[str, str],
        image: Callable[[str], str],
    ) -> dict[str, Any]:
        """What a run adds to the file for one arm, as the data of a second Compose file.

        Settings, free ports on loopback, and no health checks, which would be a load of their own.
        `image` names the image of a service that is built.
        """
        environment = {name: value.replace("$", "$$") for name, value in settings.items()}
        common: dict[str, Any] = {"healthcheck": {"interval": "24h"}}
        services: dict[str, dict[str, Any]] = {
            self.spec.service: common | {"environment": environment}
        }
        for name, port in self.spec.others.items():
            services[name] = common | {"environment": environment, "ports": [free_port(port)]}
        if self.spec.database is not None:
            command = self.database_command(database_settings)
            ports = [free_port(self.spec.ports[self.spec.database])]
            services[self.spec.database] = common | {"command": command, "ports": ports}
        for name in self.built():
            services.setdefault(name, {})["image"] = image(name)
        return {"services": services}

    def _circular(self) -> Iterator[str]:
        try:
            self.layers()
        except CycleError as error:
            yield f"services depend on each other in a circle: {', '.join(error.args[1])}"

    def _replaced(self) -> Iterator[str]:
        """The lab gives PostgreSQL settings, and so has to know what its command means."""
        own = self._database_words() if self.spec.database is not None else []
        if own and own[0] != "postgres" and not own[0].startswith("-"):
            yield (
                f"service {self.spec.database} has the command `{shlex.join(own)}`, to which the "
                "lab cannot add settings of its own. Write `postgres -c name=value`, or leave it "
                "out"
            )

    def _replicated(self) -> Iterator[str]:
        """Only one container of a service can be loaded, watched and pinned."""
        for name in self._started():
            service = self.data["services"].get(name, {})
            counts = (service.get("scale"), (service.get("deploy") or {}).get("replicas"))
            if (count := max(int(each or 0) for each in counts)) > 1:
                yield (
                    f"service {name} has {count} containers, and the lab watches one of each "
                    "service. Write 1 for its scale or replicas, or describe each instance as a "
                    "service of its own"
                )

    def _shared(self) -> Iterator[str]:
        started = self._started()
        for name, service in self.data["services"].items():
            if service.get("profiles") and name not in started:
                continue  # no arm starts it; some versions of Compose list it all the same
            if own := service.get("container_name"):
                yield f"service {name} has the container_name {own}, which only one arm can have"
            if mode := service.get("network_mode"):
                yield (
                    f"service {name} has network_mode {mode}, which arms would share. "
                    "Leave it out, and publish ports"
                )
            for source, target in _writable(service.get("volumes") or ()):
                if source.startswith(("/", ".", "~")):
                    yield (
                        f"service {name} can write to the folder {source} of this machine, which "
                        f"all arms would share. Mount it read-only: {source}:{target}:ro"
                    )
                elif self._is_outside(self.data.get("volumes"), source):
                    yield (
                        f"the volume {source} of service {name} is external or has a name of its "
                        "own, so that all arms would share it. Leave name and external out"
                    )
                elif place := _place((self.data.get("volumes") or {}).get(source) or {}):
                    yield (
                        f"the volume {source} of service {name} keeps its data {place}, which all "
                        "arms would share. Leave driver and driver_opts out"
                    )
        for name in self.data.get("networks") or ():
            if self._is_outside(self.data["networks"], name):
                yield (
                    f"the network {name} is external or has a name of its own, so that all arms "
                    "would share it. Leave name and external out"
                )

    def _taken(self) -> Iterator[str]:
        """Ports of this machine that arms could not have, or that others could reach."""
        for name in self._started():
            ports = self.data["services"].get(name, {}).get("ports") or ()
            for address, outer, inner in _published(ports):
                form = f'"127.0.0.1:${{SERVICE_PORT-{outer or inner}}}:{inner}"'
                remedy = f"Write {form}"
                if name != self.spec.service:
                    remedy = f"Publish none, or write {form}"
                if address not in _LOOPBACK:
                    yield (
                        f"service {name} publishes port {inner} on {address or 'all addresses'}, "
                        f"which other machines can reach. {remedy}"
                    )
                elif outer.isdecimal() and int(outer):
                    yield (
                        f"service {name} publishes port {inner} as {outer}, which only one arm "
                        f"can have. {remedy}"
                    )

    def _is_outside(self, declared: Mapping[str, Any] | None, name: str) -> bool:
        """Whether a volume or network does not belong to this project alone."""
        entry = (declared or {}).get(name) or {}
        own = (None, f"{self.project}_{name}")  # newer versions of Compose write the name
        return bool(entry.get("external")) or entry.get("name") not in own


def free_port(port: int) -> str:
    """Publish a port of a container on any free port of loopback."""
    return f"127.0.0.1::{port}"


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


def _published(ports: Iterable[Any]) -> Iterator[tuple[str, str, str]]:
    """Address, port of this machine and port of the container of each; empty where none is said."""
    for port in ports:
        if isinstance(port, Mapping):
            outer = str(port.get("published") or "")
            yield str(port.get("host_ip") or ""), outer, str(port["target"])
        else:
            before, _, inner = str(port).partition("/")[0].rpartition(":")
            address, _, outer = before.rpartition(":")
            yield address.strip("[]"), outer, inner


def _place(volume: Mapping[str, Any]) -> str | None:
    """Where a volume keeps its data, in words; None if the engine has a place for each volume."""
    driver, options = volume.get("driver") or "local", volume.get("driver_opts") or {}
    if driver != "local":
        return f"where its driver {driver} decides"
    device = options.get("device")
    return f"at {device}" if device and options.get("type") != "tmpfs" else None


def _environment(service: Mapping[str, Any]) -> dict[str, str]:
    given = service.get("environment") or {}
    if isinstance(given, list):
        given = dict(entry.partition("=")[::2] for entry in given)
    return {name: str(value) for name, value in given.items() if value is not None}
