"""Latency from the scheduled send time, compared with servers whose every answer is known."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lab.stats.arrival_schedule import ArrivalProcess
from tests.arrivals import Bench, arrivals_of, bench, dispatch, steady
from tests.default_margins import measure
from tests.oracles.queueing import kiefer_wolfowitz, mg1_mean_wait, mmc_mean_wait
from tests.proof.record import Steps, publish

FROZEN_S, PERIOD_S = 1.0, 10.0
FROZEN_RATE, FROZEN_WINDOW_S = 100.0, 110.0  # eleven periods: ten samples beyond p99.9
QUANTILES = (0.5, 0.95, 0.98, 0.99, 0.999)
QUEUE_WINDOW_S = 40.0
THOUSANDS, THOUSANDS_S = 4000.0, 10.0


@dataclass(frozen=True)
class Station:
    """A queue with known services."""

    name: str
    servers: int
    mean_s: float
    exponential: bool
    rate: float

    @property
    def mean_wait_s(self) -> float:
        """In theory."""
        if self.exponential:
            return mmc_mean_wait(self.rate, self.mean_s, self.servers)
        return mg1_mean_wait(self.rate, self.mean_s)


RUNS = 3
STATIONS = (
    Station("M/D/1, load .5", 1, 0.010, False, 50),
    Station("M/D/1, load .8", 1, 0.010, False, 80),
    Station("M/M/4, load .7", 4, 0.040, True, 70),
)


def allowed_s(truth: Any) -> Any:
    """How far a request may be off its replay."""
    return np.maximum(0.003, 0.05 * truth)


def prove() -> bool:
    """Quantiles within 5 % or 5 ms of the truth; requests, at p99, within 3 ms or 5 %."""
    steps = Steps("latency")
    holds = True
    lines = [
        f"**A server that stands still for {FROZEN_S:g} s in every {PERIOD_S:g} s**, "
        f"{FROZEN_RATE:g} arrivals a second for {FROZEN_WINDOW_S:g} s. The truth is computed from "
        "the scheduled send times and the server's own log of its freezes. In ms, measured "
        "(truth):",
        "",
        "| arrivals | " + " | ".join(f"p{100 * q:g}" for q in QUANTILES) + " |",
        "| --- " * (1 + len(QUANTILES)) + "|",
    ]
    kinds: tuple[ArrivalProcess, ...] = ("constant", "poisson")
    for kind in kinds:
        found = steps.do(f"frozen, {kind}", partial(_run, partial(frozen, arrivals=kind)))
        cells = []
        for measured, truth in found["quantiles"]:
            holds &= measured is not None and abs(measured - truth) <= max(0.005, 0.05 * truth)
            cells.append("-" if measured is None else f"{1000 * measured:.1f} ({1000 * truth:.1f})")
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += [
        "",
        f"**Queues with known service times**, {RUNS} runs of {QUEUE_WINDOW_S:g} s each, because "
        "a hiccup of the machine affects the slowest requests; the middle one must hold. "
        "Every request is compared with the replay (Lindley 1952; Kiefer & Wolfowitz 1955) of the "
        "scheduled send times and the service times as the server logged them. The last column is "
        "the error at p99 as a share of what is allowed, max(3 ms, 5 %).",
        "",
        "| queue | requests | mean latency ms (replay) | mean wait in theory ms "
        "| error ms p50 | p99 | max | of allowed |",
        "| --- " * 8 + "|",
    ]
    for station in STATIONS:
        shares = []
        for run in range(1, RUNS + 1):
            key = f"{station.name}, run {run}"
            found = steps.do(key, partial(_run, partial(queued, station=station)))
            shares.append(found["of_allowed_p99"])
            errors = " | ".join(f"{1000 * found['errors'][q]:.2f}" for q in ("p50", "p99", "max"))
            lines.append(
                f"| {station.name} | {found['requests']} | {1000 * found['mean']:.2f} "
                f"({1000 * found['replayed_mean']:.2f}) | {1000 * station.mean_wait_s:.2f} "
                f"| {errors} | {shares[-1]:.3f} |"
            )
        holds &= statistics.median(shares) <= 1
    found = steps.do(f"{THOUSANDS:g} a second", partial(_run, thousands, keep=False))
    balance = found["sent"] + found["unsent"] == found["scheduled"]
    holds &= balance and found["served"] == found["sent"] and found["faithful"]
    lines += [
        "",
        f"**{THOUSANDS:g} arrivals a second for {THOUSANDS_S:g} s** from one core: "
        f"{found['scheduled']:,} scheduled, {found['sent']:,} sent, {found['unsent']} unsent, "
        f"{found['served']:,} answered by the server's own count. Dispatched "
        f"{1000 * found['lag_p99_s']:.2f} ms late at p99, driver CPU {found['driver_cpu']:.0%}.",
    ]
    publish("latency", "Latency from the scheduled send time", lines, steps)
    return bool(holds)


def _run(work: Callable[[Bench], dict[str, Any]], keep: bool = True) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as made:
        made.load(keep=keep)
        return work(made)


def frozen(
    made: Bench, arrivals: ArrivalProcess, window_s: float = FROZEN_WINDOW_S
) -> dict[str, Any]:
    """Quantiles as the lab reports them beside the true ones by construction."""
    with made.serve("frozen", frozen_s=FROZEN_S, period_s=PERIOD_S) as server:
        trial, _ = made.drive(server, steady(FROZEN_RATE, window_s, arrivals), warmup_s=1.0)
        freezes = server.end()["freezes"]
    truths = []
    for *_, context in made.seen():
        due = context["times"][0]
        end = next((end for begin, end in freezes if begin <= due < end), due)
        if made.opens <= due < made.closes:
            truths.append(end - due)
    measured = [measure(trial, f"latency_p{100 * q:g}", {}) for q in QUANTILES]
    truth = np.quantile(truths, QUANTILES, method="inverted_cdf").tolist()
    return {"quantiles": list(zip(measured, truth, strict=True)), "requests": len(truths)}


def queued(made: Bench, station: Station, window_s: float = QUEUE_WINDOW_S) -> dict[str, Any]:
    """Each request's latency against its replay."""
    with made.serve(
        "queue",
        servers=station.servers,
        mean_s=station.mean_s,
        exponential=station.exponential,
    ) as server:
        made.drive(server, steady(station.rate, window_s), warmup_s=1.0)
        services = {number: end - begun for number, _, begun, end in server.end()["services"]}
    seen = sorted(made.seen(), key=lambda one: one[2]["times"][0])
    dues = np.array([context["times"][0] for *_, context in seen])
    measured = np.array(
        [service + context["times"][1] - context["times"][0] for _, service, context in seen]
    )
    truth = kiefer_wolfowitz(
        dues, [services[context["i"]] for *_, context in seen], station.servers
    ).response
    errors = np.abs(measured - truth)
    return {
        "requests": len(seen),
        "mean": float(measured.mean()),
        "replayed_mean": float(truth.mean()),
        "errors": {
            "p50": float(np.quantile(errors, 0.5)),
            "p99": float(np.quantile(errors, 0.99)),
            "max": float(errors.max()),
        },
        "of_allowed_p99": float(np.quantile(errors / allowed_s(truth), 0.99)),
    }


def thousands(made: Bench) -> dict[str, Any]:
    """What became of each arrival."""
    with made.serve("plain") as server:
        trial, frames = made.drive(server, steady(THOUSANDS, THOUSANDS_S), warmup_s=1.0)
        served = server.end()["served"]
    seen = dispatch(trial)
    scheduled = sum(each.scheduled for each in arrivals_of(frames))
    return {
        "scheduled": scheduled,
        "sent": sum(each.sent for each in arrivals_of(frames)),
        "unsent": seen.unsent,
        "faithful": seen.lost == 0,
        "served": served,
        "lag_p99_s": seen.lag_p99_s,
        "driver_cpu": max(frame.driver_cpu or 0.0 for frame in frames),
    }
