"""Gates of a load: the driver's own lateness, users, arrivals, and Little's law."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from lab.decision_margins import DecisionMargins, GateLimits
from lab.driver_messages import DRAIN_S
from lab.gates import background_gates, evidence_gate, service_gates, traffic_gates, worker_gates
from lab.gates.gate_check import Check
from lab.gates.judged_measures import bounded_of_requests, predictions_of, why_not_repeated
from lab.hypothesis import ClosedLoad, Hypothesis, LoadTest, OpenLoad, parse_measure
from lab.system import DRIVER, MetricNames
from lab.trials.measure_values import counter, idle_arms_cpu, total
from lab.trials.plan import PlannedWorkers
from lab.trials.trial import CARRY_OVER, Dispatch, LoadEvidence, Trial

_DRIVER = "The load driver"


def checks(
    trial: Trial,
    hypothesis: Hypothesis,
    margins: DecisionMargins,
    names: MetricNames,
    task_errors: Mapping[str, int],
    warmup_errors: Mapping[str, int],
    workers: PlannedWorkers | None = None,
) -> Iterator[Check]:
    """The checks of one trial, gravest cause first."""
    evidence = trial.evidence
    assert isinstance(evidence, LoadEvidence)
    load = _offered_load(trial, hypothesis)
    raised = service_gates.scenario(
        sum(task_errors.values()), next(iter(task_errors), ""), warmup_errors
    )
    yield from worker_gates.checks(trial, workers, load, margins.gates)
    # a failed request may make a task raise; all else that a scenario does wrong is a cause
    failed = total(trial).errors or trial.service.errors  # of log-ins there are messages alone
    is_cause = not failed or not raised.message.startswith("The scenario raised")
    if is_cause:
        yield raised
    yield from _carry_over(trial, evidence, margins.gates)
    yield from background_gates.checks(trial, margins.gates)
    yield _ticker(evidence, _max_late_s(trial, margins))
    yield _driver_cpu(evidence, margins.gates)
    # the driver's own part comes before what the service may have caused
    kept_waiting = bounded_of_requests(trial, hypothesis) if margins.final_if_judged > 1 else []
    if evidence.dispatch is not None:
        yield from _arrivals(trial, hypothesis, margins, evidence.dispatch, load, kept_waiting)
    yield _users(trial, evidence, load, kept_waiting)
    yield traffic_gates.hosts(trial)
    yield service_gates.errors(trial, hypothesis, kept_waiting)
    if not is_cause:
        yield raised
    yield from traffic_gates.named_counters(trial, names)
    yield from traffic_gates.served(trial, margins.gates, names, _edges_s(evidence))
    yield from _littles_law(trial, evidence, margins.gates, names)
    yield from evidence_gate.evidence(trial, hypothesis, margins.measures)
    yield from service_gates.target_cpu(trial, hypothesis)


def _offered_load(trial: Trial, hypothesis: Hypothesis) -> ClosedLoad | OpenLoad:
    assert isinstance(hypothesis.kind, LoadTest)
    return hypothesis.kind.load_at(trial.level)


def _driver_cpu(evidence: LoadEvidence, limits: GateLimits) -> Check:
    if (fleet := evidence.fleet) is not None:
        peak = fleet.cpu_peak or 0.0
        whose = worker_gates.busiest(fleet, peak, lambda worker: worker.cpu_peak)
        return service_gates.driver_cpu(peak, limits, whose)
    driver = evidence.usage.get(DRIVER)
    return service_gates.driver_cpu(driver.cpu_peak if driver else 0.0, limits, "its core")


def _edges_s(evidence: LoadEvidence) -> float:
    """Seconds by which the window is uncertain: of its scrapes, and of the workers' clocks."""
    clocks_s = 0.0 if evidence.fleet is None else 2 * evidence.fleet.clock_error_s
    return evidence.counters_uncertainty_s + clocks_s


