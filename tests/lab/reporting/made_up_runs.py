"""Run folders with plausible figures, one for each verdict, made without measuring anything."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from pathlib import Path

from lab import hypothesis as hypotheses
from lab.driver_messages import RequestKey
from lab.hypothesis import Hypothesis
from lab.runs.run_folder import RunFolder
from lab.stats.latency_histogram import Histogram
from lab.trials.plan import Attempt, Plan, draw
from lab.trials.serialization import requests_to_record
from lab.trials.trial import Fault, LoadEvidence, Requests, Trial, Usage
from lab.verdict.record import Verdict
from lab.verdict.rule import judge
from tests.lab.builders import ORDERS

HOSTILE = "<script>alert(1)</script>|`x`\"'&"

TEXT = """---
question: Why does checkout slow to a crawl at 50 shoppers while the CPU idles?
claim: Requests wait for a database connection, held open while pricing is asked.
kind: load
scenario: scenarios/checkout.py
load: {users: 50}
trial: {warmup: 1s, window: 4s}
arms:
  narrow: {DB_POOL_SIZE: 5}
  wide: {DB_POOL_SIZE: 20}
  short-hold: {DB_POOL_SIZE: 5, PRICING_INSIDE_TRANSACTION: false}
  more-pricing: {DB_POOL_SIZE: 5, PRICING_CAPACITY: 200}
control: narrow
measures:
  pool_wait_share: {ratio: ['db_pool_wait_seconds_sum', 'http_request_duration_seconds_sum']}
predictions:
  - says: four times the pool gives at least 2.5 times the throughput
    measure: throughput
    compare: wide / narrow
    at_least: 2.5
  - says: so does giving the connection back before pricing is asked
    measure: throughput
    compare: short-hold / narrow
    at_least: 2.5
  - says: most of a request is spent waiting for a connection
    measure: pool_wait_share
    arm: narrow
    at_least: 0.7
rivals:
  - claim: pricing itself is too narrow
    says: if so, more pricing capacity helps while the pool stays narrow
    measure: throughput
    compare: more-pricing / narrow
    at_least: 1.2
budget: 5m
---
## Mechanism

Every request holds its connection while it asks **pricing**, which takes 150 ms.
With five connections no more than 5 / 0.15 s ≈ 33 requests a second get through.

- Falsified if a wider pool leaves the throughput as it is.
- Then look at the database itself: `pg_stat_activity`.

