"""One trial of a worker: its share of the load, begun at the moment that all workers agree on."""

from __future__ import annotations

import time

import gevent
from gevent.event import AsyncResult

from lab.driver.locust_environment import TrialRunner
from lab.driver.precise_timer import PreciseTimer
from lab.driver.run_trial import TrialRun
from lab.driver.stage_watch import FROZEN_S
from lab.driver.trial_process import CommandPipe
from lab.driver_messages import Begin, EndTrial, ProtocolError, Ready, decode

_PAUSE_S = 1.0  # the longest wait without a sign of life


class SharedTrialRun(TrialRun):
    """As `TrialRun`; between its users' start and its load it sends `Ready` and waits for `Begin`.

    Commands come by standard input. `EndTrial` ends the trial early, whatever it is doing.
    """

    def run(self) -> None:
        """Run the trial. Raises what is a fault of the lab."""
        self._agreed = AsyncResult()
        gevent.spawn(self._obey, CommandPipe(self._faults.over))
        super().run()

    def _obey(self, commands: CommandPipe) -> None:
        while (line := commands.next_line(_PAUSE_S)) is not None:
            if not line:
                continue
            match decode(line):
                case Begin() as begin:
                    self._agreed.set(begin.at)
                case EndTrial():
                    self._faults.over.set()
                case message:
                    raise ProtocolError(f"{type(message).__name__} is no command of a trial")

    def _await_begin(self, runner: TrialRunner) -> float | None:
        self._sender.send(Ready(runner.user_count))
        with self._watch.stage("a greenlet that never yields", FROZEN_S) as stage:
            while not self._agreed.ready() and not self._faults.over.is_set():
                gevent.wait([self._agreed, self._faults.over], timeout=_PAUSE_S, count=1)
                stage.extend()
        if self._faults.over.is_set():
            return None
        at = float(self._agreed.get())
        while at - time.monotonic() > _PAUSE_S:
            if self._faults.over.wait(_PAUSE_S / 2):
                return None
        timer = PreciseTimer()
        timer.wait_until(at)
        timer.close()
        return at
