"""`lab worker`: this machine generates part of the load of a run on another one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.worker_address import EXAMPLE, WorkerAddress, parse_address
from lab.driver_messages import WORKER_PORT, WORKER_TOKEN
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.processes.child_processes import Child, Children
    from lab.processes.passed_variables import PassedVariables

_AGAIN_S = 2.0  # before it joins the next run
_STANDBY_S = 15.0  # before it asks a run again that has all its workers: asking costs a second


def command(
    master: Annotated[
        str, typer.Argument(metavar="MASTER:PORT", help="Where the run listens for workers.")
    ],
    token: Annotated[
        str,
        typer.Option(
            envvar=WORKER_TOKEN, help="Token that the run has printed.", show_default=False
        ),
    ] = "",
    passed: Annotated[
        list[str] | None,
        typer.Option(
            "--pass",
            metavar="NAME",
            help="Environment variable that the scenario gets; repeatable.",
        ),
    ] = None,
    once: Annotated[
        bool, typer.Option("--once", help="End after one run, and do not wait for the next.")
    ] = False,
) -> None:
    """Generate part of the load of a run on another machine, until Ctrl-C."""
    from contextlib import ExitStack, suppress

    from lab.cli.signals import Interrupted, interruptible
    from lab.files.project_folder import MARKER, Project
    from lab.processes.child_processes import Children
    from lab.system import load_system

    address = _address(master)
    variables = _passed(passed or [])
    root = Project.find().root
    allowed = load_system(root).safety.allow_hosts if (root / MARKER).is_file() else ()
    with suppress(Interrupted), ExitStack() as cleanup, interruptible():
        children = cleanup.enter_context(Children(variables))
        print(f"waiting for a run at {address}; Ctrl-C ends it", flush=True)
        while _take_part(children, root, address, token, allowed, once=once):
            pass


def _take_part(
    children: Children,
    root: Path,
    address: WorkerAddress,
    token: str,
    allowed: tuple[str, ...],
    *,
    once: bool,
) -> bool:
    """Be a worker of one run; whether to wait for another one. UsageError if it is refused."""
    import subprocess
    import sys
    import time

    from lab import network_guard
    from lab.driver_messages import WorkerExit
    from lab.errors import MeasurementError

    child = children.start(
        [sys.executable, "-m", "lab.driver.worker", address.host, str(address.port)],
        role="driver",
        cwd=root,
        env={
            "PYTHONUNBUFFERED": "1",
            WORKER_TOKEN: token,
            network_guard.VARIABLE: ",".join(allowed),
        },
        stdout=subprocess.PIPE,
        whole_tree=True,
    )
    joined = False
    refusal = ""
    for line in _lines(child):
        joined = joined or line.startswith("joined")
        if line.startswith("refused: "):
            refusal = line.removeprefix("refused: ")
        else:
            print(f"lab worker: {line}", flush=True)
    code = child.popen.wait()
    tail = child.log_tail()
    children.stop(child)
    if code == WorkerExit.REFUSED:
        raise UsageError(f"{address}: {refusal or 'the run has refused this worker'}")
    if code == WorkerExit.ENDED and once:
        return False
    if code == WorkerExit.NO_MASTER and once:
        if joined:
            raise MeasurementError(f"{address}: the contact with the run is lost")
        raise MeasurementError(f"{address}: no run listens there")
    if code not in tuple(WorkerExit):
        how = child.died() or "ended"
        print(f"lab worker: the worker {how}" + (f":\n{tail}" if tail else ""), flush=True)
    if code == WorkerExit.FULL:
        print("lab worker: the run has all its workers; waiting for a free place", flush=True)
    time.sleep(_STANDBY_S if code == WorkerExit.FULL else _AGAIN_S)
    return True


def _lines(child: Child) -> Iterator[str]:
    assert child.popen.stdout is not None
    for line in child.popen.stdout:
        yield child.passed.redact(line.decode(errors="replace").rstrip("\n"))


def _address(text: str) -> WorkerAddress:
    found = parse_address(text, WORKER_PORT)
    if found is None:
        raise UsageError(
            f"{text}: write the address and the port at which the run listens, as in {EXAMPLE}"
        )
    return found


def _passed(names: list[str]) -> PassedVariables:
    """Their values. UsageError if one is not set."""
    import os

    from lab.processes.passed_variables import PassedVariables

    if missing := [name for name in names if name not in os.environ]:
        raise UsageError(
            f"--pass {missing[0]}: this variable is not set. Set it, as in {missing[0]}=... "
            "lab worker ..."
        )
    return PassedVariables({name: os.environ[name] for name in names})
