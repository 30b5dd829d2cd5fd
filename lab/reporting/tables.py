"""Tables of the report, free of any format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lab import gates
from lab.analysis.block_values import Block
from lab.hypothesis import Benchmark, Hypothesis, LoadTest, Step, Sweep
from lab.measures import measure, total
from lab.number_format import MISSING, low_to_high, or_missing, per_second, percentage, seconds
from lab.plan import Plan
from lab.reporting import wording
from lab.stats.histogram import Histogram
from lab.trial import LoadEvidence, Trial
from lab.verdict import sort_blocks

ROLES = ("service", "database", "pricing", "driver")


@dataclass(frozen=True)
class Table:
    """Rows of text under a head; figures are aligned to the right."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    align: str  # "l" or "r" per column

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """Each head with its alignment."""
        return tuple(zip(self.head, self.align, strict=True))


@dataclass(frozen=True)
class Evidence:
    """All trials of a run, and those of them that count."""

    hypothesis: Hypothesis
    trials: tuple[Trial, ...]
    blocks: tuple[Block, ...]  # that count

    @classmethod
    def gather(cls, hypothesis: Hypothesis, plan: Plan, trials: Sequence[Trial]) -> Evidence:
        """Sort out the trials whose block counts."""
        blocks = sort_blocks(trials, plan).complete[: plan.last]
        return cls(
            hypothesis,
            tuple(sorted(trials, key=lambda trial: (trial.block, trial.position))),
            blocks,
        )

    @property
    def counted(self) -> tuple[Trial, ...]:
        """The trials of the blocks that count."""
        return tuple(t for block in self.blocks for trials in block.values() for t in trials)

    @property
    def arms(self) -> tuple[str, ...]:
        """The arms in the order of the hypothesis."""
        return tuple(self.hypothesis.arms)

    @property
    def level(self) -> float | None:
        """The level at which arms are shown side by side: of a sweep, the highest."""
        return self.hypothesis.levels[-1]

    @property
    def at(self) -> str:
        """The same in words, to follow what is shown there."""
        if self.level is None:
            return ""
        match self.hypothesis.kind:
            case LoadTest(load=Sweep(axis="users")):
                return f" at {self.level:g} users"
            case _:
                return f" at {self.level:g} arrivals a second"

    def of(self, arm: str) -> tuple[Trial, ...]:
        """The trials of an arm that count, of a sweep those at the highest level."""
        return tuple(trial for trial in self.counted if trial.step == Step(arm, self.level))

    def values(self, arm: str, name: str) -> list[float]:
        """A measure of an arm, a value for each block in which there is one."""
        found = (measure(trial, name, self.hypothesis.measures) for trial in self.of(arm))
        return [value for value in found if value is not None]

    def latency(self, arm: str, request: str | None = None) -> Histogram:
        """Latencies of an arm over all trials that count."""
        merged = Histogram()
        for trial in self.of(arm):
            merged.merge(total(trial, request).latency)
        return merged


def quantiles(latency: Histogram) -> tuple[str, ...]:
    """Median, p95 and p99."""
    return tuple(
        or_missing(seconds, latency.quantile(q), wording.REFUSED) for q in (0.5, 0.95, 0.99)
    )


def arms(evidence: Evidence) -> Table:
    """What was compared, and what each arm yielded."""
    hypothesis = evidence.hypothesis
    rows: list[tuple[str, ...]] = []
    for arm in evidence.arms:
        own = {
            key: value
            for key, value in hypothesis.arms[arm].items()
            if hypothesis.settings.get(key) != value
        }
        named = (
            f"{arm} (control)" if arm == hypothesis.control else arm,
            ", ".join(f"{key}={value}" for key, value in own.items()) or "as in every arm",
        )
        if isinstance(hypothesis.kind, Benchmark):
            rows.append(named)
            continue
        rows.append(
            (
                *named,
                low_to_high(per_second, evidence.values(arm, "throughput")),
                *quantiles(evidence.latency(arm)),
                low_to_high(percentage, evidence.values(arm, "error_rate")),
            )
        )
    if isinstance(hypothesis.kind, Benchmark):
        return Table(("arm", "settings"), tuple(rows), "ll")
    head = ("arm", "settings", "throughput", "p50", "p95", "p99", "errors")
    return Table(head, tuple(rows), "llrrrrr")


