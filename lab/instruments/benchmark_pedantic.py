"""`benchmark.pedantic`: rounds with a set-up and a tear-down of their own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Arguments = tuple[Sequence[Any], Mapping[str, Any]]


@dataclass(frozen=True)
class PedanticCall:
    """What `benchmark.pedantic` is given, but for the numbers of rounds."""

    target: Callable[..., Any]
    args: Sequence[Any]
    kwargs: Mapping[str, Any]
    setup: Callable[[], Any] | None
    teardown: Callable[..., Any] | None
    iterations: int

    def flaw(self, rounds: object, warmup_rounds: object) -> tuple[str, str] | None:
        """What pytest-benchmark would refuse, and what would be right; None if it is all right."""
        smallest = {"iterations": 1, "rounds": 1, "warmup_rounds": 0}
        given = {
            "iterations": self.iterations, "rounds": rounds, "warmup_rounds": warmup_rounds,
        }  # fmt: skip
        for name, value in given.items():
            if not isinstance(value, int) or value < smallest[name]:
                return (
                    f"`{name}` of `benchmark.pedantic` is {value!r}",
                    f"Write a whole number of at least {smallest[name]}",
                )
        if self.iterations > 1 and self.setup:
            return (
                "`benchmark.pedantic` cannot use more than 1 `iterations` with a `setup` function",
                "Leave one of the two out",
            )
        return None

    def arguments(self) -> Arguments:
        """The arguments of the next round, from the set-up if that returns any."""
        made = self.setup() if self.setup else None
        if inspect.iscoroutine(made):
            made.close()
            raise TypeError("the `setup` of `benchmark.pedantic` has to be no coroutine function")
        if not made:
            return self.args, self.kwargs
        if self.args or self.kwargs:
            raise TypeError("Can't use `args` or `kwargs` if `setup` returns the arguments.")
        args, kwargs = made
        return args, kwargs

    def finish(self, arguments: Arguments) -> None:
        """Run the tear-down of a round."""
        if self.teardown is not None:
            self.teardown(*arguments[0], **arguments[1])

    def whole_round(self) -> Any:
        """Set up, call and tear down; of an async function a coroutine that does the last two."""
        arguments = self.arguments()
        result = self.target(*arguments[0], **arguments[1])
        if inspect.iscoroutine(result):
            return self._whole_round_async(result, arguments)
        self.finish(arguments)
        return result

    async def _whole_round_async(
        self, called: Coroutine[Any, Any, Any], arguments: Arguments
    ) -> Any:
        result = await called
        self.finish(arguments)
        return result