def _carry_over(trial: Trial, evidence: LoadEvidence, limits: GateLimits) -> Iterator[Check]:
    if not evidence.slices:
        return
    cores = idle_arms_cpu(evidence.slices)
    yield Check(
        CARRY_OVER,
        cores,
        limits.max_idle_arms_cpu,
        f"While arm {trial.arm} was loaded, the other arms, which nobody loaded, used "
        f"{cores:.2f} cores (limit {limits.max_idle_arms_cpu:g}): they do work of earlier slices, "
        "or work of their own.",
    )


def _max_late_s(trial: Trial, margins: DecisionMargins) -> float:
    # from the actual send: the driver's own lateness must not widen its own limit
    median = total(trial).service_latency.quantile(0.5, margins.measures.min_beyond) or 0.0
    return max(margins.gates.max_ticker_late_s, margins.gates.max_ticker_late_share * median)


def _ticker(evidence: LoadEvidence, max_late_s: float) -> Check:
    who, late_s = worker_gates.ticker_late(evidence)
    return Check(
        "ticker_late",
        late_s,
        max_late_s,
        f"{who} was held up: its 10 ms ticker ran "
        f"{late_s * 1000:.1f} ms late at p99 (limit {max_late_s * 1000:.1f} ms).",
    )


def _arrivals(
    trial: Trial,
    hypothesis: Hypothesis,
    margins: DecisionMargins,
    dispatch: Dispatch,
    load: ClosedLoad | OpenLoad,
    judged: Sequence[str],
) -> Iterator[Check]:
    max_late_s = _max_late_s(trial, margins)
    max_unsent = service_gates.max_unsent(hypothesis, margins.gates)
    who, quantile, late_s = _dispatch_lateness(trial, dispatch, hypothesis, margins)
    yield Check(
        "dispatch",
        late_s,
        max_late_s,
        f"{who} dispatched arrivals {late_s * 1000:.1f} ms late at p{quantile:g} "
        f"(limit {max_late_s * 1000:.1f} ms): it could not keep up with the rate.",
    )
    lost = f"{dispatch.lost} arrivals of arm {trial.arm} were neither sent nor counted as unsent."
    yield Check("lost", abs(dispatch.lost), 0, lost, retryable=False)
    not_repeated = ""
    if dispatch.undispatched > dispatch.waiting or late_s > max_late_s:
        why = "the load driver did not get to them. Lower the rate, or make the scenario cheaper."
    else:
        not_repeated = why_not_repeated(
            trial,
            judged,
            "in which the arm kept arrivals waiting",
            "Write `allow: {unsent: 100%}`: then every block counts, and the intervals of "
            "latencies reach to where these arrivals were the slowest.",
        )
        most = load.max_users if isinstance(load, OpenLoad) else dispatch.users
        why = (
            f"all users (at most {most}) were busy, the driver itself was on schedule. Either the "
            "service is slower than its arrivals, which `allow: {unsent: ...}` says is expected, "
            "or `most_users` of the load is too low."
        )
    share = dispatch.unsent / max(dispatch.scheduled, 1)
    unsent = f"{share:.1%} of the arrivals of arm {trial.arm} were not sent: {why}"
    yield Check("unsent", share, max_unsent, unsent, not_repeated=not_repeated)
    share = dispatch.unanswered / max(dispatch.scheduled, 1)
    yield service_gates.unanswered(trial, share, max_unsent)
    share = dispatch.without_request / max(dispatch.scheduled, 1)
    yield service_gates.without_request(trial, share, max_unsent)


