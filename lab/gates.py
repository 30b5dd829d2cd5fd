"""Was the trial to be trusted? Gates look at everything but the outcome measure."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lab.driver_protocol import DRAIN_S
from lab.hypothesis import ClosedLoad, Hypothesis, LoadTest, OpenLoad, parse_measure
from lab.measure_table import Scope
from lab.measures import counter, measure, total
from lab.trial import BenchmarkEvidence, Dispatch, Fault, LoadEvidence, SoakEvidence, Trial

DRIVER = "driver"
TARGET_ROLES = ("service", "database", "pricing", "docker-proxy")

TICKER_FLOOR_S = 0.005
TICKER_SHARE = 0.05  # of the measured median latency
DRIVER_CPU = 0.90  # of its core, in any second
OTHER_CPU = 0.25  # cores, mean over the window
STEAL = 0.10  # of all cores
UNSENT = 0.01  # of the arrivals that were due
LITTLES_LAW_TOLERANCE = 0.10  # relative gap, beyond what the scrapes leave open

_IN_FLIGHT = "http_in_flight_request_seconds_total"
_DURATION = "http_request_duration_seconds"


@dataclass(frozen=True)
class Gate:
    """A condition of trust, in words for the report."""

    name: str
    says: str
    unit: str


GATES = (
    Gate("alive", "every process of the arm lived through the trial", ""),
    Gate("settings", "the service answered with the arm's settings, never restarted", ""),
    Gate("conditions", "machine, pinning and the service's code stayed as they were", ""),
    Gate("users", "all users ran to the end, and ended when they were told", "users missing"),
    Gate("other_cpu", f"other processes used at most {OTHER_CPU:g} of a core", "cores"),
    Gate("steal", f"the hypervisor took at most {STEAL:.0%} of the cores", "share"),
    Gate(
        "ticker_late",
        "the load driver's 10 ms ticker was late, at p99, by at most the larger of "
        f"{TICKER_FLOOR_S * 1000:g} ms and {TICKER_SHARE:.0%} of the median latency",
        "s",
    ),
    Gate("driver_cpu", f"the load driver used at most {DRIVER_CPU:.0%} of its core", "cores"),
    Gate(
        "dispatch",
        "an open load's arrivals were dispatched, at p99 or as deep in the tail as a prediction "
        "looks, as little late as the ticker may be",
        "s",
    ),
    Gate("lost", "every arrival was sent or counted as unsent", "arrivals"),
    Gate(
        "unsent",
        f"at most {UNSENT:.0%} of an open load's arrivals went unsent, or as many as the "
        "hypothesis allows",
        "share",
    ),
    Gate(
        "unanswered",
        f"no larger a share of its arrivals was without an answer {DRAIN_S} s after the window",
        "share",
    ),
    Gate("scenario", "the scenario itself raised no error", "errors"),
    Gate("errors", "requests failed no more often than the hypothesis allows", "share"),
    Gate(
        "littles_law",
        "requests in flight, throughput and time in the service agree (N = X * R) within "
        f"{LITTLES_LAW_TOLERANCE:.0%} and what the window's edges leave open",
        "share",
    ),
    Gate("counts", "what a benchmark counts is the same in every process of a step", ""),
    Gate("evidence", "every measure that a prediction asks of the arm has a value", "measures"),
    Gate("target_cpu", "service, database and pricing left room on their core", "cores"),
)


def describe(gate: str) -> str:
    """What a gate demands, in words."""
    return next((known.says for known in GATES if known.name == gate), gate)


def inspect(trial: Trial, hypothesis: Hypothesis, task_errors: Mapping[str, int]) -> Trial:
    """The trial with the figure of every gate and the faults found, gravest cause first.

    Faults that the trial already carries (a dead process, other settings) stay in front: what
    follows from them is not the reason. `task_errors` counts errors raised by the scenario itself.
    """
    figures: dict[str, float] = {
        gate: float(any(fault.gate == gate for fault in trial.faults))
        for gate in ("alive", "settings", "conditions")
    }
    faults = list(trial.faults)
    for gate, figure, limit, fault in _checks(trial, hypothesis, task_errors):
        figures[gate] = round(figure, 6)
        if figure > limit:
            faults.append(replace(fault, gate=gate, figure=figure, limit=limit))
    return replace(trial, faults=tuple(faults), gates=figures)


STARVED = 0.5  # of all cores, taken by strangers over a whole life


def inspect_soak(trial: Trial, hypothesis: Hypothesis) -> Trial:
    """The same of a soak's trial.

    Its arms run side by side, so that a disturbance meets them all: a night's strangers and steal
    are written down, and void a life only where they took half of the machine all along.
    """
    figures: dict[str, float] = {
        gate: float(any(fault.gate == gate for fault in trial.faults))
        for gate in ("alive", "settings", "conditions")
    }
    faults = list(trial.faults)
    for gate, figure, limit, fault in _checks_of_life(trial, hypothesis):
        figures[gate] = round(figure, 6)
        if figure > limit:
            faults.append(replace(fault, gate=gate, figure=figure, limit=limit, retryable=False))
    return replace(trial, faults=tuple(faults), gates=figures)


def _checks_of_life(
    trial: Trial, hypothesis: Hypothesis
) -> Iterator[tuple[str, float, float, Fault]]:
    driven = _soak(trial).load_stats
    cores = os.cpu_count() or 1
    for gate, share in (("other_cpu", trial.other_cpu / cores), ("steal", trial.steal)):
        who = "Other processes" if gate == "other_cpu" else "The hypervisor"
        yield gate, share, STARVED, _fault(f"{who} took {share:.0%} of the machine all along.")
    driver = trial.service.usage[DRIVER].cpu if DRIVER in trial.service.usage else 0.0
    yield (
        "driver_cpu",
        driver,
        DRIVER_CPU,
        _fault(f"The load driver was saturated: {driver:.0%} of its core (limit {DRIVER_CPU:.0%})"),
    )
    unsent = 1 - driven.sent / driven.scheduled if driven.scheduled else 0.0
    due = _most_unsent(hypothesis)
    yield (
        "unsent",
        unsent,
        due,
        _fault(
            f"{unsent:.1%} of the arrivals at arm {trial.arm} were never sent (limit {due:.0%})."
        ),
    )
    share = driven.unanswered / max(driven.scheduled, 1)
    yield "unanswered", share, due, _fault(_unanswered(trial, share))
    scenario = _fault(f"The scenario raised: {driven.task_error}.")
    yield "scenario", driven.task_errors, 0.0, scenario
    yield from _errors(trial, hypothesis)
    yield from _evidence(trial, hypothesis)
    yield from _target_cpu(trial, hypothesis)


def inspect_benchmark(trial: Trial, hypothesis: Hypothesis) -> Trial:
    """The same for one process of a benchmark, which no driver loads."""
    figures = {
        gate: float(any(fault.gate == gate for fault in trial.faults))
        for gate in ("alive", "conditions", "counts")
    }
    faults = list(trial.faults)
    for gate, figure, limit, fault in _machine(trial):
        figures[gate] = round(figure, 6)
        if figure > limit:
            faults.append(replace(fault, gate=gate, figure=figure, limit=limit))
    counts = trial.evidence.counts if isinstance(trial.evidence, BenchmarkEvidence) else None
    asked = [*hypothesis.predictions, *(rival.prediction for rival in hypothesis.rivals)]
    wanted = {
        p.measure
        for p in asked
        if p.count and trial.arm in p.arms and p.at == trial.level and counts is not None
    }
    lacking = sorted(wanted - set(counts or ()))
    figures["evidence"] = float(len(lacking))
    if lacking:
        message = (
            f"{trial.step} reports no {', '.join(lacking)}: set it in the benchmark, as in "
            f'benchmark.extra_info["{lacking[0]}"] = n.'
        )
        faults.append(Fault("evidence", message, len(lacking), 0, retryable=False))
    return replace(trial, faults=tuple(faults), gates=figures)


def _machine(trial: Trial) -> Iterator[tuple[str, float, float, Fault]]:
    """What the rest of the machine did meanwhile."""
    yield (
        "other_cpu",
        trial.other_cpu,
        OTHER_CPU,
        _fault(
            f"Other processes kept the machine busy: {trial.other_cpu:.2f} cores "
            f"(limit {OTHER_CPU:g})."
        ),
    )
    yield (
        "steal",
        trial.steal,
        STEAL,
        _fault(f"The hypervisor took {trial.steal:.0%} of the cores (limit {STEAL:.0%})."),
    )


def _checks(
    trial: Trial, hypothesis: Hypothesis, task_errors: Mapping[str, int]
) -> Iterator[tuple[str, float, float, Fault]]:
    """Each gate's name, figure and limit, and what to say where the figure is over it."""
    yield from _machine(trial)
    seen = total(trial)
    # from the actual send: what the driver was late itself must not widen its own limit
    median = seen.service_latency.quantile(0.5) or 0.0
    late_limit = max(TICKER_FLOOR_S, TICKER_SHARE * median)
    yield (
        "ticker_late",
        trial.service.ticker_late_p99_s,
        late_limit,
        _fault(
            "The load driver itself was held up: its 10 ms ticker ran "
            f"{trial.service.ticker_late_p99_s * 1000:.1f} ms late at p99 "
            f"(limit {late_limit * 1000:.1f} ms)."
        ),
    )
    driver = trial.service.usage[DRIVER].cpu_peak if DRIVER in trial.service.usage else 0.0
    yield (
        "driver_cpu",
        driver,
        DRIVER_CPU,
        _fault(f"The load driver was saturated: {driver:.0%} of its core (limit {DRIVER_CPU:.0%})"),
    )
    evidence, load = _load(trial), _offered_load(trial, hypothesis)
    yield from _dispatch(trial, hypothesis, late_limit)
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
    yield "users", evidence.users_missing, 0, _fault(missed)
    raised = sum(task_errors.values())
    first = next(iter(task_errors), "")
    scenario = ("scenario", raised, 0.0, _fault(f"The scenario raised: {first}."))
    # a failed request may make a task raise; a task that raises at once makes no request
    causes = [*_errors(trial, hypothesis), scenario]
    yield from causes if seen.errors else reversed(causes)
    yield from _little(trial)
    yield from _evidence(trial, hypothesis)
    yield from _target_cpu(trial, hypothesis)


