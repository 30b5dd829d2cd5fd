"""What happens in a soak when the processes of an arm end or restart: a fault, or a restart."""

from __future__ import annotations

from enum import Enum

from lab.experiment.arm_identity_check import process_ended, restarted, wrong_settings
from lab.experiment.soak_trial_builder import SoakTrial
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

    def check(self, arm: str, trial: SoakTrial, *, answers: bool) -> ArmState:
        """Check one arm; its trial records a crash or a fault.

        Args:
            arm: Its name.
            trial: Its trial in the current block.
            answers: Whether it answered at the end of the interval. One that hangs is not asked
                for its identity: that would hold up every arm.

        Raises:
            TargetFailure: It cannot be started again at the same address.
        """
        how = self._target.dead(arm)
        if how is None:
            return self._check_identity(arm, trial) if answers else ArmState.RUNNING
        if not self._allowed:
            trial.fault(process_ended(how))
            return ArmState.FAILED
        url = self._target.url(arm)
        self._target.restart(arm)
        if self._target.url(arm) != url:
            raise TargetFailure(f"arm {arm} came back at another address than {url}")
        trial.crashed(how)
        return ArmState.RESTARTED

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
