"""When a test of a real run is skipped for the machine, and when its failure is the run's own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lab.trials.trial import Fault, Trial
from tests.lab.builders import SHIPPED, blocks, plan
from tests.undisturbed import skip_if_disturbed

VOIDS = plan().voids_allowed + 1  # as many as make a run INVALID
FINAL = Fault("alive", "it died", retryable=False)


def with_faults(*faults: Fault) -> list[Trial]:
    """Trials of which the first of each block has a fault, while there are any."""
    count = len(faults) + 3
    trials = blocks({"narrow": [100.0] * count, "wide": [400.0] * count})
    for number, fault in enumerate(faults):
        place = number * len(SHIPPED.arms)
        trials[place] = replace(trials[place], faults=(fault,))
    return trials


def of(gate: str, count: int) -> list[Fault]:
    return [Fault(gate, f"because of {gate}")] * count


@pytest.mark.parametrize("gate", ["other_cpu", "steal", "ticker_late"])
def test_a_run_that_the_machine_voided_tells_nothing(gate: str) -> None:
    with pytest.raises(pytest.skip.Exception, match=f"because of {gate}"):
        skip_if_disturbed(with_faults(*of(gate, VOIDS)), plan())
    with pytest.raises(pytest.skip.Exception):
        skip_if_disturbed(with_faults(*of("workers", VOIDS - 1), *of(gate, 1)), plan())


@pytest.mark.parametrize(
    "faults",
    [
        of("errors", VOIDS),
        [*of("errors", VOIDS), *of("steal", VOIDS)],
        [*of("steal", VOIDS), FINAL],
        of("errors", 1),  # and no decision
        [],
    ],
    ids=["own", "own beside the machine's", "final", "few", "none"],
)
def test_what_the_run_itself_did_is_never_skipped(faults: list[Fault]) -> None:
    skip_if_disturbed(with_faults(*faults), plan())
