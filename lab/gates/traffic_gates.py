"""Gates of where the load went: to the arm that is measured, and to nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lab.decision_margins import GateLimits
from lab.gates.gate_check import Check
from lab.prometheus.selector import Selector
from lab.prometheus.text_format import find_role, unread_reasons
from lab.system import FILE, MetricNames
from lab.trials.measure_values import counter, total
from lab.trials.trial import LoadEvidence, MetricsReading, ServiceEvidence, Trial

_REDIRECTED = 1.5  # answers for each request: at least every other one led to another one
_MIN_REQUESTS = 20


def traffic_notes(trials: Iterable[Trial]) -> tuple[str, ...]:
    """What the reader should know of where requests went, a sentence for each arm that it is of.

    A redirect is no fault, but what is measured then may be a page that asks for a log-in.
    """
    notes: dict[str, str] = {}
    for trial in trials:
        answers, seen = trial.service.arm_requests, total(trial)
        sent = seen.ended.count - seen.socket_errors
        if answers is None or sent < _MIN_REQUESTS or answers < _REDIRECTED * sent:
            continue
        notes.setdefault(
            trial.arm,
            f"Arm {trial.arm} gave {answers / sent:.1f} answers for each request of the scenario: "
            "it redirects, perhaps to a page that asks for a log-in, or requests are sent anew. "
            "Latencies include all of that.",
        )
    return tuple(notes.values())


def hosts(trial: Trial) -> Check:
    """Whether every request whose address is known went to the arm."""
    elsewhere = trial.service.foreign_hosts
    count = sum(elsewhere.values())
    names = ", ".join(f"{host} ({each:,})" for host, each in elsewhere.items())
    return Check(
        "hosts",
        count,
        0,
        f"{count:,} requests of the scenario went elsewhere than to arm {trial.arm}: {names}. "
        "Write paths such as /orders instead of whole URLs, and use the user's own client as it "
        "is: Locust puts the arm's address in front.",
        retryable=False,
    )


def served(
    trial: Trial, limits: GateLimits, names: MetricNames, uncertainty_s: float = 0.0
) -> Iterator[Check]:
    """Whether the arm counted the requests that were driven, if it exports such a counter.

    Only requests that the arm answered are driven ones, so that those refused or timed out do not
    count; redirects count each. Reports of clients that are not HTTP may be requests or not.

    Args:
        trial: Of a load or a soak.
        limits: Of the plan.
        names: Of the counter of requests that were answered.
        uncertainty_s: Of the time for which the arm counted.
    """
    found = _counted(trial, names.requests)
    seen = total(trial)
    if found is None or not trial.window_s:
        return
    name, arm_count = found
    unknown, driven = 0, trial.service.arm_requests
    if driven is None:  # a driver that does not know: what it reports is taken for HTTP
        driven = max(0, seen.ended.count - seen.socket_errors)
    else:
        unknown = max(0, seen.ended.count - driven - sum(trial.service.foreign_hosts.values()))
    scrapes = 0 if trial.service.metrics is None else trial.service.metrics.scrapes
    most = driven + unknown + (limits.max_tries - 1) * seen.socket_errors + scrapes
    if not driven or arm_count >= driven:
        gap = max(0.0, arm_count - most) / max(arm_count, 1)
    else:
        gap = (driven - arm_count) / driven
    if max(driven, arm_count) < limits.min_driven:
        gap = 0.0
    latency_s = seen.service_latency.mean or 0.0 if seen.count else 0.0
    limit = limits.served_tolerance + (uncertainty_s + latency_s) / trial.window_s
    yield Check(
        "served",
        gap,
        limit,
        f"{driven:,} requests to arm {trial.arm} were answered within the window, and the arm "
        f"itself counted {arm_count:,.0f} ({name}). {_meaning(driven, arm_count)}",
        retryable=arm_count > 0,
    )


def named_counters(trial: Trial, names: MetricNames) -> Iterator[Check]:
    """Whether the arm exports the counters that `lab.toml` names: if not, gates check nothing."""
    metrics = trial.service.metrics
    if metrics is None or metrics.scrapes < 2 or not total(trial).ended.count:
        return
    if _has_a_gap(trial, metrics):
        return
    by_gate = {"served": (names.requests,), "littles_law": (names.time, names.in_flight)}
    for gate, wanted in by_gate.items():
        lacking = [name for name in wanted if name and _is_lacking(trial.service, metrics, name)]
        if lacking:
            yield Check(
                gate,
                len(lacking),
                0,
                f"{FILE} names {' and '.join(lacking)}, and the metrics of arm {trial.arm} have no "
                "such counter. Correct the name, or remove it: then this is not checked.",
                retryable=False,
            )


def _is_lacking(service: ServiceEvidence, metrics: MetricsReading, name: str) -> bool:
    is_known = find_role(name, metrics.types) == "counter"
    is_read = not unread_reasons(metrics.unread, Selector(name))
    return is_read and not is_known and counter(service.counters, name) is None


def _has_a_gap(trial: Trial, metrics: MetricsReading) -> bool:
    """Whether no counter has a growth, since a scrape at an end of the window failed.

    Else it is known how long counters grew, to the time that those two scrapes took.
    """
    evidence = trial.evidence
    if not isinstance(evidence, LoadEvidence) or evidence.slices or evidence.counters:
        return False
    return bool(metrics.problem) and not evidence.counters_uncertainty_s


def _meaning(driven: int, arm_count: float) -> str:
    if arm_count > driven:
        return (
            "Something else loads it, or the scenario sends requests that it does not report: use "
            "the user's own client, or report them by the event `request`."
        )
    return (
        "The others went elsewhere, or something before the arm answered them: write paths such "
        "as /orders instead of whole URLs."
    )


def _counted(trial: Trial, name: str | None) -> tuple[str, float] | None:
    """The counter of requests and how much it grew; None if the arm exports none that was read."""
    service, metrics = trial.service, trial.service.metrics
    if name is None or (metrics is not None and _has_a_gap(trial, metrics)):
        return None
    if metrics is not None and unread_reasons(metrics.unread, Selector(name)):
        return None
    grown = counter(service.counters, name)
    if grown is not None:
        return name, grown
    # a counter with labels has no series before its first request
    if metrics is not None and metrics.scrapes > 1 and find_role(name, metrics.types) == "counter":
        return name, 0.0
    return None
