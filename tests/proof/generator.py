"""A generator that cannot keep up is never blamed on the service, nor a slow service on it."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from lab.experiment import BlockLoop, LoadTrials, block_loop
from lab.hypothesis import Allow, Bound, Hypothesis, LoadTest, OpenLoad, Prediction, Rival, load
from lab.runs.run_folder import RunFolder
from lab.trials.plan import draw
from lab.verdict.rule import judge
from tests.arrivals import Bench, bench, steady
from tests.disturbances import busy, throttled
from tests.fakes.target import FakeTarget
from tests.proof.record import Steps, publish
from tests.runs import ROOT
from tests.servers import Serving

RUNS = 4
SOUND_RATE = 500.0
QUICK = {"kind": "plain"}
SLOW: dict[str, Any] = {
    "kind": "queue",
    "servers": 2,
    "mean_s": 0.02,
    "exponential": False,
}  # 100 a second


@dataclass
class Arm(FakeTarget):
    """One server, asked under two names: what the lab sees of it is real."""

    server: Serving | None = None

    def url(self, arm: str) -> str:
        assert self.server is not None
        return self.server.url

    def roles(self, arm: str) -> dict[str, tuple[int, ...]]:
        assert self.server is not None
        return {"service": (self.server.process.pid,)}


def claim(
    prompt: bool, offered: OpenLoad, window_s: float, unsent: float | None = None
) -> Hypothesis:
    """That a server is prompt (or overloaded); the rival says the opposite of the other name."""
    shipped = load(ROOT / "hypotheses" / "pool-exhaustion.md", ROOT)
    bound = Bound(at_most=0.02) if prompt else Bound(at_least=0.25)
    other = Bound(at_least=0.04) if prompt else Bound(at_most=0.1)
    return replace(
        shipped,
        kind=LoadTest(offered, warmup_s=0.5, window_s=window_s, budget_s=600),
        arms={"one": {}, "other": {}},
        control="one",
        measures={},
        allow=Allow(unsent=unsent),
        predictions=(Prediction("it answers as it does", "latency_p95", bound, arm="one"),),
        rivals=(Rival("it does not", Prediction("so", "latency_p95", other, arm="other")),),
    )


@contextmanager
def undisturbed(pid: int) -> Iterator[None]:
    yield


@contextmanager
def neighbour(pid: int) -> Iterator[None]:
    with busy(300):
        yield


@dataclass(frozen=True)
class Case:
    """What is offered by whom to which server, and which verdicts are right."""

    name: str
    right: tuple[str, ...]
    rate: float = SOUND_RATE
    base: str = "FastHttpUser"
    server: Any = None
    disturb: Callable[[int], Any] = undisturbed
    max_users: int = 1000
    unsent: float | None = None


SPOILED = (
    Case("10,000 a second from a core that sends half as many", ("INVALID",), rate=9_999),
    Case("a costly client at 5,000 a second", ("INVALID",), rate=5_000, base="HttpUser"),
    Case(
        "the driver runs for a tenth of the time", ("INVALID", "CONFIRMED"),
        disturb=partial(throttled, share=0.1),
    ),
    Case(
        "the driver stands still for 40 ms in every 100", ("INVALID", "CONFIRMED"),
        disturb=partial(throttled, share=0.6),
    ),
    Case("a busy neighbour", ("INVALID", "CONFIRMED"), disturb=neighbour),
)  # fmt: skip
SOUND = (
    Case("nothing is wrong", ("CONFIRMED",)),
    Case("the service is overloaded, and is said to be", ("CONFIRMED",), 150, server=SLOW,
         max_users=100, unsent=0.9),
)  # fmt: skip


def prove() -> bool:
    """No spoiled run blames the service; sound ones are decided, or the check could not fail."""
    steps = Steps("generator")
    holds = True
    lines = ["| case | verdicts | first reason |", "| --- " * 3 + "|"]
    for case in (*SPOILED, *SOUND):
        runs = [
            steps.do(f"{case.name} {seed}", partial(_run, case, seed))
            for seed in range(1, RUNS + 1)
        ]
        holds &= all(run["verdict"] in case.right for run in runs)
        counts = Counter(str(run["verdict"]) for run in runs)
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in counts.items())
        lines.append(f"| {case.name} | {verdicts} | {runs[0]['reason']} |")
    lines += [
        "",
        f"{len(SPOILED) * RUNS} runs with a saturated or throttled generator against a server that "
        "answers at once. The claim says that it does, which is true: INVALID is right, REFUTED "
        f"would blame the service. {len(SOUND) * RUNS} sound runs beside them.",
    ]
    publish(
        "generator", "A generator that cannot keep up is not blamed on the service", lines, steps
    )
    return holds


def _run(case: Case, seed: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, bench(Path(folder)) as made:
        made.load(case.base, keep=False)
        return run(made, case, seed)


def run(made: Bench, case: Case, seed: int, window_s: float = 3.0) -> dict[str, Any]:
    """One experiment under a disturbance of its driver."""
    options = dict(case.server or QUICK)
    hypothesis = claim(
        case.server is None,
        steady(case.rate, window_s, max_users=case.max_users),
        window_s,
        case.unsent,
    )
    plan = draw(hypothesis, seed, "fake")
    run_folder = RunFolder.create(made.folder, "generator")
    run_folder.write_plan(plan, hypothesis.text)
    with made.serve(**options) as server, case.disturb(made.driver.pid):
        target = Arm({arm: {} for arm in hypothesis.arms}, server=server)
        trials = LoadTrials(hypothesis, plan, run_folder, target, made.driver)
        experiment = BlockLoop(hypothesis, plan, run_folder, trials, time.monotonic())
        # a disturbance that lasts is not waited for
        settle_s, block_loop.SETTLE_S = block_loop.SETTLE_S, 0.0
        try:
            for _ in experiment.run():
                pass
        finally:
            block_loop.SETTLE_S = settle_s
    verdict = judge(hypothesis, plan, run_folder.trials(), out_of_time=True)
    return {"verdict": verdict.verdict, "reason": (verdict.reasons or ("",))[0]}
