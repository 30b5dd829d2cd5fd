"""How far the users of a trial have come with their `on_start`: many take time, and do no wrong."""

from __future__ import annotations

import time

import gevent

from lab.driver.locust_environment import TrialRunner
from lab.driver.stage_watch import WAITING_S, Stage, StageWatch

LONGEST_S = 120.0  # for all users, with progress
_POLL_S = 0.1


class StartProgress:
    """Extends a stage whenever one more user has ended its `on_start`."""

    def __init__(self, runner: TrialRunner, stage: Stage, watch: StageWatch) -> None:
        """Observe until `close`."""
        self._runner, self._stage, self._watch = runner, stage, watch
        self._greenlet = gevent.spawn(self._run)

    def close(self) -> None:
        """Observe no more."""
        self._greenlet.kill()

    def _run(self) -> None:
        began = noted = time.monotonic()
        ended = last_noted = 0
        while (now := time.monotonic()) < began + LONGEST_S * self._watch.limit_factor:
            users = [each.args[0] for each in self._runner.user_greenlets if each.args]
            before, ended = ended, sum(getattr(user, "lab_started", False) for user in users)
            if ended > before:
                self._stage.extend()
            if now > noted + WAITING_S and last_noted < ended < len(users):
                noted, last_noted = now, ended
                self._watch.note(f"its users: {ended} of {len(users)} have ended their on_start")
            gevent.sleep(_POLL_S)