def _offered_load(trial: Trial, hypothesis: Hypothesis) -> ClosedLoad | OpenLoad:
    """The load that drove the trial."""
    assert isinstance(hypothesis.kind, LoadTest)
    return hypothesis.kind.load_at(trial.level)


def _dispatch(
    trial: Trial, hypothesis: Hypothesis, late_limit: float
) -> Iterator[tuple[str, float, float, Fault]]:
    """The driver's own part in an open load comes before what the service may have caused."""
    seen = _load(trial).dispatch
    if seen is None:
        return
    deepest, late = _lateness(trial, seen, hypothesis)
    yield (
        "dispatch",
        late,
        late_limit,
        _fault(
            f"The load driver dispatched arrivals {late * 1000:.1f} ms late at p{deepest:g} "
            f"(limit {late_limit * 1000:.1f} ms): it could not keep up with the rate."
        ),
    )
    lost = f"{seen.lost} arrivals of arm {trial.arm} were neither sent nor counted as unsent."
    yield "lost", abs(seen.lost), 0, replace(_fault(lost), retryable=False)
    share = seen.unsent / max(seen.scheduled, 1)
    if seen.undispatched > seen.waiting or late > late_limit:
        why = "the load driver did not get to them. Lower the rate, or make the scenario cheaper."
    else:
        load = _offered_load(trial, hypothesis)
        most = load.max_users if isinstance(load, OpenLoad) else seen.users
        why = (
            f"all users (at most {most}) were busy, the driver itself kept its times. Either the "
            "service is slower than its arrivals, which `allow: {unsent: ...}` says is expected, "
            "or `most_users` of the load is too low."
        )
    limit = _most_unsent(hypothesis)
    unsent = f"{share:.1%} of the arrivals of arm {trial.arm} were not sent: {why}"
    yield "unsent", share, limit, _fault(unsent)
    share = seen.unanswered / max(seen.scheduled, 1)
    yield "unanswered", share, limit, _fault(_unanswered(trial, share))


