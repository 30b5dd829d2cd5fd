"""Gates that a load and a soak share: the driver, the scenario, the service."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from lab.decision_margins import GateLimits
from lab.driver_messages import DRAIN_S
from lab.gates.gate_check import Check
from lab.gates.judged_measures import bounded, bounded_of_requests, why_not_repeated
from lab.hypothesis import Hypothesis
from lab.system import DRIVER
from lab.trials.measure_values import total
from lab.trials.trial import SoakEvidence, SoakLoadStats, Trial


def driver_cpu(cores: float, limits: GateLimits, whose: str) -> Check:
    """Whether the load driver had processor time to spare.

    Args:
        cores: That it used, of its one core; of workers, see `FleetRecord.cpu`.
        limits: Of the plan.
        whose: Which core that is, in words.
    """
    return Check(
        "driver_cpu",
        cores,
        limits.max_driver_cpu,
        f"The load driver was saturated: {cores:.0%} of {whose} "
        f"(limit {limits.max_driver_cpu:.0%}).",
    )


def max_unsent(hypothesis: Hypothesis, limits: GateLimits) -> float:
    """The share of arrivals that may remain without a latency."""
    allowed = hypothesis.allow.unsent
    return limits.max_unsent if allowed is None else allowed


def unanswered(trial: Trial, share: float, limit: float) -> Check:
    """Whether nearly all arrivals had an answer in time."""
    return Check(
        "unanswered",
        share,
        limit,
        f"{share:.1%} of the arrivals of arm {trial.arm} had no answer {DRAIN_S} s after the "
        "window had closed: their latency is unknown. Lower the rate, or shorten the window.",
    )


def without_request(trial: Trial, share: float, limit: float) -> Check:
    """Whether nearly all arrivals led to a request."""
    return Check(
        "without_request",
        share,
        limit,
        f"{share:.1%} of the arrivals of arm {trial.arm} ended without a request: their tasks "
        "returned, or raised, before they sent one, or left it to something that outlives them. "
        "Let each task send its requests itself, or wait for what sends them.",
    )


def scenario(faults: int, first: str, failed_before: Mapping[str, int] | None = None) -> Check:
    """Whether the scenario itself raised an error, ended or hung.

    Args:
        faults: How many.
        first: The first of them; it continues "The scenario".
        failed_before: Errors of requests before the window, which may be the reason.
    """
    message = f"The scenario {first}."
    if failed_before:
        text, count = max(failed_before.items(), key=lambda pair: pair[1])
        message += f" Requests failed before the window: {text} ({sum(failed_before.values())} in "
        message += f"all, {count} of these)."
    return Check("scenario", faults, 0.0, message)


def errors(trial: Trial, hypothesis: Hypothesis, unanswered: Sequence[str] = ()) -> Check:
    """Whether requests failed no more often than allowed, and there were any.

    Args:
        trial: Has the requests.
        hypothesis: What it allows, and what it bounds.
        unanswered: The measures for which errors without an answer, as timeouts, select.
    """
    seen, allowed = total(trial), hypothesis.allow.error_rate
    if not seen.count:
        # no evidence is never a pass: over any limit
        message = f"No request to arm {trial.arm} ended within the window."
        not_repeated = why_not_repeated(
            trial,
            bounded_of_requests(trial, hypothesis),
            "without an answer",
            "Find out why the arm did not answer, or lengthen `window`.",
        )
        limit = max(allowed, 1.0)
        return Check("errors", 1.0 + 1e-9, limit, message, not_repeated=not_repeated)
    evidence = trial.evidence
    stats = evidence.load_stats if isinstance(evidence, SoakEvidence) else SoakLoadStats()
    rate = (seen.errors - stats.excused_errors) / max(1, seen.count - stats.excused)
    silent = f", {seen.socket_errors} of {seen.errors} without an answer" * bool(seen.socket_errors)
    counts = trial.service.errors
    most_common = max(counts, key=lambda text: counts[text], default="")
    return Check(
        "errors",
        rate,
        allowed,
        f"{rate:.2%} of the requests to arm {trial.arm} failed "
        f"(allowed {allowed:.2%}{silent}): {most_common}",
        not_repeated=why_not_repeated(
            trial,
            [*bounded(trial, hypothesis, "error_rate"), *(unanswered if silent else ())],
            "with many errors",
            "Write `allow: {error_rate: 100%}`: then every block counts, however many fail.",
        ),
    )


def target_cpu(trial: Trial, hypothesis: Hypothesis) -> Iterator[Check]:
    """Whether the processes of the target left room on their core, if a limit is set."""
    usage = {role: own.cpu for role, own in trial.service.usage.items() if role != DRIVER}
    used = sum(usage.values())
    if not used:
        return
    limit = hypothesis.limits.target_cpu
    yield Check(
        "target_cpu",
        used,
        math.inf if limit is None else limit,
        f"The processes of arm {trial.arm} ({', '.join(usage)}) used {used:.0%} of their core "
        f"(limit {limit or 0:.0%}): the processor may bind, not what is claimed.",
        not_repeated=why_not_repeated(
            trial,
            bounded(trial, hypothesis, "cpu"),
            "that use much",
            "Remove `target_cpu` from `limits`: then every block counts, however much it uses.",
        ),
    )
