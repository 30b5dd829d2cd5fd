"""The figure of one gate in one trial."""

from __future__ import annotations

from typing import NamedTuple

from lab.trials.trial import Fault


class Check(NamedTuple):
    """A figure, its limit, and the message of a fault if the figure is over the limit."""

    gate: str
    figure: float
    limit: float
    message: str
    retryable: bool = True  # whether repeating the block may help
    not_repeated: str = ""  # why repeating would choose among blocks by what is judged; or empty

    @property
    def fault(self) -> Fault | None:
        """Why the trial is not trusted; None if the figure is within its limit."""
        if self.figure > self.limit:
            return Fault(self.gate, self.message, self.figure, self.limit, self.retryable)
        return None
