"""Gates of what the rest of the machine did: other processes, and the hypervisor."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from lab.decision_margins import GateLimits
from lab.gates.gate_check import Check
from lab.trials.trial import OtherProcess, Surroundings, Trial

_UNSEEN = "processes that cannot be named from here, short-lived or outside of this container"
_CLOSE = "Close it, or wait until it is done"
_OWN_REMEDY = (
    "What belongs to this run is an arm that works although it is not loaded, in a relay, a job or "
    "a timer: let it rest then"
)
_STEAL_REMEDY = (
    "Other virtual machines used them: wait until they are quiet, or use a machine of your own"
)


def checks(trial: Trial, limits: GateLimits) -> Iterator[Check]:
    """Of a load, and of one process of a benchmark."""
    where = trial.surroundings
    used = f"{trial.other_cpu:.2f} of {_cores(where)}"
    limit = limits.max_other_cpu_in_slices if trial.is_in_slices else limits.max_other_cpu
    yield Check(
        "other_cpu",
        trial.other_cpu,
        limit,
        f"Other processes used {used} (limit {limit:g}){_who(trial)}.",
    )
    yield Check(
        "steal",
        trial.steal,
        limits.max_steal,
        f"The hypervisor took {trial.steal:.0%} of {_cores(where)} (limit {limits.max_steal:.0%}). "
        f"{_STEAL_REMEDY}.",
    )


def soak_checks(trial: Trial, limits: GateLimits) -> Iterator[Check]:
    """Of a soak, whose limits are wide: its arms run side by side and meet every disturbance."""
    where = trial.surroundings
    count = len(where.cores) if where else os.cpu_count()
    share = trial.other_cpu / (count or 1)
    message = f"Other processes used {share:.0%} of {_cores(where)} throughout{_who(trial)}."
    yield Check("other_cpu", share, limits.max_soak_background, message)
    took = f"{trial.steal:.0%} of {_cores(where)} throughout"
    message = f"The hypervisor took {took}. {_STEAL_REMEDY}."
    yield Check("steal", trial.steal, limits.max_soak_background, message)


def _cores(where: Surroundings | None) -> str:
    """The cores that count, in words."""
    if where is None or not where.cores:
        return "the machine's cores"
    return f"{core_names(where.cores)} of this machine"


def core_names(cores: Sequence[int]) -> str:
    """Numbers of cores in words: `cores 0 and 1`."""
    *most, last = map(str, cores)
    return f"cores {', '.join(most)} and {last}" if most else f"core {last}"


def _who(trial: Trial) -> str:
    """What used the cores, and what can be done about it; follows a statement."""
    where = trial.surroundings
    if where is None:
        return ""
    named = [_process(each) for each in where.processes]
    if sum(each.cpu for each in where.processes) < trial.other_cpu / 2:
        named.append(_UNSEEN if not named else f"the rest: {_UNSEEN}")
    foreign = [each for each in where.processes if not each.of_run]
    remedies = []
    if len(foreign) < len(where.processes):
        remedies.append(_OWN_REMEDY)
    if foreign or not where.processes:
        remedies.append(_foreign_remedy(foreign, where))
    if where.roaming and not where.spare:
        roles = " and ".join(where.roaming)
        remedies.append(f"All cores count, because {roles} of this run may run on any of them")
    return f": {'; '.join(named)}. {'. '.join(remedies)}"


def _process(each: OtherProcess) -> str:
    whose = " of this run" if each.of_run else ""
    return f"{each.name}{whose} (pid {each.pid}) {each.cpu:.2f} on {core_names(each.cores)}"


def _foreign_remedy(foreign: Sequence[OtherProcess], where: Surroundings) -> str:
    if not where.spare:
        return f"{_CLOSE}, or use a machine with more cores: this run needs all of this one"
    if not foreign:
        return f"{_CLOSE}, or keep it off these cores with taskset"
    spare = ",".join(map(str, where.spare))
    commands = "; ".join(f"taskset -acp {spare} {each.pid}" for each in foreign)
    return f"{_CLOSE}, or keep it off these cores: {commands}"
