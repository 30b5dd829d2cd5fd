"""Live progress of a run: a display that renders the loop's events, or plain lines."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lab.cli.soak_planning import clock, ends_at
from lab.cli.verdict_table import judgement_table
from lab.experiment import (
    BlockEnded,
    Event,
    IntervalElapsed,
    Profiling,
    SecondElapsed,
    TrialBegun,
    TrialEnded,
    slopes_so_far,
)
from lab.hypothesis import Benchmark, Hypothesis, SoakTest
from lab.measure_values import measure
from lab.number_format import MISSING
from lab.trial import Trial
from lab.trial_plan import Plan
from lab.verdict_record import Verdict
from lab.verdict_wording import estimate_text

_PLAIN_S = 60.0  # between two lines of a soak, where there is no live display


class Progress:
    """Shows block, arm, estimates so far and time left. A context manager."""

    def __init__(self, hypothesis: Hypothesis, plan: Plan) -> None:
        self._hypothesis, self._plan = hypothesis, plan
        kind = hypothesis.kind
        self._trial_s = 0.0 if isinstance(kind, SoakTest) else kind.trial_s
        self._console = Console(highlight=False)
        self._fancy = self._console.is_terminal
        self._stage = ""
        self._standing: Verdict | None = None
        self._trial: TrialBegun | None = None
        self._trial_began = 0.0
        self._block_began = 0.0
        self._block_s: float | None = None  # how long a block takes, once one was seen
        self._rate = ""
        self._said_at = 0.0  # of the block: when a plain line last told of a soak
        self._live = Live(
            console=self._console,
            get_renderable=self._draw,
            refresh_per_second=4,
            transient=True,
        )

    def __enter__(self) -> Progress:
        self._console.print(
            Text.assemble((self._hypothesis.name, "bold"), f"  {self._hypothesis.question}")
        )
        if self._fancy:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._fancy:
            self._live.stop()

    def waiting(self, holder: int | None) -> None:
        """Another run holds the machine."""
        self._console.print(
            f"waiting: another run is measuring (process {holder or 'unknown'}); Ctrl-C gives up"
        )

    def stage(self, text: str) -> None:
        """Something is done that is no trial."""
        self._stage, self._trial = text, None
        self._say(f"{text} ...")

    def show(self, event: Event) -> None:
        """Render one event of the loop."""
        match event:
            case TrialBegun():
                if event.position == 1:
                    self._block_began = time.monotonic()
                self._trial, self._trial_began, self._rate = event, time.monotonic(), ""
            case TrialEnded(trial):
                words = self._yielded(trial)
                mark = "" if trial.trusted else f"  not trusted: {trial.faults[0].message}"
                self._say(
                    f"block {trial.block} {trial.step}: {words}{mark}", keep=not trial.trusted
                )
            case BlockEnded():
                self._standing = event.interim_verdict
                if not event.faults:
                    self._block_s = time.monotonic() - self._block_began
                for judgement in (
                    *event.interim_verdict.predictions,
                    *event.interim_verdict.rivals,
                ):
                    estimate = estimate_text(judgement) or MISSING
                    self._say(
                        f"  {judgement.measure} {judgement.subject}: {estimate}, "
                        f"predicted {judgement.bound}: {judgement.outcome}"
                    )
            case IntervalElapsed():
                self._stage, self._trial = self._soaked(event), None
                if event.passed_s >= self._said_at + _PLAIN_S or event.passed_s < self._said_at:
                    self._said_at = event.passed_s
                    self._say(self._stage)
            case Profiling(arm):
                self.stage(f"profiling {arm} (untimed)")
            case SecondElapsed(rate):
                self._rate = f"{rate:.0f} requests/s"

    def _soaked(self, event: IntervalElapsed) -> str:
        """Where a soak is, the time left, and each slope so far."""
        blocks = len(self._plan.orders)
        left_s = (blocks - event.block) * (self._plan.length_s or 0.0) / blocks
        left_s += event.block_s - event.passed_s
        slopes = slopes_so_far(
            self._hypothesis, {arm: trial.time_series() for arm, trial in event.trials.items()}
        )
        so_far = "; ".join(f"{what} {figure}" for what, figure in slopes.items())
        return (
            f"block {event.block} of {blocks}, {clock(left_s)} left (until {ends_at(left_s)})"
            f"{': ' if so_far else ''}{so_far}"
        )

    def _yielded(self, trial: Trial) -> str:
        if isinstance(self._hypothesis.kind, Benchmark):
            per_call = measure(trial, "time", self._hypothesis.measures)
            return "no rounds" if per_call is None else f"{per_call:.4g} s a call"
        rate = measure(trial, "throughput", self._hypothesis.measures)
        return f"{rate:.1f} requests/s" if rate is not None else "no request"

    def _say(self, text: str, *, keep: bool = False) -> None:
        """A plain line; in a live display only what should stay."""
        if not self._fancy or keep:
            self._console.print(Text(text), soft_wrap=True)

    def _draw(self) -> Group:
        line = Table.grid(padding=(0, 1))
        if self._trial is None:
            line.add_row(Text(self._stage + " ..."))
            return Group(line, *self._estimates())
        planned = self._trial_s
        passed = min(time.monotonic() - self._trial_began, planned)
        line.add_row(
            Text(f"block {self._done() + 1} of {self._plan.first_look} to {self._plan.last_look}"),
            Text(f"trial {self._trial.position}/{len(self._plan.orders[0])}"),
            Text(str(self._trial.step), style="bold"),
            ProgressBar(total=planned, completed=passed, width=24),
            Text(self._rate),
            Text(self._left()),
        )
        return Group(line, *self._estimates())

    def _estimates(self) -> list[Table]:
        return [judgement_table(self._standing)] if self._standing and self._standing.blocks else []

    def _done(self) -> int:
        return self._standing.blocks if self._standing else 0

    def _left(self) -> str:
        """Time to the first look that may decide, and to the last."""
        block_s = self._block_s or len(self._plan.orders[0]) * (self._trial_s + 1)
        in_block = time.monotonic() - self._block_began

        def left(blocks: int) -> float:
            return max(0.0, (max(blocks, self._done() + 1) - self._done()) * block_s - in_block)

        first, last = left(self._plan.first_look), left(self._plan.last_look)
        return f"{_clock(first)} left, {_clock(last)} at most"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
