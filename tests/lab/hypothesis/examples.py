"""A good hypothesis file, and variants of it."""

from __future__ import annotations

from pathlib import Path

from lab.hypothesis import Hypothesis, loads

BROKEN = Path(__file__).parent / "broken"
PLANTED = Path(__file__).parents[2] / "planted"
GOOD = """\
---
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
  pool_wait_share: {ratio: ['db_pool_wait_seconds_sum', 'http_request_duration_seconds_sum{route="/orders"}']}
allow: {error_rate: 0.0}
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
A connection is held while pricing is asked, so five shoppers at a time are served.
"""  # noqa: E501


def make_project(folder: Path) -> Path:
    """A project with a locustfile, a benchmark file and no hypothesis."""
    (folder / "scenarios").mkdir(parents=True)
    for name in ("checkout", "bench_pagination", "soak_orders"):
        (folder / "scenarios" / f"{name}.py").touch()
    return folder


def edited(project: Path, old: str, new: str) -> Hypothesis:
    """The good file with a piece of its text replaced."""
    assert old in GOOD
    return loads(GOOD.replace(old, new), Path("pool-exhaustion.md"), project)