def _unanswered(trial: Trial, share: float) -> str:
    return (
        f"{share:.1%} of the arrivals of arm {trial.arm} had no answer {DRAIN_S} s after the "
        "window had closed: their latency is unknown. Lower the rate, or shorten the window."
    )


def _most_unsent(hypothesis: Hypothesis) -> float:
    """The share of arrivals that may go without a latency."""
    allowed = hypothesis.allow.unsent
    return UNSENT if allowed is None else allowed


def _lateness(trial: Trial, seen: Dispatch, hypothesis: Hypothesis) -> tuple[float, float]:
    """The driver's own lateness, as deep in its tail as a prediction looks into the latency's."""
    asked = [
        parse_measure(prediction.measure)
        for prediction in hypothesis.all_predictions
        if trial.arm in prediction.arms and prediction.at in (None, trial.level)
        if prediction.slope is None
    ]
    deepest = max(
        (m.quantile or 0.0 for m in asked if not (m.definition and m.definition.from_actual_send)),
        default=0.0,
    )
    if deepest > 99 and seen.lag is not None:
        late = seen.lag.quantile(deepest / 100)
        if late is not None:
            return deepest, late
    return 99, seen.lag_p99_s


def _errors(trial: Trial, hypothesis: Hypothesis) -> Iterator[tuple[str, float, float, Fault]]:
    seen = total(trial)
    if not seen.count:
        # no evidence is never a pass: over any limit
        fault = _fault(f"No request to arm {trial.arm} ended within the window.")
        yield "errors", 1.0 + 1e-9, max(hypothesis.allow.error_rate, 1.0), fault
        return
    excused = _soak(trial).load_stats
    rate = (seen.errors - excused.excused_errors) / max(1, seen.count - excused.excused)
    silent = f", {seen.socket_errors} of {seen.errors} without an answer" * bool(seen.socket_errors)
    commonest = max(trial.service.errors, key=lambda text: trial.service.errors[text], default="")
    yield (
        "errors",
        rate,
        hypothesis.allow.error_rate,
        _fault(
            f"{rate:.2%} of the requests to arm {trial.arm} failed "
            f"(allowed {hypothesis.allow.error_rate:.2%}{silent}): {commonest}"
        ),
    )


