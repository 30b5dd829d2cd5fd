"""`lab serve`: the sample service alone, to play with."""

from __future__ import annotations

from typing import Annotated

import typer

from lab.errors import UsageError


def command(
    settings: Annotated[
        list[str] | None, typer.Argument(help="Settings of the service, such as DB_POOL_SIZE=5.")
    ] = None,
    target: Annotated[
        str, typer.Option(help="Where the service runs: embedded on this machine, or compose.")
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
    with suppress(Interrupted), ExitStack() as ending, interruptible():
        ending.enter_context(machine_lock(None))  # it would disturb a run, and a run would end it
        children = ending.enter_context(Children())
        service = make_target(target, children, Project.find(), divide_cores())
        ending.callback(service.stop)
        service.check({"alone": chosen})
        print("starting ...", flush=True)
        service.start({"alone": chosen})
        url = service.url("alone")
        print(f"the service answers at {url}, its operations at {url}/docs; Ctrl-C ends it")
        while (how := service.dead("alone")) is None:
            time.sleep(0.5)
        raise TargetFailure(how)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals):
        raise UsageError(f"{text}: a setting is written NAME=VALUE")
    return name, value
