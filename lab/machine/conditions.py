"""What a run ran on: machine, versions, commit; whether two runs may be compared."""

from __future__ import annotations

import contextlib
import os
import platform
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple

import psutil

from lab.files.source_files import digest

PACKAGES = ("gevent", "geventhttpclient", "locust", "numpy", "pytest-benchmark", "scipy")
"""Those of the lab that a measurement may depend on; `lab.toml` names those of the system."""

# What must not change between the sessions of one run.
_SAME = (
    *("processor", "cores", "kernel", "python", "packages", "commit", "dirty", "service"),
    "lab.toml",  # of revisions: it is no part of them
)
CODE = "code of the service"
_OF_THE_WORKING_TREE = ("commit", "dirty", "service")  # revisions do not depend on it
DATABASE_SERVER = "postgresql_server"
"""Under this name a target has the digest of the address of a database server of the user's own."""

_SAME_TARGET = (
    *("name", "cores", "postgresql", "postgresql_is", DATABASE_SERVER, "engine", "images", "url"),
)
_LATELY = (DATABASE_SERVER,)  # versions before this one do not record it


class TargetConditions(NamedTuple):
    """What the figures of a target depend on beside its machine.

    Attributes:
        cores: How many its processes are kept on; None: not recorded, or it runs elsewhere.
        database: Whose its PostgreSQL is, of the user's own with the digest of its address; None:
            not recorded, or there is none.
    """

    cores: int | None
    database: str | None


def observe(
    project: Path, code: Sequence[str] = (), packages: Iterable[str] = ()
) -> dict[str, Any]:
    """The machine and the code as they are now.

    Args:
        project: The project's folder.
        code: Files and folders in it that the system is made of; none for all of its source.
        packages: Python packages of the system.
    """
    commit, dirty = _commit(project)
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "kernel": platform.release(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in sorted({*PACKAGES, *packages})},
        "commit": commit,
        "dirty": dirty,
        "service": digest(project, code),
    }


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """Why trials under these two conditions must not be compared, in words; empty if they may."""
    revisions = _revisions(a, b), _revisions(b, a)
    same = [key for key in _SAME if not (any(revisions) and key in _OF_THE_WORKING_TREE)]
    pairs = {key: (a.get(key), b.get(key)) for key in same} | {"revisions": revisions}
    targets = a.get("target", {}), b.get("target", {})
    pairs |= {
        f"target {key}": tuple(target.get(key) for target in targets)
        for key in _SAME_TARGET
        if key not in _LATELY or all(key in target for target in targets)
    }
    return [f"{key} was {x!r}, is {y!r}" for key, (x, y) in pairs.items() if x != y]


def _revisions(conditions: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the arms, without what the other run does not record: versions before this one."""
    theirs = other.get("revisions", {})
    return {
        arm: {key: value for key, value in each.items() if key in theirs.get(arm, each)}
        for arm, each in conditions.get("revisions", {}).items()
    }


def target_conditions(conditions: Mapping[str, Any]) -> TargetConditions:
    """What is recorded of the target that its figures depend on."""
    target = conditions.get("target", {})
    cores = None if "url" in target else target.get("cores")
    whose = (target[key] for key in ("postgresql_is", DATABASE_SERVER) if key in target)
    return TargetConditions(None if cores is None else len(cores), " ".join(whose) or None)


def share_noise(a: Mapping[str, Any], b: Mapping[str, Any]) -> bool:
    """Whether two runs had the same machine, as many cores and the same database server."""
    return (machine_name(a), target_conditions(a)) == (machine_name(b), target_conditions(b))


def this_machine() -> dict[str, Any]:
    """What names this machine."""
    return {"processor": _processor(), "cores": os.cpu_count()}


def measured_commit(conditions: Mapping[str, Any], digits: int | None = None) -> str:
    """The commit that was measured, or those of all arms if they are revisions.

    Args:
        conditions: Of the run.
        digits: How many of each commit; all by default.
    """
    revisions = conditions.get("revisions", {}).values()
    commits = [each["commit"] for each in revisions] or [conditions.get("commit") or "unknown"]
    return "..".join(str(commit)[:digits] for commit in commits)


def is_edited(conditions: Mapping[str, Any]) -> bool:
    """Whether files differed from the commit that was measured; no revision is edited."""
    return bool(conditions.get("dirty")) and not conditions.get("revisions")


def marked_commit(conditions: Mapping[str, Any], digits: int | None = None) -> str:
    """As `measured_commit`, with a `*` at the end if files differed from it."""
    return measured_commit(conditions, digits) + "*" * is_edited(conditions)


def machine_name(conditions: Mapping[str, Any]) -> str:
    """The machine of a run; figures of runs whose machines differ are not comparable."""
    if "processor" not in conditions:
        return "unknown machine"
    cores = conditions.get("cores")
    return f"{conditions['processor']}, {cores} core{'s' * (cores != 1)}"


def code_invariants(
    project: Path, code: Sequence[str] = (), revisions: Sequence[Path] = ()
) -> dict[str, Any]:
    """What must not change while benchmarks run: each of their processes imports the code anew.

    Args:
        project: The project's folder.
        code: As for `invariants`.
        revisions: As for `invariants`.
    """
    return {
        "cores of the machine": os.cpu_count(),
        CODE: [digest(folder, code) for folder in revisions or (project,)],
        "code of the scenarios": digest(project, ("scenarios",)),
    }


def invariants(
    project: Path, driver: int, code: Sequence[str] = (), revisions: Sequence[Path] = ()
) -> dict[str, Any]:
    """What must not change during a run; cheap enough to be read before every trial.

    Args:
        project: The project's folder.
        driver: Process id of the load driver.
        code: Files and folders that the system is made of; none for all source of the project.
        revisions: The folders of the revisions that run instead of the project's own code.
    """
    seen: dict[str, Any] = {
        "cores of the machine": os.cpu_count(),
        CODE: [digest(folder, code) for folder in revisions or (project,)],
    }
    with contextlib.suppress(OSError):  # a driver that has ended has no cores
        seen["cores of the driver"] = sorted(os.sched_getaffinity(driver))
    return seen


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _commit(project: Path) -> tuple[str, bool]:
    """The commit checked out, and whether files differ from it; "unknown" outside git."""

    def git(*arguments: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(project), *arguments],
                capture_output=True,
                text=True,
                timeout=10,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.strip() if done.returncode == 0 else None

    head = git("rev-parse", "HEAD")
    if head is None:
        return "unknown", False
    return head, bool(git("status", "--porcelain", "--untracked-files=no"))
