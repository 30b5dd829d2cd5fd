"""Keeps a scenario from sending load while it is imported: no trial would measure it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import locust
from locust.runners import Runner


@contextmanager
def no_load_at_import() -> Iterator[None]:
    """Refuse with a ValueError what would start users of Locust, as long as it lasts."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise ValueError(
            "the scenario starts users of its own when it is imported, beside every trial: put "
            'that under `if __name__ == "__main__":`'
        )

    start, single = Runner.start, locust.run_single_user
    Runner.start, locust.run_single_user = refuse, refuse  # type: ignore[method-assign]
    own = {runner: vars(runner)["start"] for runner in _runners() if "start" in vars(runner)}
    for runner in own:
        setattr(runner, "start", refuse)  # noqa: B010
    try:
        yield
    finally:
        Runner.start, locust.run_single_user = start, single  # type: ignore[method-assign]
        for runner, method in own.items():
            setattr(runner, "start", method)  # noqa: B010


def _runners() -> list[type[Runner]]:
    found: list[type[Runner]] = []
    left = list(Runner.__subclasses__())
    while left:
        found.append(each := left.pop())
        left += each.__subclasses__()
    return found
