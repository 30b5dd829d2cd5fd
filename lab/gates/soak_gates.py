"""Gates of a soak trial. Its faults are final: hours are not repeated."""

from __future__ import annotations

from collections.abc import Iterator

from lab.decision_margins import DecisionMargins
from lab.gates import background_gates, evidence_gate, service_gates, traffic_gates, worker_gates
from lab.gates.gate_check import Check
from lab.hypothesis import Hypothesis, SoakTest
from lab.system import DRIVER, MetricNames
from lab.trials.plan import PlannedWorkers
from lab.trials.trial import SoakEvidence, Trial


def checks(
    trial: Trial,
    hypothesis: Hypothesis,
    margins: DecisionMargins,
    names: MetricNames,
    workers: PlannedWorkers | None = None,
) -> Iterator[Check]:
    """The checks of one trial, gravest cause first."""
    assert isinstance(hypothesis.kind, SoakTest)
    for check in worker_gates.checks(trial, workers, hypothesis.kind.load, margins.gates):
        yield check._replace(retryable=False)
    for check in _checks(trial, hypothesis, margins, names):
        yield check._replace(retryable=False)


def _checks(
    trial: Trial, hypothesis: Hypothesis, margins: DecisionMargins, names: MetricNames
) -> Iterator[Check]:
    evidence = trial.evidence
    assert isinstance(evidence, SoakEvidence)
    stats = evidence.load_stats
    yield from background_gates.soak_checks(trial, margins.gates)
    if (fleet := evidence.fleet) is not None:
        cores = fleet.cpu or 0.0
        whose = worker_gates.busiest(fleet, cores, lambda worker: worker.cpu)
        whose += ", with those of the other arms"
        yield service_gates.driver_cpu(cores, margins.gates, whose)
    else:
        driver = evidence.usage.get(DRIVER)
        whose = "its core, for the arms together"
        yield service_gates.driver_cpu(driver.cpu if driver else 0.0, margins.gates, whose)
    unsent = 1 - stats.sent / stats.scheduled if stats.scheduled else 0.0
    limit = service_gates.max_unsent(hypothesis, margins.gates)
    message = (
        f"{unsent:.1%} of the arrivals at arm {trial.arm} were never sent (limit {limit:.0%})."
    )
    if hypothesis.is_soak_script:
        share = margins.gates.min_script_share
        message = (
            f"The script sent arm {trial.arm} {unsent:.1%} fewer requests than another arm got, or "
            f"than {share:.0%} of what its rate makes (limit {limit:.0%}). Let it send on "
            "schedule, however long answers take."
        )
    yield Check("unsent", unsent, limit, message)
    if stats.answers_awaited:
        share = stats.unanswered / stats.answers_awaited
        yield service_gates.unanswered(trial, share, limit)
        share = stats.without_request / stats.answers_awaited
        yield service_gates.without_request(trial, share, limit)
    yield traffic_gates.hosts(trial)
    yield service_gates.scenario(stats.task_errors, stats.task_error)
    yield service_gates.errors(trial, hypothesis)
    if not evidence.crashes:
        yield from traffic_gates.named_counters(trial, names)
    if evidence.arm_requests is not None and not evidence.crashes:
        yield from traffic_gates.served(trial, margins.gates, names)
    yield from evidence_gate.evidence(trial, hypothesis, margins.measures, margins.slope)
    yield from service_gates.target_cpu(trial, hypothesis)