def _little(trial: Trial) -> Iterator[tuple[str, float, float, Fault]]:
    """Little's law with N and R from the service and X from the driver.

    Requests that wait before the service sees them (a stopped event loop) are in neither N nor R,
    so that a bottleneck cannot trip this gate; lost, foreign or miscounted requests do. N counts
    what is under way at an edge of the window, X * R what ended only: where arrivals outrun the
    service that is much, and as much as those under way had been so is allowed.
    """
    load = _load(trial)
    in_flight = counter(trial.service.counters, _IN_FLIGHT)
    spent = counter(trial.service.counters, f"{_DURATION}_sum")
    served = counter(trial.service.counters, f"{_DURATION}_count")
    driven = total(trial).ended.count
    if in_flight is None or not spent or not served or not driven:
        return  # a service that does not export them
    here = in_flight / trial.window_s
    expected = driven / trial.window_s * spent / served
    least = most = expected
    # a request that straddles an edge of the window is, on average, half inside
    edges = 0.5 * spent / served
    if (seen := load.dispatch) is not None:  # an open load knows better
        edges = 0.0
        least -= seen.under_way_before_s / trial.window_s
        most += seen.under_way_after_s / trial.window_s
    nearest = min(max(here, least), most)
    gap = abs(here - nearest) / max(here, nearest)
    limit = LITTLES_LAW_TOLERANCE + (load.counters_uncertainty_s + edges) / trial.window_s
    yield (
        "littles_law",
        gap,
        limit,
        _fault(
            f"Little's law fails for arm {trial.arm}: {here:.1f} requests in flight, but "
            f"throughput times time in service is {nearest:.1f} (limit {limit:.0%} apart)."
        ),
    )


def _evidence(trial: Trial, hypothesis: Hypothesis) -> Iterator[tuple[str, float, float, Fault]]:
    """No evidence is never a pass: a block that lacks a measure is repeated, not judged."""
    if not total(trial).count:
        return  # told already
    asked = [*hypothesis.predictions, *(rival.prediction for rival in hypothesis.rivals)]
    mine = [prediction for prediction in asked if trial.arm in prediction.arms]
    names = dict.fromkeys(
        (name, prediction.during)
        for prediction in mine
        if prediction.slope is None and prediction.at in (None, trial.level)
        for name in _needed(prediction.measure)
    )
    lacking = [
        name if during is None else f"{name} during {during}"
        for name, during in names
        if measure(trial, name, hypothesis.measures, during) is None
    ]
    series = dict.fromkeys(p.slope for p in mine if p.slope is not None)
    recorded = _soak(trial).time_series
    lacking += [n for n in series if recorded is None or recorded.series(n) is None]
    yield (
        "evidence",
        len(lacking),
        0,
        _fault(
            f"No evidence for {', '.join(lacking)} of arm {trial.arm}: too few samples, or the "
            "service does not export it."
        ),
    )


def _needed(name: str) -> tuple[str, ...]:
    """What a trial must yield for a measure: a sweep's curve is made of these."""
    return ("throughput", "latency_mean") if parse_measure(name).scope is Scope.SWEEP else (name,)


def _target_cpu(trial: Trial, hypothesis: Hypothesis) -> Iterator[tuple[str, float, float, Fault]]:
    usage = trial.service.usage
    used = sum(usage[role].cpu for role in TARGET_ROLES if role in usage)
    if not used:
        return
    limit = hypothesis.limits.target_cpu
    yield (
        "target_cpu",
        used,
        float("inf") if limit is None else limit,
        _fault(
            f"Service, database and pricing of arm {trial.arm} used {used:.0%} of their core "
            f"(limit {limit or 0:.0%}): the processor may bind, not what is claimed."
        ),
    )


def _fault(message: str) -> Fault:
    return Fault("", message)


def _load(trial: Trial) -> LoadEvidence:
    return trial.evidence if isinstance(trial.evidence, LoadEvidence) else LoadEvidence()


def _soak(trial: Trial) -> SoakEvidence:
    return trial.evidence if isinstance(trial.evidence, SoakEvidence) else SoakEvidence()
