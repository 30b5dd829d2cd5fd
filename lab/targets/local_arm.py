"""One arm as processes of this machine: its addresses, its processes with all that they start."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import psutil

from lab.machine.cpu_pinning import pin
from lab.processes.child_processes import Child, Children
from lab.processes.process_tree import (
    children_by_parent,
    files_open_for_writing,
    is_listened_on,
    listeners,
    listening_addresses,
    shows_its_files,
    with_descendants,
)
from lab.system import FILE, ProcessSpec, System
from lab.system.placeholders import ARM_FOLDER, FD, PORT, PORT_OF, POSTGRES_URL, URL_OF, Command
from lab.targets.command_environment import import_path, search_path, with_program
from lab.targets.postgres_sessions import libpq_variables
from lab.targets.process_identity import Proof, identify, proof_of
from lab.targets.readiness import await_ready, check_ready, own_log
from lab.targets.target_interface import Identity, TargetFailure

_HOST = "127.0.0.1"


@dataclass
class LocalArm:
    """The processes of one arm, by the names that `lab.toml` gives them.

    Attributes:
        project: The folder of `lab.toml`.
        code: The folder that its processes run in: the project, or a revision of it.
        name: Of the arm.
        settings: Of the arm.
        database: The URL of its database; None if the system has none.
        parts_of_database: The parts of its address, by their placeholders, if they are used.
        ports: By process; an arm keeps them when it is started again.
        running: Its processes.
    """

    system: System
    children: Children
    project: Path
    code: Path
    name: str
    settings: Mapping[str, str]
    database: str | None = None
    parts_of_database: Mapping[str, str] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, Child] = field(default_factory=dict)

    def start(self, cores: Iterable[int]) -> None:
        """Start all processes, one right after the other, on the ports that they had before.

        Args:
            cores: That they may use until `pin` is called.
        """
        with contextlib.ExitStack() as sockets:
            bound = {
                spec.name: sockets.enter_context(_bind(self.ports.get(spec.name, 0)))
                for spec in self.system.processes
                if spec.has_port
            }
            self.ports = {name: held.getsockname()[1] for name, held in bound.items()}
            for spec in self.system.processes:
                held = bound.get(spec.name)
                values = self._values(spec, self.ports.get(spec.name), held)
                self.running[spec.name] = self._launch(spec, values, held, cores)

    def start_copy(
        self,
        spec: ProcessSpec,
        cores: Iterable[int],
        label: str,
        insert: Iterable[str],
        stop_signal: int,
    ) -> tuple[Child, str]:
        """Start another process of this kind on a port of its own, with its URL.

        Args:
            spec: Of the process.
            cores: That it may use at first.
            label: Of the copy, in place of the arm's name.
            insert: Arguments to insert behind the program.
            stop_signal: The signal that ends it.
        """
        with _bind(0) as held:
            port = held.getsockname()[1]
            values = self._values(spec, port, held)
            child = self._launch(
                spec, values, held, cores, insert=insert, label=label, stop_signal=stop_signal
            )
            return child, _url(port)

    def await_ready(self) -> None:
        """Wait until every process is ready. TargetFailure if one ends, or takes too long."""
        for spec in self.system.processes:
            self._await(spec, self.running[spec.name], self.url(spec.name))

    def identities(self) -> dict[str, Identity]:
        """Which process answers, by role, with its settings as far as they are known."""
        return {
            spec.name: identify(
                spec,
                self.name,
                self.url(spec.name),
                self.running[spec.name].pid,
                self.settings,
                self._answering(spec),
            )
            for spec in self.system.processes
        }

    def _answering(self, spec: ProcessSpec) -> list[int] | None:
        """The processes that listen on a port of the arm, where their environment is the proof."""
        if spec.settings is not None or spec.name not in self.ports:
            return None
        port = self.ports[spec.name]
        found = listeners(port, with_descendants(self.running[spec.name].pid, children_by_parent()))
        return found if found or is_listened_on(port) else None  # it may not listen by TCP

    def proofs(self) -> dict[str, Proof]:
        """How far the proof of the settings goes, by role."""
        found = self.identities()
        return {spec.name: proof_of(spec, found[spec.name]) for spec in self.system.processes}

    def open_files(self) -> dict[tuple[int, int], Path]:
        """The files that its processes have open for writing, their logs aside."""
        family = children_by_parent()
        pids = [
            pid for child in self.running.values() for pid in with_descendants(child.pid, family)
        ]
        logs = {child.log for child in self.running.values()}
        found = files_open_for_writing(pids)
        return {file: path for file, path in found.items() if path not in logs}

    def daemons(self) -> dict[str, list[str]]:
        """By process, in words, the programs that left its tree: they are not seen to be its."""
        found = {}
        for child in self.running.values():
            names = []
            for pid in self.children.outside_tree(child):
                with contextlib.suppress(psutil.Error):  # it has ended
                    names.append(f"{psutil.Process(pid).name()} (process {pid})")
            if names:
                found[child.owner] = names
        return found

    def url(self, role: str) -> str | None:
        """The URL of a process; None if it has no port."""
        return _url(self.ports[role]) if role in self.ports else None

    def dead(self) -> str | None:
        """Which process has ended, and how."""
        ended = ((child, child.died()) for child in self.running.values())
        return next((f"{child.owner} {how}" for child, how in ended if how), None)

    def log_tail(self) -> str:
        """The end of the log of the process that ended; of the loaded one if none did."""
        ended = next((child for child in self.running.values() if child.died()), None)
        return (ended or self.running[self.system.loaded]).log_tail()

    def pin(self, cores: Iterable[int]) -> None:
        """Keep all processes, with those that they have started, on these cores."""
        family = children_by_parent()
        for child in self.running.values():
            for pid in with_descendants(child.pid, family):
                pin(pid, cores)

    def _await(self, spec: ProcessSpec, child: Child, url: str | None) -> None:
        def ask() -> None:
            check_ready(
                child.owner,
                spec.ready,
                url,
                lambda: own_log(child.log, child.log_start),
                is_loaded=spec.name == self.system.loaded,
            )

        remedy = partial(self._remedy, spec, child)
        await_ready(ask, self.dead, self.log_tail, spec.ready.within_s, remedy)
        self._refuse_foreign_listener(spec, child)

    def _remedy(self, spec: ProcessSpec, child: Child) -> str:
        """What would help a process that is not ready in time, by where it listens."""
        port, own = self.ports.get(spec.name), with_descendants(child.pid, children_by_parent())
        found = [] if port is None else sorted(listening_addresses(own))
        hosts = [host for host, number in found if number == port]
        more = 'If it needs more time, `ready = {within = "2m"}` gives it that'
        if hosts and not any(map(_takes_ipv4, hosts)):
            return f"It listens on {hosts[0]} only; let it listen on {_HOST}"
        if hosts or not found:
            return more
        places = ", ".join(f"{host}:{number}" for host, number in found)
        return f"It listens on {places}; let its command or its env take {{{PORT}}}. {more}"

    def _launch(
        self,
        spec: ProcessSpec,
        values: Mapping[str, str],
        held: socket.socket | None,
        cores: Iterable[int],
        *,
        insert: Iterable[str] = (),
        label: str = "",
        stop_signal: int | None = None,
    ) -> Child:
        program, *rest = spec.command.fill(values)
        words = with_program(spec.command, [program, *insert, *rest], self.project, self.code)
        if held is not None and not spec.inherits_socket:
            held.close()  # the process binds the port itself
            held = None
        return self.children.start(
            words,
            role=spec.name,
            arm=label or self.name,
            env=self._environment(spec, values),
            cwd=self.code,
            cores=cores,
            pass_fds=() if held is None else (held.fileno(),),
            stop_signal=spec.stop.signal if stop_signal is None else stop_signal,
            patience_s=spec.stop.patience_s,
            whole_tree=True,
        )

    def start_command(self, command: Command, role: str, cores: Iterable[int]) -> Child:
        """Start a command of `lab.toml` that does something for this arm, as `prepare`.

        It gets what the processes get, without a port of its own: of the same variable, that of
        the loaded process.

        Args:
            command: The command.
            role: What it is.
            cores: That it may use.
        """
        texts = [text for spec in self.system.processes for text in spec.env.values()]
        texts += command.words
        values = {
            **self.system.defaults,
            **self.settings,
            **self._values_of_arm({name for text in texts for name in text.placeholders}),
        }
        given = {}
        for spec in sorted(self.system.processes, key=lambda each: each.name == self.system.loaded):
            for name, text in spec.env.items():
                if all(each in values for each in text.placeholders):
                    given[name] = text.fill(values)
        own = {name: given[name] for name in self.system.set_by_the_lab if name in given}
        database = {} if self.database is None else {"DATABASE_URL": self.database}
        reach = libpq_variables() if database else {}
        return self.children.start(
            with_program(command, command.fill(values), self.project, self.code),
            role=role,
            arm=self.name,
            env={**database, **given, **self.settings, **reach, **own, **self._found_by(given)},
            cwd=self.code,
            cores=cores,
            whole_tree=True,
        )

    def _environment(self, spec: ProcessSpec, values: Mapping[str, str]) -> dict[str, str]:
        """The environment variables of a process: the lab's own win, then those of the arm."""
        given = {name: value.fill(values) for name, value in spec.env.items()}
        own = {name: given[name] for name in spec.set_by_the_lab}
        reach = libpq_variables() if spec.uses_postgres else {}  # a server of the user's own
        return {**given, **self.settings, **reach, **own, **self._found_by(given)}

    def _found_by(self, given: Mapping[str, str]) -> dict[str, str]:
        """The variables by which programs and the modules of a revision are found.

        Args:
            given: Variables of `lab.toml`; the folders of its PYTHONPATH come behind.
        """
        path = {"PATH": search_path(self.code)}
        if self.code == self.project:
            return path
        folders = filter(None, (import_path(self.code), given.get("PYTHONPATH")))
        return {"PYTHONPATH": os.pathsep.join(folders), **path}

    def _values(
        self, spec: ProcessSpec, port: int | None, held: socket.socket | None
    ) -> dict[str, str]:
        """The values of all placeholders of a process."""
        values = {**spec.defaults, **self.settings, **self._values_of_arm(spec.placeholders)}
        if port is not None and held is not None:
            values |= {PORT: str(port), FD: str(held.fileno())}
        return values

    def _values_of_arm(self, placeholders: Container[str]) -> dict[str, str]:
        """The values of the placeholders that are the arm's; its folder is made if it is named."""
        values = {f"{name}{URL_OF}": _url(each) for name, each in self.ports.items()}
        values |= {f"{name}{PORT_OF}": str(each) for name, each in self.ports.items()}
        if ARM_FOLDER in placeholders:
            folder = self.children.folder / f"files-{self.name}"
            folder.mkdir(exist_ok=True)
            values[ARM_FOLDER] = str(folder)
        if self.database is not None:
            values |= {POSTGRES_URL: self.database, **self.parts_of_database}
        return values

    def _refuse_foreign_listener(self, spec: ProcessSpec, child: Child) -> None:
        """TargetFailure if something else than this process listens on its port."""
        if spec.name not in self.ports or spec.inherits_socket:
            return
        port = self.ports[spec.name]
        own = with_descendants(child.pid, children_by_parent())
        found = listeners(port)
        if set(own) & set(found):
            return
        if found:
            name = "another process"
            with contextlib.suppress(psutil.Error):
                name = psutil.Process(found[0]).name()
            who = f"{name} (process {found[0]})"
        elif is_listened_on(port) and all(map(shows_its_files, own)):
            if listeners(port):  # it has begun to listen just now
                return
            who = "a process of another user"
        else:  # a program with privileges of its own shows nobody what it has open
            return
        raise TargetFailure(
            f"port {port} of {child.owner} is served by {who}, which it did not start: something "
            "else has taken the port, or the command left the service to a daemon, as `docker run` "
            "does. Its settings, processor time and memory would not be seen. Let the command stay "
            f"in the foreground, or describe a container by [compose] in {FILE}"
        )


def _bind(port: int) -> socket.socket:
    """A socket on a port of loopback, or on any free one for 0."""
    bound = socket.socket()
    # connections of an earlier process on this port may still be closing
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((_HOST, port))
    except OSError as error:
        bound.close()
        raise TargetFailure(
            f"port {port}, which an arm had before, cannot be taken again: {error.strerror}"
        ) from error
    return bound


def _takes_ipv4(host: str) -> bool:
    """Whether a socket on this address may take a connection to 127.0.0.1."""
    return ":" not in host or host == "::" or host.startswith("::ffff:")


def _url(port: int) -> str:
    return f"http://{_HOST}:{port}"