def requests(evidence: Evidence) -> Table:
    """Every request name by arm, over the trials that count."""
    rows = []
    for arm in evidence.arms:
        for name in sorted({name for trial in evidence.of(arm) for name in trial.service.requests}):
            parts = [total(trial, name) for trial in evidence.of(arm)]
            rows.append(
                (
                    arm,
                    name,
                    f"{sum(part.count for part in parts):,}",
                    f"{sum(part.errors for part in parts):,}",
                    f"{sum(part.socket_errors for part in parts):,}",
                    *quantiles(evidence.latency(arm, name)),
                )
            )
    head = (
        "arm",
        "request",
        "requests",
        "errors",
        "of them without an answer",
        "p50",
        "p95",
        "p99",
    )
    return Table(head, tuple(rows), "llrrrrrr")


def arrivals(evidence: Evidence) -> Table:
    """What became of an open load's arrivals, by arm, over the trials that count."""
    rows = []
    for arm in evidence.arms:
        seen = [
            trial.evidence.dispatch
            for trial in evidence.of(arm)
            if isinstance(trial.evidence, LoadEvidence) and trial.evidence.dispatch is not None
        ]
        if not seen:
            continue
        due, unsent = sum(one.scheduled for one in seen), sum(one.unsent for one in seen)
        rows.append(
            (
                arm,
                f"{due:,}",
                f"{sum(one.sent for one in seen):,}",
                f"{unsent:,} ({percentage(unsent / max(due, 1))})",
                f"{sum(one.unanswered for one in seen):,}",
                seconds(max(one.lag_p99_s for one in seen)),
                seconds(max(one.wait_p99_s for one in seen)),
                f"{max(one.users for one in seen):,}",
            )
        )
    head = (
        *("arm", "due", "sent", "unsent", "unanswered"),
        *("dispatched late", "waited for a user", "users"),
    )
    return Table(head, tuple(rows), "l" + "r" * 7)


def errors(evidence: Evidence) -> Table:
    """Errors seen in any trial, trusted or not, most frequent first."""
    seen: Counter[tuple[str, str]] = Counter()
    for trial in evidence.trials:
        for text, count in trial.service.errors.items():
            seen[trial.arm, text] += count
    rows = tuple((arm, text, f"{count:,}") for (arm, text), count in seen.most_common())
    return Table(("arm", "error", "times"), rows, "llr")


def gate_figures(evidence: Evidence) -> Table:
    """The worst figure of each gate, its limit, and the blocks that it voided."""
    faults = [(trial, fault) for trial in evidence.trials for fault in trial.faults]
    names = [name for trial in evidence.trials for name in trial.gates]
    units = {gate.name: gate.unit for gate in gates.GATES}
    rows = []
    for gate in dict.fromkeys([*names, *(fault.gate for _, fault in faults)]):
        form = wording.unit_format(units.get(gate, "unknown"))
        seen = [(trial.gates[gate], trial) for trial in evidence.trials if gate in trial.gates]
        worst = MISSING
        if seen:
            figure, trial = max(seen, key=lambda pair: pair[0])
            worst = form(figure)
            if figure:
                worst += f" (block {trial.block}, {trial.step})"
        own = [(trial, fault) for trial, fault in faults if fault.gate == gate]
        limits = [fault.limit for _, fault in own if fault.limit is not None]
        voided = f"{len({trial.block for trial, _ in own})}" if own else "none"
        if limits:
            voided += f" (limit {low_to_high(form, limits)})"
        rows.append((gate, gates.describe(gate), worst, voided))
    return Table(("gate", "what it demands", "worst figure", "blocks voided"), tuple(rows), "llll")


