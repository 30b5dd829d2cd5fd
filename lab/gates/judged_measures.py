"""Why a block is not repeated: what voids it is, or follows from, what a prediction bounds.

Blocks that are repeated until they pass are chosen. That is harmless if what voids them has nothing
to do with what is judged, as another process on the machine. If it has, the verdict is about those
that were left, such as the ones with few errors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence

from lab.gates.gate_check import Check
from lab.hypothesis import Hypothesis, Prediction, parse_measure
from lab.measures.table import Scope
from lab.trials.trial import LoadEvidence, Trial

# What voids a block whatever its arm did: the rest of the machine, other machines, the scenario.
_OTHER_CAUSES = frozenset(
    {"other_cpu", "steal", "workers", "clock", "begin_late", "ticker_late", "scenario"}
)
_OF_DRIVER = frozenset({"driver_cpu", "dispatch"})


def predictions_of(trial: Trial, hypothesis: Hypothesis) -> Iterator[Prediction]:
    """The predictions, rivals' included, that a trial decides about; none of slopes."""
    for prediction in hypothesis.all_predictions:
        is_of_step = trial.arm in prediction.arms and prediction.at in (None, trial.level)
        if is_of_step and prediction.slope is None:
            yield prediction


def bounded(trial: Trial, hypothesis: Hypothesis, base: str) -> list[str]:
    """The measures of this kind, as `error_rate`, that predictions bound in a trial.

    Those of some requests or of a stage are among them: they are part of the whole.
    """
    names = [prediction.measure for prediction in predictions_of(trial, hypothesis)]
    return [name for name in names if parse_measure(name).base == base]


def bounded_of_requests(trial: Trial, hypothesis: Hypothesis) -> list[str]:
    """The measures that predictions bound in a trial and that no trial without requests has."""
    names = [prediction.measure for prediction in predictions_of(trial, hypothesis)]
    return [name for name in names if parse_measure(name).scope is not Scope.PROCESS]


def why_not_repeated(trial: Trial, judged: Iterable[str], which: str, remedy: str) -> str:
    """Sentences on why a block is not repeated; empty if nothing is judged.

    Args:
        trial: That a gate objects to.
        judged: The measures that predictions bound and that the objection selects by.
        which: Blocks would be left out, to follow "the blocks".
        remedy: A sentence.
    """
    names = ", ".join(dict.fromkeys(judged))
    if not names:
        return ""
    return (
        f"Block {trial.block} is not repeated: {names} of {trial.step} is what is judged, and if "
        f"the blocks {which} were repeated, the others alone would decide. {remedy}"
    )


def with_final(checks: Sequence[Check], trial: Trial) -> list[Check]:
    """The checks of a load; all are final if one selects by what is judged, so that all are told.

    A block that is void anyway, for a cause that is not the arm's, is repeated as any other. If
    the run ends for another reason, that one is told.

    Args:
        checks: Of one trial, gravest cause first, up to `errors` and beyond.
        trial: With the faults that were found while it ran.
    """
    faulty = {check.gate for check in checks if check.fault}
    of_others: set[str] = set()  # gates whose objection is not the arm's doing
    if faulty & _OF_DRIVER:
        of_others |= {"unsent", "users"}  # a driver that is late keeps its users waiting
    if "users" in faulty and isinstance(trial.evidence, LoadEvidence) and trial.evidence.slices:
        of_others |= {"errors", "evidence", "target_cpu"}  # its block was cut short
    checks = [
        check._replace(not_repeated="") if check.gate in of_others else check for check in checks
    ]
    if not any(check.not_repeated and check.fault for check in checks):
        return checks
    before = itertools.takewhile(lambda check: check.gate != "errors", checks)
    causes = [*trial.faults, *(fault for check in before if (fault := check.fault) is not None)]
    if any(not fault.retryable or fault.gate in _OTHER_CAUSES for fault in causes):
        return checks
    return [check._replace(message=_told(check), retryable=False) for check in checks]


def _told(check: Check) -> str:
    if not check.not_repeated:
        return check.message
    message = check.message.rstrip(" .:")
    return f"{message}. {check.not_repeated}"
