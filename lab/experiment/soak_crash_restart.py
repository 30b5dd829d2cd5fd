"""What happens in a soak when the processes of an arm end or restart: a fault, or a restart."""

from __future__ import annotations

import time
from collections.abc import Sequence
from enum import Enum

from lab.experiment.arm_identity_check import process_ended, restarted, wrong_settings
from lab.experiment.soak_trial_builder import SoakTrial
from lab.instruments.soak_sampler import IntervalSample
from lab.targets.target_interface import Target, TargetError, TargetFailure


class ArmState(Enum):
    """The state of an arm at the end of an interval."""

    RUNNING = "running"
    RESTARTED = "restarted"  # it had crashed, which the hypothesis allows
    FAILED = "failed"  # its trial has a fault


class CrashRestart:
    """Checks the arms of a soak and starts those again that crashed, if that is allowed."""

    def __init__(self, target: Target, *, allowed: bool) -> None:
        self._target = target
        self._allowed = allowed

    def check(
        self, arm: str, trial: SoakTrial, sample: IntervalSample, sampled_at: float
    ) -> ArmState:
        """Check one arm; its trial records a crash or a fault.

        Args:
            arm: Its name.
            trial: Its trial in the current block.
            sample: Of the interval. An arm that did not answer then is not asked for its identity:
                that would hold up every arm.
            sampled_at: Monotonic seconds.

        Raises:
            TargetFailure: It cannot be started again at the same address.
        """
        how = self._target.dead(arm)
        if how is None:
            loaded = self._target.loaded.role
            if ended := sample.ended.get(loaded):
                return self._lost_below(arm, trial, ended)
            return ArmState.RUNNING if sample.hangs else self._check_identity(arm, trial)
        if not self._allowed:
            trial.fault(process_ended(how))
            return ArmState.FAILED
        url = self._target.url(arm)
        self._target.restart(arm)
        if self._target.url(arm) != url:
            raise TargetFailure(f"arm {arm} came back at another address than {url}")
        trial.crashed(how, time.monotonic() - sampled_at)
        return ArmState.RESTARTED

    def _lost_below(self, arm: str, trial: SoakTrial, ended: Sequence[int]) -> ArmState:
        """What it means that processes ended which the arm's own process had started.

        Their memory is gone from the series, as after a restart.
        """
        which = f"process{'es' * (len(ended) > 1)} {', '.join(map(str, ended))}"
        how = f"{which} of the {self._target.loaded.role} of arm {arm} ended"
        if not self._allowed:
            trial.fault(process_ended(how))
            return ArmState.FAILED
        trial.crashed(how)
        return ArmState.RUNNING

    def _check_identity(self, arm: str, trial: SoakTrial) -> ArmState:
        """Whether the arm answers as another one, or from processes that restarted."""
        try:
            identities = self._target.identities(arm)
        except TargetError:
            return ArmState.RUNNING  # too busy to answer: its errors and its latency show that
        fault = wrong_settings(arm, identities, self._target.expected(arm))
        for role, identity in () if fault else identities.items():
            if trial.knows(role, identity.instance):
                continue
            if not self._allowed:
                fault = restarted(arm, role)
                break
            trial.crashed(f"the {role} of arm {arm} started again by itself")
            trial.knows(role, identity.instance)
        if fault is None:
            return ArmState.RUNNING
        trial.fault(fault)
        return ArmState.FAILED
