"""A hypothesis and a seed become blocks of trials in random order, before the first trial."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from lab.decision_margins import LOOKS, DecisionMargins
from lab.files.format_versions import Schema, unchanged
from lab.hypothesis import (
    SLICE_S,
    Benchmark,
    Hypothesis,
    LoadTest,
    ProcessLifetime,
    SoakTest,
    Step,
)
from lab.trials.process_lifetime import choose_lifetime

SCHEMA = Schema("lab.plan", 2, upgrade=unchanged)  # version 1 has no margins
ALPHA, FIRST_LOOK, LAST_LOOK = LOOKS
SPARE_BLOCKS = 12  # orders beyond the last look, for voided and interrupted blocks
MIN_LAUNCHES, MAX_LAUNCHES = 2, 5  # of a benchmark's arm and value in a block, each a fresh process
LAUNCH_S = 1.0  # seconds that a launch measures at least, where there are more than the fewest
LOCAL = "local"  # the target of runs on this machine
_FORMERLY_LOCAL = "embedded"  # what plans of earlier versions call it


@dataclass(frozen=True)
class Attempt:
    """An earlier run of a hypothesis of the same name."""

    run: str
    verdict: str
    same_claim: bool  # False if predictions, bounds or arms were edited since


@dataclass(frozen=True)
class DetectableSlope:
    """The smallest slope that a soak of the planned length is likely to find.

    Attributes:
        series: The time series.
        subject: The arm, or the two arms whose difference is meant.
        bound: The predicted bound, in words.
        smallest: In the unit of the series, per hour.
        noise: The noise that was assumed, and its source, in words.
        is_too_large: Whether the prediction is about smaller slopes.
    """

    series: str
    subject: str
    bound: str
    smallest: float
    noise: str
    is_too_large: bool

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        return {
            "slope": self.series,
            "subject": self.subject,
            "bound": self.bound,
            "least": self.smallest,
            "noise": self.noise,
            "below": self.is_too_large,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DetectableSlope:
        """The inverse of `as_dict`."""
        return cls(
            series=data["slope"],
            subject=data["subject"],
            bound=data["bound"],
            smallest=data["least"],
            noise=data["noise"],
            is_too_large=data["below"],
        )


@dataclass(frozen=True)
class PlannedSlices:
    """How the processes of a benchmark measure in turn.

    Attributes:
        length_s: Of a slice, seconds.
        count: Of each process: rounds over all that are alive, in random order.
    """

    length_s: float
    count: int


@dataclass(frozen=True)
class PlannedWorkers:
    """The processes that share a load.

    Attributes:
        local: How many the lab starts on this machine.
        remote: How many join from other machines; each is started there with `lab worker`.
    """

    local: int
    remote: int = 0

    @property
    def total(self) -> int:
        """How many there are in all."""
        return self.local + self.remote

    def __str__(self) -> str:
        if self.total == 1:
            return "1 worker, joined by lab worker" if self.remote else "1 worker"
        where = f", {self.remote} of them joined by lab worker" if self.remote else ""
        return f"{self.total} workers{where}"


@dataclass(frozen=True)
class Plan:
    """What will be done, written down before the first trial.

    Attributes:
        hypothesis: Its name.
        digest: Of the hypothesis file.
        claim_digest: Of what decides the verdict.
        seed: Of the orders, and of whatever else is random in the run.
        orders: The trials of each block; more blocks than `last_look`, for voided ones. Of a
            benchmark, an arm and value has a trial for each of its launches.
        target: Where the system runs.
        attempts: Earlier runs of the hypothesis.
        alpha: Error rate of a decision, one side.
        first_look: Blocks before the first decision.
        last_look: Blocks at most.
        margins: All other constants that decide.
        length_s: Of all blocks of a soak together; None for other kinds.
        detectable: What a soak of this length can find, for each predicted slope of known noise.
        slices: Of a benchmark; None for other kinds, and for runs that did not measure in slices.
        processes: Whether the arms of a load test get fresh processes before each block; None for
            other kinds, and for runs that were planned when they never did.
        revisions: The commit of each arm that is a revision of the code.
        workers: That share the load; None: a single process makes it, as in all earlier plans.
    """

    hypothesis: str
    digest: str
    claim_digest: str
    seed: int
    orders: tuple[tuple[Step, ...], ...]
    target: str
    attempts: tuple[Attempt, ...] = ()
    alpha: float = ALPHA
    first_look: int = FIRST_LOOK
    last_look: int = LAST_LOOK
    margins: DecisionMargins = field(default_factory=DecisionMargins)
    length_s: float | None = None
    detectable: tuple[DetectableSlope, ...] = ()
    slices: PlannedSlices | None = None
    processes: ProcessLifetime | None = None
    databases: ProcessLifetime | None = None
    revisions: Mapping[str, str] = field(default_factory=dict)
    workers: PlannedWorkers | None = None

    @property
    def target_name(self) -> str:
        """The target by the name that it has now."""
        return LOCAL if self.target == _FORMERLY_LOCAL else self.target

    @property
    def local_workers(self) -> int:
        """How many processes of this machine make the load, or steer it: at least 1."""
        return 1 if self.workers is None else max(1, self.workers.local)

    @property
    def voids_allowed(self) -> int:
        """How many blocks may be voided before the run is INVALID."""
        return self.last_look // self.margins.blocks_per_void

    @property
    def trials_of_each_step(self) -> int:
        """In a block: the launches of a benchmark, else 1."""
        order = self.orders[0]
        return len(order) // len(set(order))

    @property
    def blocks_for_a_count(self) -> int:
        """After how many blocks at least two processes have counted at every step."""
        return 1 if self.trials_of_each_step > 1 else 2

    def as_dict(self) -> dict[str, Any]:
        """As plain JSON types."""
        data = {
            "schema": str(SCHEMA),
            "hypothesis": self.hypothesis,
            "digest": self.digest,
            "claim_digest": self.claim_digest,
            "seed": self.seed,
            "orders": [[str(step) for step in order] for order in self.orders],
            "target": self.target,
            "attempts": [vars(attempt) for attempt in self.attempts],
            "alpha": self.alpha,
            "first": self.first_look,
            "last": self.last_look,
            "margins": self.margins.as_dict(),
            "length_s": self.length_s,
            "detectable": [each.as_dict() for each in self.detectable],
        }
        if self.slices is not None:
            data["slices"] = vars(self.slices)
        if self.processes is not None:
            data["processes"] = self.processes
        if self.databases is not None:
            data["databases"] = self.databases
        if self.revisions:
            data["revisions"] = dict(self.revisions)
        if self.workers is not None:
            data["workers"] = asdict(self.workers)
        return data

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Plan:
        """The inverse of `as_dict`; KeyError or TypeError for what is no plan."""
        return cls(
            hypothesis=data["hypothesis"],
            digest=data["digest"],
            claim_digest=data["claim_digest"],
            seed=data["seed"],
            orders=tuple(tuple(map(Step.parse, order)) for order in data["orders"]),
            target=data["target"],
            attempts=tuple(Attempt(**attempt) for attempt in data["attempts"]),
            alpha=data["alpha"],
            first_look=data["first"],
            last_look=data["last"],
            margins=DecisionMargins.from_dict(data.get("margins", {})),
            length_s=data.get("length_s"),
            detectable=tuple(map(DetectableSlope.from_dict, data.get("detectable", ()))),
            slices=PlannedSlices(**data["slices"]) if "slices" in data else None,
            processes=data.get("processes"),
            databases=data.get("databases"),
            revisions=data.get("revisions", {}),
            workers=PlannedWorkers(**data["workers"]) if "workers" in data else None,
        )


def draw(hypothesis: Hypothesis, seed: int, target: str) -> Plan:
    """Draws the order of every block from the seed, with spare blocks for voided ones.

    The processes of a benchmark start in this order, launch after launch;
    that of their slices follows from seed and block. A soak has no spare blocks and decides once,
    after the last one.
    """
    generator = random.Random(seed)
    steps, kind = hypothesis.steps, hypothesis.kind
    pairs = kind.pairs if isinstance(kind, SoakTest) else None
    margins = DecisionMargins()
    chosen = choose_lifetime(hypothesis, margins.fresh_within, target)
    lifetimes = {} if chosen is None else {chosen.subject: chosen.lifetime}
    launches = launches_of(kind.window_s) if isinstance(kind, Benchmark) else 1
    orders = tuple(
        tuple(step for _ in range(launches) for step in generator.sample(steps, len(steps)))
        for _ in range(pairs or LAST_LOOK + SPARE_BLOCKS)
    )
    return Plan(
        hypothesis=hypothesis.name,
        digest=hypothesis.digest,
        claim_digest=hypothesis.claim_digest,
        seed=seed,
        orders=orders,
        target=target,
        first_look=pairs or FIRST_LOOK,
        last_look=pairs or LAST_LOOK,
        margins=margins,
        slices=_slices(kind) if isinstance(kind, Benchmark) else None,
        processes=lifetimes.get("processes"),
        databases=lifetimes.get("databases"),
        workers=None if isinstance(kind, Benchmark) else _workers(kind),
    )


def _workers(kind: LoadTest | SoakTest) -> PlannedWorkers | None:
    """As the file says: all on this machine."""
    return PlannedWorkers(kind.load.workers) if kind.load.workers > 1 else None


def launches_of(window_s: float) -> int:
    """How many launches share the window of a benchmark.

    Now and then a process is slower by a quarter until it ends. The median of five launches leaves
    it out, the mean of two does not.
    """
    return min(max(int(window_s / LAUNCH_S + 1e-9), MIN_LAUNCHES), MAX_LAUNCHES)


def _slices(kind: Benchmark) -> PlannedSlices:
    """The launches of an arm and value share its slices."""
    return PlannedSlices(SLICE_S, math.ceil(kind.slices / launches_of(kind.window_s)))
