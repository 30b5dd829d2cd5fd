"""`lab serve`: the sample service alone, to try it out."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.errors import UsageError

_ARM = "alone"
_POLL_S = 0.5


def command(
    settings: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME=VALUE", help="Settings of the service, such as DB_POOL_SIZE=5."
        ),
    ] = None,
    target: Annotated[
        str,
        typer.Option(
            help="Where the service runs: embedded (processes of this machine) or compose."
        ),
    ] = "embedded",
) -> None:
    """Start the sample service with its database and pricing, until Ctrl-C."""
    import time
    from contextlib import ExitStack, suppress

    from lab.child_processes import Children
    from lab.cli.run_assembly import make_target
    from lab.cli.signals import Interrupted, interruptible
    from lab.cpu_pinning import divide_cores
    from lab.project_folder import Project
    from lab.run_lock import machine_lock
    from lab.targets.target_interface import TargetFailure

    chosen = dict(_setting(text) for text in settings or ())
    with suppress(Interrupted), ExitStack() as cleanup, interruptible():
        # the service would disturb a run that measures, and a later run would wait for it
        cleanup.enter_context(machine_lock(None, remedy="Start the service when it has ended"))
        children = cleanup.enter_context(Children())
        service = make_target(target, children, Project.find(), divide_cores())
        cleanup.callback(service.stop)
        service.check({_ARM: chosen})
        print("starting ...", flush=True)
        service.start({_ARM: chosen})
        url = service.url(_ARM)
        print(
            f"the service answers at {url}, its operations at {url}/docs; Ctrl-C ends it",
            flush=True,
        )
        while (how := service.dead(_ARM)) is None:
            time.sleep(_POLL_S)
        raise TargetFailure(how)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"{text}: a setting is written NAME=VALUE, as in DB_POOL_SIZE=5")
    return name, value