See [a paper](https://example.org/paper) and ![a picture](https://example.org/x.png).

<script>alert(1)</script>

What to do
----------

Give the connection back first.
"""

RATES = {"narrow": 31.2, "wide": 125.0, "short-hold": 160.0, "more-pricing": 31.3}
WAITS = {"narrow": 0.86, "wide": 0.55, "short-hold": 0.03, "more-pricing": 0.86}
BLOCKS = {"CONFIRMED": 4, "REFUTED": 4, "INCONCLUSIVE": 12, "INVALID": 4}


@dataclass(frozen=True)
class Run:
    """A run folder with everything that `render` needs."""

    run_folder: RunFolder
    hypothesis: Hypothesis
    plan: Plan
    verdict: Verdict

    @property
    def html(self) -> str:
        return self.run_folder.path("report.html").read_text(encoding="utf-8")

    @property
    def markdown(self) -> str:
        return self.run_folder.path("report.md").read_text(encoding="utf-8")


def build(reports: Path, name: str, *, bare: bool = False) -> Run:
    """Write a run with the verdict `name`; `bare` leaves out everything that is optional."""
    source = Path("hypotheses/pool-exhaustion.md")
    hypothesis = hypotheses.loads(TEXT, source, Path(__file__).parents[3])
    earlier = (
        Attempt("20250101-090000", "REFUTED", False),
        Attempt("20250102-090000", "INCONCLUSIVE", True),
        Attempt("20250102-100000", "CONFIRMED", True),
    )
    plan = replace(draw(hypothesis, 20250103, "local"), attempts=() if bare else earlier)
    run_folder = RunFolder(reports / hypothesis.name / f"20250103-{name.lower()}")
    for part in ("series", "profiles"):
        run_folder.path(part).mkdir(parents=True)
    run_folder.write_plan(plan, hypothesis.text)
    rates = dict(RATES)
    if name == "REFUTED":
        rates["wide"] = 33.0
    noise = 0.5 if name == "INCONCLUSIVE" else 0.015
    chance = random.Random(7)
    for block in range(1, BLOCKS[name] + 2):
        for position, step in enumerate(plan.orders[block - 1], 1):
            arm = step.arm
            rate = rates[arm] * chance.lognormvariate(0, noise)
            trial = _trial(chance, block, position, arm, rate)
            if (block == 3 or name == "INVALID") and position == 2:
                trial = replace(trial, faults=(_fault(),), gates={**trial.gates, "other_cpu": 0.61})
            run_folder.add_trial(trial)
            if not bare:
                _series(run_folder, chance, trial, rate)
            if trial.faults:
                break
    if not bare:
        run_folder.path("profiles", "narrow.txt").write_text(f"1.2 s  handle\n  {HOSTILE}\n```\n")
        run_folder.write_json("conditions.json", _conditions())
    verdict = judge(hypothesis, plan, run_folder.trials(), out_of_time=True, elapsed_s=141.2)
    assert verdict.verdict == name, verdict
    return Run(run_folder, hypothesis, plan, verdict)


def _latency(chance: random.Random, rate: float, count: int) -> Histogram:
    histogram = Histogram()
    for _ in range(count):
        histogram.add(50 / rate * chance.lognormvariate(0, 0.12) * 0.9)
    return histogram


def _trial(chance: random.Random, block: int, position: int, arm: str, rate: float) -> Trial:
    count = int(rate * 4)
    latency = _latency(chance, rate, count)
    wait = WAITS[arm] * latency.total * chance.uniform(0.985, 1.015)
    return Trial(
        block=block,
        position=position,
        arm=arm,
        started_at=1.7e9 + 30 * block + 6 * position,
        window_s=4.0,
        evidence=LoadEvidence(
            requests={
                ORDERS: Requests(count, 0, latency),
                RequestKey(f"/odd/{HOSTILE}", HOSTILE): Requests(2, 1, _latency(chance, rate, 2)),
            },
            counters={
                "db_pool_wait_seconds_sum": wait,
                'http_request_duration_seconds_sum{route="/orders"}': latency.total,
                'http_request_duration_seconds_count{route="/orders"}': float(count),
            },
            usage={
                "service": Usage(rate / 400, 0.5, 96e6, 41, 6),
                "database": Usage(rate / 700, 0.4, 210e6, 120, 12),
                "pricing": Usage(rate / 900, 0.3, 60e6, 70, 3),
                "driver": Usage(rate / 800, 0.35, 120e6, 90, 9),
            },
            ticker_late_p99_s=0.0012,
            errors={f"HTTP 500 {HOSTILE}": 1},
        ),
        gates={
            "alive": 0.0,
            "settings": 0.0,
            "scenario": 0.0,
            "other_cpu": 0.04 + 0.01 * position,
            "steal": 0.0,
            "ticker_late": 0.0012,
            "driver_cpu": 0.35,
            "errors": 0.0,
            "littles_law": 0.013 + 0.002 * block,
        },
    )


def _fault() -> Fault:
    return Fault(
        "other_cpu",
        "Other processes kept the machine busy: 0.61 cores (limit 0.25).",
        figure=0.61,
        limit=0.25,
    )


def _series(run_folder: RunFolder, chance: random.Random, trial: Trial, rate: float) -> None:
    writer = run_folder.series_writer(trial.block, trial.step)
    slow = WAITS[trial.arm] > 0.5
    for second in range(5):
        count = int(rate * chance.uniform(0.9, 1.1) * (0.6 if second == 0 else 1))
        seen = Requests(count, 0, _latency(chance, rate, count))
        writer.add(
            {
                "t": second + 1.0,
                "window": second > 0,
                "requests": requests_to_record({ORDERS: seen}),
                "usage": {
                    role: {"cpu": usage.cpu * chance.uniform(0.9, 1.1), "rss_bytes": 1e8}
                    for role, usage in trial.service.usage.items()
                },
                "metrics": {
                    "db_pool_in_use": 5.0 if slow else chance.uniform(1, 4),
                    f'jobs{{queue="{HOSTILE}"}}': 0.0,
                },
                "postgres": {"active": 3, "waiting": int(slow), "waits": {"Client:ClientRead": 4}},
            }
        )
    writer.close()


def _conditions() -> dict[str, object]:
    return {
        "processor": "An example processor",
        "cores": 2,
        "commit": "0123456789abcdef",
        "packages": {"fastapi": "0.121.0", "uvicorn": "0.38.0", "uvloop": "0.22.1"},
        "pinned": {"driver": [0], "target": {"service": [1], "database": [1]}},
    }