def _dispatch_lateness(
    trial: Trial, dispatch: Dispatch, hypothesis: Hypothesis, margins: DecisionMargins
) -> tuple[str, float, float]:
    """Who was latest, in words, a percentile, and the driver's own lateness at it.

    The percentile is the highest that a prediction names of a latency, and 99 at least.
    """
    named = [parse_measure(each.measure) for each in predictions_of(trial, hypothesis)]
    highest = max(
        (m.quantile or 0.0 for m in named if not (m.definition and m.definition.from_actual_send)),
        default=0.0,
    )
    looks = [(99.0, 0)]
    if highest > 99:
        looks.insert(0, (highest, margins.measures.min_beyond))
    found: list[tuple[str, float, float]] = []
    if (fleet := trial.service.fleet) is not None:  # first: of what is equal, a worker is named
        for percentile, beyond in looks:
            if worst := worker_gates.dispatch_late(fleet, percentile / 100, beyond):
                found.append((f"Of the load driver, {worst[0]}", percentile, worst[1]))
    if highest > 99 and dispatch.lag is not None:
        late_s = dispatch.lag.quantile(highest / 100, margins.measures.min_beyond)
        if late_s is not None:
            found.append((_DRIVER, highest, late_s))
    found.append((_DRIVER, 99, dispatch.lag_p99_s))
    return max(found, key=lambda each: each[2])


def _users(
    trial: Trial, evidence: LoadEvidence, load: ClosedLoad | OpenLoad, judged: Sequence[str]
) -> Check:
    if isinstance(load, OpenLoad):
        missed = (
            f"Arrivals of arm {trial.arm} were still under way {DRAIN_S} s after the window had "
            "closed: requests may be left over in the service."
        )
    else:
        missed = (
            f"{evidence.users_missing} of {load} of arm {trial.arm} were not "
            "running all the time, or did not end: requests may be left over in the service."
        )
        if evidence.users_missing < load.users:
            judged = ()  # some have ended early: nobody was kept waiting
    if evidence.fleet is not None:
        missed += worker_gates.not_ended(evidence.fleet)
    not_repeated = why_not_repeated(
        trial,
        judged,
        "in which users did not end in time",
        "Lower the load, make tasks shorter, or give requests a timeout and `allow` errors.",
    )
    return Check("users", evidence.users_missing, 0, missed, not_repeated=not_repeated)


def _littles_law(
    trial: Trial, evidence: LoadEvidence, limits: GateLimits, names: MetricNames
) -> Iterator[Check]:
    """Little's law (Little 1961) with N and R from the service and X from the driver.

    Requests that wait before the service sees them (a stopped event loop) are in neither N nor R,
    so that a bottleneck cannot trip this gate; lost, foreign or miscounted requests do. N counts
    what is under way at an edge of the window, X * R only what ended. If arrivals outrun the
    service the difference is large, and as much is allowed as those under way account for.
    """
    if names.in_flight is None or names.time is None or names.requests is None:
        return
    in_flight = counter(evidence.counters, names.in_flight)
    spent = counter(evidence.counters, names.time)
    served = counter(evidence.counters, names.requests)
    # redirects, and what users send in `on_start` and `on_stop`, reach the arm as well
    ended = max(total(trial).ended.count, evidence.arm_requests or 0)
    if in_flight is None or not spent or not served or not ended:
        return  # a service that does not export them
    seen = in_flight / trial.window_s
    expected = ended / trial.window_s * spent / served
    least = most = expected
    # a request that straddles an edge of the window is, on average, half inside
    edges = 0.0 if evidence.slices else 0.5 * spent / served  # no slice has such requests
    if (dispatch := evidence.dispatch) is not None:  # an open load has it recorded
        edges = 0.0
        least -= dispatch.under_way_before_s / trial.window_s
        most += dispatch.under_way_after_s / trial.window_s
    nearest = min(max(seen, least), most)
    gap = abs(seen - nearest) / max(seen, nearest)
    edges_s = _edges_s(evidence) + edges
    limit = limits.littles_law_tolerance + edges_s / trial.window_s
    yield Check(
        "littles_law",
        gap,
        limit,
        f"Little's law fails for arm {trial.arm}: {seen:.1f} requests in flight, but "
        f"throughput times time in service is {nearest:.1f} (limit {limit:.0%} apart).",
    )
