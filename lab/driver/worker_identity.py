"""What a worker says of itself: versions, machine, clock and network."""

from __future__ import annotations

import hashlib
import hmac
import importlib.metadata
import os
import socket
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import locust

from lab.driver.worker_messages import PROTOCOL, Join
from lab.driver_messages import WORKER_TOKEN

_LAB = Path(__file__).resolve().parents[1]
_SHARED_CODE = (
    "driver/**/*.py",
    "stats/*.py",
    "driver_messages.py",
    "network_guard.py",
    "errors.py",
)
_CHANGED = "changed"  # stands for the digest of code of which some is older than the rest


@cache
def code_at_start() -> str:
    """Digest of the code that this process runs; the first call is at its start."""
    return _code_digest()


def is_code_changed() -> bool:
    """Whether that code is another one on disk by now."""
    return _code_digest() != code_at_start()


def identity(token: str, slot: str) -> Join:
    """This process as a worker.

    Args:
        token: That the master asks for.
        slot: Where the driver has started it; "" if it joins by itself.
    """
    boot = _read("/proc/sys/kernel/random/boot_id")
    return Join(
        protocol=PROTOCOL,
        lab=_version("bottleneck-lab"),
        code=_CHANGED if is_code_changed() else code_at_start(),
        locust=locust.__version__,
        python=f"{sys.version_info.major}.{sys.version_info.minor}",
        token=token,
        slot=slot,
        host=socket.gethostname(),
        pid=os.getpid(),
        machine=_digest(boot),
        clock=_digest(boot + _read("/proc/self/timens_offsets")),
        network=_digest(boot + str(Path("/proc/self/ns/net").readlink())),
        cores=tuple(sorted(os.sched_getaffinity(0))),
    )


def objection(worker: Join, master: Join) -> str | None:
    """Why a worker cannot be one of a master's, as a clause about it; None if it can."""
    if not hmac.compare_digest(worker.token.encode(), master.token.encode()):
        return f"does not know the token of this run: give it by {WORKER_TOKEN} or --token"
    if worker.protocol != master.protocol or worker.lab != master.lab:
        return (
            f"runs version {worker.lab} of the lab (protocol {worker.protocol}), and the run "
            f"{master.lab} (protocol {master.protocol}): install the same version there"
        )
    for name in ("locust", "python"):
        own, wanted = _main(getattr(worker, name)), _main(getattr(master, name))
        if own != wanted:
            return (
                f"runs version {own} of {name.capitalize()}, and the run {wanted}: install the "
                "same version there"
            )
    if _CHANGED in (worker.code, master.code) or (worker.slot and worker.code != master.code):
        return "cannot run: code of the lab was changed after the start; start again"
    if worker.code != master.code:
        return "runs other code of the lab than the run: install the same commit there"
    return None


def digests(project: Path, names: Iterable[str]) -> Mapping[str, str]:
    """Digests ("sha256:...") of files, by path from the project folder; "missing" of none."""
    return {name: _file_digest(project, name) for name in names}


def difference(worker: Mapping[str, str], wanted: Mapping[str, str]) -> str | None:
    """How a worker's files differ from those of the run, as a clause; None if they do not."""
    for name in sorted(wanted):
        found = worker.get(name, "missing")
        if found == "missing" != wanted[name]:
            return f"has no {name}: copy the project there as it is here"
        if found != wanted[name]:
            return f"has another {name}: copy the project there as it is here, and start it again"
    return None


def _file_digest(project: Path, name: str) -> str:
    path = (project / name).resolve()
    try:
        if path.is_relative_to(project.resolve()):
            return f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    except OSError:
        pass
    return "missing"


def _code_digest() -> str:
    sealed = hashlib.sha256()
    for pattern in _SHARED_CODE:
        for path in sorted(_LAB.glob(pattern)):
            sealed.update(path.relative_to(_LAB).as_posix().encode() + b"\0")
            sealed.update(hashlib.sha256(path.read_bytes()).digest())
    return sealed.hexdigest()


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _main(version: str) -> str:
    """Its major and minor part."""
    return ".".join(version.split(".")[:2])


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except OSError:  # a kernel without time namespaces
        return ""


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