def voided(evidence: Evidence) -> tuple[str, ...]:
    """Which trials voided their block, and why."""
    return tuple(
        f"Block {trial.block}, {trial.step}: {fault.message}"
        for trial in evidence.trials
        for fault in trial.faults
    )


def trials(evidence: Evidence) -> Table:
    """Every trial, trusted or not."""
    custom = tuple(evidence.hypothesis.measures)
    roles = in_order(role for trial in evidence.trials for role in trial.service.usage)
    throttled = [
        role
        for role in roles
        if any(
            own.throttled
            for trial in evidence.trials
            if (own := trial.service.usage.get(role)) is not None
        )
    ]
    faulty = {trial.block for trial in evidence.trials if trial.faults}
    counted = {trial.block for trial in evidence.counted}
    rows: list[tuple[str, ...]] = []
    for trial in evidence.trials:
        usage = trial.service.usage
        if trial.faults:
            trusted = "no: " + ", ".join(dict.fromkeys(fault.gate for fault in trial.faults))
        elif trial.block in counted:
            trusted = "yes"
        else:
            trusted = "block voided" if trial.block in faulty else "block unfinished"
        if isinstance(evidence.hypothesis.kind, Benchmark):
            time = _figure(evidence.hypothesis, trial, "time")
            others = f"{trial.other_cpu:.2f}"
            rows.append((str(trial.block), str(trial.step), trusted, time, others))
            continue
        rows.append(
            (
                str(trial.block),
                str(trial.step),
                trusted,
                *(
                    _figure(evidence.hypothesis, trial, name)
                    for name in ("throughput", "latency_p50", "latency_p95", "error_rate", *custom)
                ),
                *(f"{usage[role].cpu:.2f}" if role in usage else MISSING for role in roles),
                *(
                    percentage(usage[role].throttled or 0.0) if role in usage else MISSING
                    for role in throttled
                ),
            )
        )
    if isinstance(evidence.hypothesis.kind, Benchmark):
        return Table(("block", "arm", "trusted", "time", "others' CPU"), tuple(rows), "rllrr")
    head = (
        "block", "arm", "trusted", "throughput", "p50", "p95", "errors",
        *(name.replace("_", " ") for name in custom), *(f"{role} CPU" for role in roles),
        *(f"{role} throttled" for role in throttled),
    )  # fmt: skip
    return Table(head, tuple(rows), "rll" + "r" * (len(head) - 3))


def conditions(data: Mapping[str, Any]) -> tuple[tuple[str, Table], ...]:
    """What the run ran on: a table for each part."""
    parts = {key: value for key, value in data.items() if isinstance(value, Mapping)}
    loose = {key: value for key, value in data.items() if key not in parts}
    if loose:
        parts = {"general": loose, **parts}
    return tuple(
        (title, Table(("condition", "value"), tuple(_flat(part)), "ll"))
        for title, part in parts.items()
        if part
    )


def attempts(plan: Plan) -> Table:
    """Every earlier run of this hypothesis."""
    rows = tuple(
        (attempt.run, attempt.verdict, "the same" if attempt.same_claim else "edited since")
        for attempt in plan.attempts
    )
    return Table(("run", "verdict", "claim"), rows, "lll")


def in_order(roles: Iterable[str]) -> tuple[str, ...]:
    """Roles without doubles, the known ones first."""
    found = set(roles)
    return (*(role for role in ROLES if role in found), *sorted(found.difference(ROLES)))


def _figure(hypothesis: Hypothesis, trial: Trial, name: str) -> str:
    value = measure(trial, name, hypothesis.measures)
    is_share = value is not None and 0 <= value <= 1
    form = wording.measure_format(name, hypothesis.measures, is_share)
    missing = wording.REFUSED if name.startswith("latency_p") else MISSING
    return or_missing(form, value, missing)


def _flat(data: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for key, value in data.items():
        name = f"{path}{key}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{name} › ")
        elif isinstance(value, list):
            yield name, ", ".join(str(item) for item in value)
        else:
            yield name, MISSING if value is None else str(value)
