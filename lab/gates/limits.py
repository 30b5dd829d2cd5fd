"""Every gate in words, with the limit that a plan sets it."""

from __future__ import annotations

from dataclasses import dataclass

from lab.decision_margins import GateLimits
from lab.driver_messages import DRAIN_S


@dataclass(frozen=True)
class Gate:
    """A condition without which a trial is not trusted, in words for the report."""

    name: str
    says: str
    unit: str  # of its figure


def gates_of(limits: GateLimits, *, is_soak: bool = False) -> tuple[Gate, ...]:
    """All gates; a run has those of its kind.

    Args:
        limits: Of the plan.
        is_soak: Whether the limits of a soak are meant.
    """
    background = limits.max_soak_background
    other_cpu = (
        f"at most {limits.max_other_cpu:g} of a core, of the cores of the run "
        f"({limits.max_other_cpu_in_slices:g} where arms are measured in slices)"
    )
    steal = f"at most {limits.max_steal:.0%} of the cores of the run"
    if is_soak:
        other_cpu = steal = f"at most {background:.0%} of the cores of the run"
    return (
        Gate("alive", "every process of the arm ran to the end of the trial", ""),
        Gate("settings", "the service answered with the arm's settings, never restarted", ""),
        Gate("conditions", "machine, pinning and the service's code stayed as they were", ""),
        Gate(
            "users", "all users ran to the end of the window, and ended after it", "users missing"
        ),
        Gate("other_cpu", f"other processes used {other_cpu}", "share" if is_soak else "cores"),
        Gate("steal", f"the hypervisor took {steal}", "share"),
        Gate(
            "workers",
            "every worker that shares the load took part to the end, on the same cores all through "
            "a block, with its users, and sent requests",
            "faults",
        ),
        Gate(
            "clock",
            "the clock of every worker is known within the smaller of "
            f"{limits.max_clock_error_s * 1000:g} ms and {limits.max_clock_error_share:.0%} of "
            "the window",
            "s",
        ),
        Gate(
            "begin_late",
            f"the load of every worker began at most {limits.max_begin_late_s * 1000:g} ms later "
            "than agreed",
            "s",
        ),
        Gate(
            "ticker_late",
            "the load driver's 10 ms ticker was late, at p99, by at most the larger of "
            f"{limits.max_ticker_late_s * 1000:g} ms and {limits.max_ticker_late_share:.0%} of the "
            "median latency",
            "s",
        ),
        Gate(
            "driver_cpu",
            f"the load driver used at most {limits.max_driver_cpu:.0%} of its core",
            "cores",
        ),
        Gate(
            "dispatch",
            "an open load's arrivals were dispatched, at p99 or at the highest quantile of a "
            "prediction, no later than the ticker may be",
            "s",
        ),
        Gate("lost", "every arrival was sent or counted as unsent", "arrivals"),
        Gate(
            "unsent",
            f"at most {limits.max_unsent:.0%} of an open load's arrivals went unsent, or as many "
            "as the hypothesis allows",
            "share",
        ),
        Gate(
            "unanswered",
            f"no larger a share of its arrivals was without an answer {DRAIN_S} s after the window",
            "share",
        ),
        Gate(
            "without_request",
            "no larger a share of its arrivals ended without a request",
            "share",
        ),
        Gate(
            "scenario",
            "the scenario raised no error, did not end or hang, and reported requests properly",
            "errors",
        ),
        Gate("errors", "requests failed no more often than the hypothesis allows", "share"),
        Gate("hosts", "every request went to the arm that was measured", "requests elsewhere"),
        Gate(
            "served",
            "the arm counted as many requests as were driven, within "
            f"{limits.served_tolerance:.0%} and what the window's edges leave open",
            "share",
        ),
        Gate(
            "littles_law",
            "requests in flight, throughput and time in the service agree (N = X * R) within "
            f"{limits.littles_law_tolerance:.0%} and what the window's edges leave open",
            "share",
        ),
        Gate(
            "carry_over",
            "of arms that were loaded in turn, those that were not loaded used at most "
            f"{limits.max_idle_arms_cpu:g} of a core",
            "cores",
        ),
        Gate("counts", "what a benchmark counts is the same in every process of a step", ""),
        Gate(
            "evidence", "every measure that a prediction needs of the arm has a value", "measures"
        ),
        Gate("target_cpu", "all processes of the target left room on their core", "cores"),
    )
