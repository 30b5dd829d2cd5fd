"""Gates of a soak trial. Its faults are final: hours are not repeated."""

from __future__ import annotations

from collections.abc import Iterator

from lab.gates import background_gates, evidence_gate, service_gates, traffic_gates
from lab.gates.gate_check import Check
from lab.hypothesis import Hypothesis
from lab.trial import SoakEvidence, Trial


def checks(trial: Trial, hypothesis: Hypothesis) -> Iterator[Check]:
    """The checks of one trial, gravest cause first."""
    for check in _checks(trial, hypothesis):
        yield check._replace(retryable=False)


def _checks(trial: Trial, hypothesis: Hypothesis) -> Iterator[Check]:
    evidence = trial.evidence
    assert isinstance(evidence, SoakEvidence)
    stats = evidence.load_stats
    yield from background_gates.soak_checks(trial)
    driver = evidence.usage.get(service_gates.DRIVER)
    yield service_gates.driver_cpu(driver.cpu if driver else 0.0)
    unsent = 1 - stats.sent / stats.scheduled if stats.scheduled else 0.0
    limit = service_gates.max_unsent(hypothesis)
    yield Check(
        "unsent",
        unsent,
        limit,
        f"{unsent:.1%} of the arrivals at arm {trial.arm} were never sent (limit {limit:.0%}).",
    )
    share = stats.unanswered / max(stats.scheduled, 1)
    yield service_gates.unanswered(trial, hypothesis, share)
    yield traffic_gates.hosts(trial)
    yield service_gates.scenario(stats.task_errors, stats.task_error)
    yield service_gates.errors(trial, hypothesis)
    if evidence.arm_requests is not None and not evidence.crashes:
        yield from traffic_gates.served(trial)
    yield from evidence_gate.evidence(trial, hypothesis)
    yield from service_gates.target_cpu(trial, hypothesis)
