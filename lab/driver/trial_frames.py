"""The frames of a trial: where they end, and the processor time of each."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from lab.driver_messages import ClosedLoadSpec, RunTrial


def frame_edges(trial: RunTrial) -> list[float]:
    """Ends of the frames, in seconds since the load began.

    Every second of the warm-up counted from its end, then every second of each stage.
    """
    stages_s: Sequence[float] = [trial.window_s]
    if not isinstance(trial.load, ClosedLoadSpec):
        stages_s = [stage.seconds for stage in trial.load.stages]
    edges = [trial.warmup_s - i for i in range(math.ceil(trial.warmup_s))][::-1]
    begin = trial.warmup_s
    for seconds in stages_s:
        edges += [begin + i for i in range(1, math.ceil(seconds))]
        begin += seconds
        edges.append(begin)
    return edges


class CpuMeter:
    """Processor time of this process, in cores, from one call to the next."""

    def __init__(self, started: float) -> None:
        self._since = started
        self._used_s = time.process_time()
        self._cores = 0.0

    def take(self, least_s: float = 0.0) -> float:
        """Cores since the last call.

        Args:
            least_s: If fewer seconds have passed, the value before is returned again.
        """
        now, used_s = time.monotonic(), time.process_time()
        if now - self._since >= least_s:
            self._cores = (used_s - self._used_s) / max(now - self._since, 1e-9)
            self._since, self._used_s = now, used_s
        return self._cores
