"""The workers of a run as its load driver gets them, and how those of other machines join."""

from __future__ import annotations

import os
import secrets

from lab.cli.worker_address import WorkerAddress
from lab.cli.worker_planning import WorkerOptions, bind_address
from lab.driver_messages import WORKER_TOKEN, FormFleet
from lab.errors import UsageError
from lab.trials.plan import PlannedWorkers

_TOKEN_BYTES = 18


def require_token_for_log(workers: PlannedWorkers | None) -> None:
    """UsageError if a detached run would have to write the token of its workers into its log."""
    if workers is not None and workers.remote and not os.environ.get(WORKER_TOKEN):
        raise UsageError(
            "--detach: workers of other machines have to know a token, which must not be written "
            f"to the log of a run. Set {WORKER_TOKEN} to a secret of your own, here and there"
        )


def fleet_of(workers: PlannedWorkers | None, options: WorkerOptions) -> FormFleet | None:
    """The workers of a plan; None for a load of one process.

    Every worker has to know a token: that of the environment, or else a new one.

    Args:
        workers: Of the plan.
        options: Of the command: where workers of other machines join.

    Raises:
        UsageError: They cannot join there.
    """
    if workers is None:
        return None
    own = os.environ.get(WORKER_TOKEN)
    address = bind_address(workers, options) or WorkerAddress("127.0.0.1", 0)
    return FormFleet(
        local=workers.local,
        remote=workers.remote,
        host=address.host,
        port=address.port,
        token=own or secrets.token_urlsafe(_TOKEN_BYTES),
    )


def resume_command(name: str, workers: PlannedWorkers | None, bind: str) -> str:
    """The command that goes on with a run; workers of other machines have to find it again.

    Args:
        name: Of the hypothesis.
        workers: Of the plan.
        bind: Where those of other machines join.
    """
    command = f"lab run {name} --resume"
    if workers is None or not workers.remote:
        return command
    return f"{WORKER_TOKEN}=... {command} --bind {bind}"


def how_to_join(fleet: FormFleet) -> str:
    """The command that starts a worker on another machine, in a sentence."""
    address = WorkerAddress(fleet.host, fleet.port)
    known = os.environ.get(WORKER_TOKEN) == fleet.token
    before = "with the same " + WORKER_TOKEN if known else f"with {WORKER_TOKEN}={fleet.token}"
    one = fleet.remote == 1
    return (
        f"waiting for {fleet.remote} worker{'' if one else 's'} of other machines at "
        f"{address}: start {'it' if one else 'each'} {before} in its environment, by "
        f"lab worker {address}"
    )
