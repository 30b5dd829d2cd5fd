"""Refuses connections of this process to other hosts than this machine and those that are allowed.

An audit hook (PEP 578) sees every address that Python code gives to a socket, whatever library it
comes from, before the system does. It does not see what a library in C connects by itself, nor the
processes that this one starts. The standard library alone is imported: drivers and benchmark
processes load it first.

`python -m lab.network_guard FILE ARGUMENTS` runs a program under it; LAB_ALLOWED_HOSTS names what
is allowed, with commas between.
"""

from __future__ import annotations

import _socket
import contextlib
import ipaddress
import os
import runpy
import socket
import stat
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

VARIABLE = "LAB_ALLOWED_HOSTS"  # in the environment of a process
REMEDY = "only this machine and `allow_hosts` of lab.toml may be loaded"

_CONNECTS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_INTERNET = (socket.AF_INET, socket.AF_INET6)
_RESOLVE_AGAIN_S = 30.0
_ENGINES = ("docker.sock", "containerd.sock", "podman.sock", "crio.sock")
_KIND = 0xF  # of a socket's type: the bits above it are flags


def is_loopback(host: str) -> bool:
    """Whether a host of a URL is this machine, by its name or address; no name is looked up."""
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    literal = _literal(name)
    return literal is not None and literal.is_loopback


class ForbiddenHostError(PermissionError):
    """A connection to a host that must not be loaded."""


Refused = Callable[[ForbiddenHostError], None]


class NetworkGuard:
    """Decides of an address whether it may be reached."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        """Allow this machine's loopback, and more.

        Args:
            allowed: Hosts, by name or address, and folders of Unix sockets, which begin with a
                slash.
        """
        given = tuple(allowed)
        self._folders = tuple(Path(each).resolve() for each in given if each.startswith("/"))
        hosts = (each for each in given if not each.startswith("/"))
        self._allowed = frozenset(host.rstrip(".").lower() for host in hosts)
        self._addresses: frozenset[str] = frozenset()
        self._resolved_at = -_RESOLVE_AGAIN_S

    def objection(self, family: int, address: Any) -> str | None:
        """What is wrong with connecting to this address, as a clause; None if nothing is.

        Args:
            family: Of the socket.
            address: As given to `connect`.
        """
        if family == socket.AF_UNIX:
            return self._socket_objection(address)
        if family == getattr(socket, "AF_NETLINK", None):
            return None  # the kernel
        if family not in _INTERNET:
            return f"a connection of the address family {family} is refused: {REMEDY}"
        if not isinstance(address, tuple) or not address:
            return None  # the call itself refuses it
        host = _text(address[0])
        if self._is_allowed(host):
            return None
        port = f":{address[1]}" if len(address) > 1 else ""
        return f"a connection to {host}{port} is refused: {REMEDY}"

    def _is_allowed(self, host: str) -> bool:
        name = host.rstrip(".").lower()
        if name in self._allowed or name == "":
            return True  # "" is any address of this machine
        literal = _literal(name)
        if literal is not None:
            return self._may_be_reached(literal)
        found = _resolved(host)  # names, and odd spellings of addresses
        return bool(found) and all(map(self._may_be_reached, found))

    def _may_be_reached(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        if address.is_loopback or address.is_unspecified:
            return True
        if not self._allowed:
            return False
        if str(address) not in self._addresses and (
            time.monotonic() >= self._resolved_at + _RESOLVE_AGAIN_S
        ):
            self._resolved_at = time.monotonic()
            found = [each for host in self._allowed for each in _resolved(host)]
            self._addresses = frozenset(map(str, found))
        return str(address) in self._addresses

    def _socket_objection(self, address: Any) -> str | None:
        """Who owns it decides; and no container engine is driven, which could load any host."""
        path = _text(address)
        if not path or path.startswith("\0"):  # unnamed, or of the kernel's own name space
            return None
        with contextlib.suppress(OSError, ValueError):
            file = Path(path).resolve()
            found = file.stat()
            if not stat.S_ISSOCK(found.st_mode) or any(
                file.is_relative_to(folder) for folder in self._folders
            ):
                return None
            if file.name in _ENGINES or found.st_uid != os.geteuid():
                return f"a connection to the socket {path} is refused: it is not the scenario's own"
        return None


def install(allowed: Iterable[str] = (), refused: Refused = lambda error: None) -> None:
    """Refuse other hosts from now on, in this process and in forks of it, for good.

    A refused call raises `ForbiddenHostError`.

    Args:
        allowed: As for `NetworkGuard`.
        refused: Called with an error before it is raised.
    """
    guard = NetworkGuard(allowed)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        objection = None
        if event in _CONNECTS:
            if arguments[1] is not None:  # `sendmsg` on a socket that is connected
                objection = guard.objection(arguments[0].family, arguments[1])
        elif event == "socket.__new__":
            objection = _kind_objection(*arguments[1:3])
        if objection is not None:
            error = ForbiddenHostError(objection)
            refused(error)
            raise error

    sys.addaudithook(hook)


def allowed_by_environment() -> list[str]:
    """What the environment of this process allows."""
    return [host for host in os.environ.get(VARIABLE, "").split(",") if host]


def _kind_objection(family: int, kind: int) -> str | None:
    """A raw socket sends to the host in the packet, whatever address it is given."""
    is_raw = kind & _KIND == socket.SOCK_RAW and family in _INTERNET
    if is_raw or family == getattr(socket, "AF_PACKET", None):
        return f"a raw socket is refused: {REMEDY}"
    return None


def _text(host: Any) -> str:
    if isinstance(host, bytes | bytearray):
        return os.fsdecode(bytes(host))
    return str(host)


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0])
    return None


def _resolved(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """All addresses of a name; none if it has none."""
    try:
        answers = _socket.getaddrinfo(host, None)  # that of gevent would run other greenlets
    except (OSError, UnicodeError):
        return []
    return [each for answer in answers if (each := _literal(str(answer[4][0]))) is not None]


def main() -> None:
    """Run a program under the guard, as `python FILE ARGUMENTS` would."""
    install(allowed_by_environment())
    del sys.argv[0]
    sys.path[0] = str(Path(sys.argv[0]).resolve().parent)
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
