"""Every gate in words, and its limit."""

from __future__ import annotations

from dataclasses import dataclass

from lab.driver_messages import DRAIN_S

MAX_TICKER_LATE_S = 0.005
MAX_TICKER_LATE_SHARE = 0.05  # of the measured median latency, if that is more
MAX_DRIVER_CPU = 0.90  # of its core: in any second of a load, on average in a soak
MAX_OTHER_CPU = 0.25  # cores, mean over the window
MAX_STEAL = 0.10  # share of all cores
MAX_SOAK_BACKGROUND = 0.5  # share of all cores, mean over a soak trial; each of the two
MAX_UNSENT = 0.01  # share of the scheduled arrivals
SERVED_TOLERANCE = 0.25  # relative gap, beyond what the window's edges leave open
MIN_DRIVEN = 20  # requests, for a comparison with those that were served
LITTLES_LAW_TOLERANCE = 0.10  # relative gap, beyond what the scrapes leave open


@dataclass(frozen=True)
class Gate:
    """A condition without which a trial is not trusted, in words for the report."""

    name: str
    says: str
    unit: str  # of its figure


GATES = (
    Gate("alive", "every process of the arm ran to the end of the trial", ""),
    Gate("settings", "the service answered with the arm's settings, never restarted", ""),
    Gate("conditions", "machine, pinning and the service's code stayed as they were", ""),
    Gate("users", "all users ran to the end of the window, and ended after it", "users missing"),
    Gate("other_cpu", f"other processes used at most {MAX_OTHER_CPU:g} of a core", "cores"),
    Gate("steal", f"the hypervisor took at most {MAX_STEAL:.0%} of the cores", "share"),
    Gate(
        "ticker_late",
        "the load driver's 10 ms ticker was late, at p99, by at most the larger of "
        f"{MAX_TICKER_LATE_S * 1000:g} ms and {MAX_TICKER_LATE_SHARE:.0%} of the median latency",
        "s",
    ),
    Gate("driver_cpu", f"the load driver used at most {MAX_DRIVER_CPU:.0%} of its core", "cores"),
    Gate(
        "dispatch",
        "an open load's arrivals were dispatched, at p99 or at the highest quantile of a "
        "prediction, no later than the ticker may be",
        "s",
    ),
    Gate("lost", "every arrival was sent or counted as unsent", "arrivals"),
    Gate(
        "unsent",
        f"at most {MAX_UNSENT:.0%} of an open load's arrivals went unsent, or as many as the "
        "hypothesis allows",
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
        f"{SERVED_TOLERANCE:.0%} and what the window's edges leave open",
        "share",
    ),
    Gate(
        "littles_law",
        "requests in flight, throughput and time in the service agree (N = X * R) within "
        f"{LITTLES_LAW_TOLERANCE:.0%} and what the window's edges leave open",
        "share",
    ),
    Gate("counts", "what a benchmark counts is the same in every process of a step", ""),
    Gate("evidence", "every measure that a prediction needs of the arm has a value", "measures"),
    Gate("target_cpu", "all processes of the target left room on their core", "cores"),
)


def describe(gate: str) -> str:
    """What a gate demands, in words; an unknown gate by its name."""
    return next((known.says for known in GATES if known.name == gate), gate)
