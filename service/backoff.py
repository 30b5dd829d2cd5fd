"""How long to wait before trying again."""

import random
from collections.abc import Callable
from dataclasses import dataclass

# A wait has long reached any limit by then, and larger powers do not fit a float.
_MAX_DOUBLINGS = 60


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential backoff with full jitter: anything up to a bound that doubles, to a limit."""

    base_s: float
    limit_s: float
    uniform: Callable[[float, float], float] = random.uniform

    def delay_s(self, failures: int) -> float:
        """The wait after so many failures in a row."""
        doublings = min(failures - 1, _MAX_DOUBLINGS)
        return self.uniform(0.0, min(self.limit_s, self.base_s * 2**doublings))
