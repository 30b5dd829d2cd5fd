"""Whether a service is ready, and which process answers: what it reports at `/ready`."""

from __future__ import annotations

import time
from collections.abc import Callable

from lab.instruments.service_http_client import HttpClient, HttpError
from lab.targets.target_interface import Identity, TargetFailure

READY_S = 60.0  # that a service may take to start
_POLL_S = 0.05


def identify(role: str, arm: str, url: str) -> Identity:
    """Which process answers at `/ready`. TargetFailure if none does, or if it is not ready."""
    client = HttpClient(url)
    try:
        data = client.get_json("/ready")
    except HttpError as error:
        raise TargetFailure(f"the {role} of arm {arm} is not ready: {error}") from error
    finally:
        client.close()
    return Identity(str(data.get("instance")), data.get("settings", {}))


def await_ready(
    ask: Callable[[], object], dead: Callable[[], str | None], log_tail: Callable[[], str]
) -> None:
    """Call `ask` until it raises no TargetFailure any more.

    Args:
        ask: Raises TargetFailure while the service is not ready. A TargetUsageError ends the wait
            at once, because no waiting corrects a file.
        dead: How a process of the service ended; None while all run.
        log_tail: The end of the log, for the message.

    Raises:
        TargetFailure: A process ended, or the service was not ready within READY_S.
    """
    deadline = time.monotonic() + READY_S
    problem = ""
    while time.monotonic() < deadline:
        if how := dead():
            raise TargetFailure(f"{how} while starting:\n{log_tail()}")
        try:
            ask()
        except TargetFailure as error:
            problem = str(error)
            time.sleep(_POLL_S)
        else:
            return
    raise TargetFailure(f"{problem} (waited {READY_S:g} s):\n{log_tail()}")
