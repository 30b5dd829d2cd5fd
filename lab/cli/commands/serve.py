"""`lab serve`: the system under test alone, to try it out."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab.cli.name_values import name_values

_ARM = "alone"
_POLL_S = 0.5


def command(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE", help="Settings of the system, such as DB_POOL_SIZE=5."
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            help="Where the system runs: local (processes of this machine), compose or url.",
            show_default="the first that lab.toml describes",
        ),
    ] = None,
    anyway: Annotated[
        bool, typer.Option("--anyway", help="Start although no source file names a setting.")
    ] = False,
) -> None:
    """Start the system of lab.toml, until Ctrl-C."""
    import time
    from contextlib import ExitStack, suppress

    from lab.cli.run_assembly import TargetParts, default_target, make_target
    from lab.cli.signals import Interrupted, interruptible
    from lab.files.project_folder import Project
    from lab.machine.cpu_pinning import divide_cores
    from lab.machine.run_lock import machine_lock
    from lab.processes.child_processes import Children
    from lab.system import load_system
    from lab.targets.target_interface import TargetFailure

    form = "a setting is written NAME=VALUE, as in DB_POOL_SIZE=5"
    chosen = name_values(settings or (), form, may_be_empty=True)
    root = Project.find().root
    system = load_system(root)
    with suppress(Interrupted), ExitStack() as cleanup, interruptible():
        # the service would disturb a run that measures, and a later run would wait for it
        cleanup.enter_context(machine_lock(None, remedy="Start the service when it has ended"))
        children = cleanup.enter_context(Children())
        service = make_target(
            target or default_target(system),
            TargetParts(system, children, root, divide_cores(), _notify, anyway),
        )
        cleanup.callback(service.stop)
        service.check({_ARM: chosen})
        print("starting ...", flush=True)
        service.start({_ARM: chosen})
        if chosen:
            service.activate(_ARM)
        url = service.url(_ARM)
        print(f"the {service.loaded.role} answers at {url}; Ctrl-C ends it", flush=True)
        while (how := service.dead(_ARM)) is None:
            time.sleep(_POLL_S)
        raise TargetFailure(how)


def _notify(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr)
