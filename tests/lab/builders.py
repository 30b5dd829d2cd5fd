"""Made-up trials: their figures are given, what the lab computes from them is tested."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from lab.decision_margins import DecisionMargins, MeasureMargins
from lab.driver_messages import RequestKey
from lab.hypothesis import Bound, Comparison, Hypothesis, Load, LoadTest, Prediction, Rival, loads
from lab.stats.latency_histogram import Histogram
from lab.trials.plan import Plan, draw
from lab.trials.trial import Dispatch, LoadEvidence, Requests, Trial, Usage

PROJECT = Path(__file__).parent.parent.parent
ORDERS = RequestKey("/orders", "POST")
_FILE = PROJECT / "hypotheses" / "pool-exhaustion.md"
_LEFT_TO_THE_LAB = {", slices: off": "", "window: 3500ms": "window: 4s"}


def _shipped() -> Hypothesis:
    """pool-exhaustion, but the lab chooses the slices, of windows of 4 s."""
    text = _FILE.read_text()
    for written, instead in _LEFT_TO_THE_LAB.items():
        assert written in text
        text = text.replace(written, instead)
    return loads(text, _FILE, PROJECT)


SHIPPED = _shipped()
ON_TIME = Dispatch(
    scheduled=400,
    sent=400,
    waiting=0,
    undispatched=0,
    lag_p99_s=0.0004,
    wait_p99_s=0.0001,
    users=20,
)


def claim(*predictions: Prediction, rivals: Sequence[Rival] = ()) -> Hypothesis:
    """The shipped hypothesis with other predictions."""
    return replace(SHIPPED, predictions=predictions, rivals=tuple(rivals))


def with_load(hypothesis: Hypothesis, load: Load) -> Hypothesis:
    """The same load test with another load."""
    assert isinstance(hypothesis.kind, LoadTest)
    return replace(hypothesis, kind=replace(hypothesis.kind, load=load))


def ratio(at_least: float, compare: str = "wide / narrow", says: str = "it helps") -> Prediction:
    """A prediction on throughput."""
    left, right = compare.split(" / ")
    return Prediction(
        says,
        "throughput",
        Bound(at_least=at_least),
        compare=Comparison(left, right),
    )


def plan(hypothesis: Hypothesis = SHIPPED, seed: int = 1) -> Plan:
    """A plan for it."""
    return draw(hypothesis, seed, "local")


def of_equal_blocks(made: Plan) -> Plan:
    """The plan, of fakes whose blocks are all equal: they decide nevertheless."""
    return replace(made, margins=DecisionMargins(measures=MeasureMargins(equal_values=0.0)))


def trial(arm: str, rate: float, block: int = 1, **changes: object) -> Trial:
    """A sound trial of four seconds at so many requests a second."""
    window_s = 4.0
    count = round(rate * window_s)
    latency = Histogram()
    latency.add_many([0.1 + 0.0001 * i for i in range(count)])
    evidence = LoadEvidence(
        requests={ORDERS: Requests(count, 0, latency)} if count else {},
        counters={
            "http_in_flight_request_seconds_total": latency.total,
            'http_request_duration_seconds_sum{route="/orders"}': latency.total,
            'http_request_duration_seconds_count{route="/orders"}': float(count),
            "db_pool_wait_seconds_sum": 0.9 * latency.total,
        },
        usage={
            "service": Usage(0.3, 0.4, 1e8, 50, 5),
            "database": Usage(0.1, 0.1, 1e8, 50, 5),
            "pricing": Usage(0.05, 0.1, 1e8, 50, 5),
            "driver": Usage(0.1, 0.2, 1e8, 50, 5),
        },
        ticker_late_p99_s=0.001,
    )
    made = Trial(
        block=block,
        position=1,
        arm=arm,
        started_at=0.0,
        window_s=window_s,
        evidence=evidence,
    )
    return altered(made, **changes)


def arrivals(**changes: object) -> Trial:
    """A sound trial of narrow at 100 arrivals a second, 400 in all."""
    return trial("narrow", 100, dispatch=replace(ON_TIME, **changes))  # type: ignore[arg-type]


def altered(made: Trial, **changes: object) -> Trial:
    """The trial with other fields, of its own or of its evidence."""
    own = {name: changes.pop(name) for name in Trial.__dataclass_fields__ if name in changes}
    if changes:
        assert made.evidence is not None
        own["evidence"] = replace(made.evidence, **changes)  # type: ignore[arg-type]
    return replace(made, **own)  # type: ignore[arg-type]


def blocks(rates: Mapping[str, Sequence[float]]) -> list[Trial]:
    """A trial of each arm per block: arm -> its rate in each block; the other arms stay at 100."""
    length = len(next(iter(rates.values())))
    return [
        trial(arm, rates.get(arm, [100.0] * length)[index], block=index + 1)
        for index in range(length)
        for arm in SHIPPED.arms
    ]
