"""Progress of a run on the terminal: a live display of the loop's events, or plain lines."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from lab.cli.durations import clock, time_of_day_in
from lab.cli.verdict_table import judgement_table
from lab.experiment import (
    ArmsRestarting,
    BlockEnded,
    Event,
    IntervalElapsed,
    ProcessesStarting,
    Profiling,
    SecondElapsed,
    SlicesMeasured,
    TrialBegun,
    TrialEnded,
    slopes_so_far,
)
from lab.hypothesis import Benchmark, Hypothesis, SoakTest
from lab.measures.number_format import MISSING
from lab.trials.measure_values import measure
from lab.trials.plan import Plan
from lab.trials.trial import Trial
from lab.verdict.record import Verdict
from lab.verdict.wording import estimate_text

_PLAIN_S = 60.0  # between two plain lines of a soak
_SWITCH_S = 1.0  # between two trials, roughly, until a whole block was timed


class Progress:
    """Shows block, arm, estimates so far and time left. A context manager."""

    def __init__(self, hypothesis: Hypothesis, plan: Plan) -> None:
        self._hypothesis, self._plan = hypothesis, plan
        kind = hypothesis.kind
        self._launches = plan.trials_of_each_step
        self._trial_s = 0.0 if isinstance(kind, SoakTest) else kind.trial_s / self._launches
        self._console = Console(highlight=False)
        self._is_live = self._console.is_terminal
        self._stage = ""
        self._interim: Verdict | None = None
        self._trial: TrialBegun | None = None
        self._trial_began = 0.0
        self._slices: SlicesMeasured | None = None
        self._distrust = ""  # of the latest trial
        self._block = 0
        self._block_began = 0.0
        self._block_s: float | None = None  # of the latest whole block
        self._rate = ""
        self._printed_at_s = 0.0  # of the block of a soak
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
        if self._is_live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the live display: what follows is printed line by line."""
        if self._is_live:
            self._live.stop()
        self._is_live = False

    def waiting(self, holder: int | None) -> None:
        """Another run holds the machine."""
        self._console.print(
            f"waiting: another run is measuring (process {holder or 'unknown'}); Ctrl-C gives up"
        )

    def notice(self, text: str) -> None:
        """What the user should know, as what a scenario is waited for; it stays on the terminal."""
        self._print(text, keep=True)

    def stage(self, text: str) -> None:
        """Show what is done now, other than a trial."""
        self._stage, self._trial = text, None
        self._print(f"{text} ...")

    def show(self, event: Event) -> None:
        """Show one event of the loop."""
        match event:
            case TrialBegun():
                self._begin_block(event.block)
                self._trial, self._trial_began, self._rate = event, time.monotonic(), ""
            case ArmsRestarting(block, arms):
                self._begin_block(block)
                self.stage(f"block {block}: fresh processes for {arms} arms")
            case SecondElapsed(rate):
                self._rate = f"{rate:.0f} requests/s"
            case ProcessesStarting(launch, processes):
                self._begin_block(launch.block)
                self._slices, self._stage = None, f"{launch}: starting {processes} processes"
            case SlicesMeasured():
                self._show_slices(event)
            case TrialEnded(trial):
                self._show_trial(trial)
            case BlockEnded():
                self._show_block(event)
            case IntervalElapsed():
                self._show_interval(event)
            case Profiling(arm):
                self.stage(f"profiling {arm} (untimed)")

    def _begin_block(self, block: int) -> None:
        """Note when a block began, at the first event that is of it."""
        if block != self._block:
            self._block, self._block_began = block, time.monotonic()

    def _show_slices(self, event: SlicesMeasured) -> None:
        """Show how far the slices of a launch are; in plain lines only what there will be."""
        if event.done == 1:
            self._print(f"{event.launch}: {_slices_text(event)}")
        self._slices = event if event.done < event.slices else None
        self._stage = f"{event.launch}: finishing {event.processes} processes"

    def _show_trial(self, trial: Trial) -> None:
        distrust = "" if trial.trusted else trial.faults[0].message
        is_new = distrust != self._distrust  # trials measured in turn share what voids them
        self._distrust = distrust
        said = f"  not trusted: {distrust}" if distrust and is_new else ""
        launch = f", launch {trial.repeat}" if self._launches > 1 else ""
        self._print(
            f"block {trial.block} {trial.step}{launch}: {self._result(trial)}{said}",
            keep=bool(said),
        )

    def _show_block(self, event: BlockEnded) -> None:
        self._interim, self._distrust = event.interim_verdict, ""
        if not event.faults:
            self._block_s = time.monotonic() - self._block_began
        for judgement in (*self._interim.predictions, *self._interim.rivals):
            self._print(
                f"  {judgement.measure} {judgement.subject}: "
                f"{estimate_text(judgement) or MISSING}, "
                f"predicted {judgement.bound}: {judgement.outcome}"
            )

    def _show_interval(self, event: IntervalElapsed) -> None:
        self._stage, self._trial = self._soak_line(event), None
        is_new_block = event.passed_s < self._printed_at_s
        if is_new_block or event.passed_s >= self._printed_at_s + _PLAIN_S:
            self._printed_at_s = event.passed_s
            self._print(self._stage)

    def _soak_line(self, event: IntervalElapsed) -> str:
        """The block of a soak, the time left, and each slope so far."""
        blocks = len(self._plan.orders)
        left_s = (blocks - event.block) * (self._plan.length_s or 0.0) / blocks
        left_s += event.block_s - event.passed_s
        slopes = slopes_so_far(
            self._hypothesis,
            self._plan,
            {arm: trial.time_series() for arm, trial in event.trials.items()},
        )
        so_far = "; ".join(f"{subject} {slope}" for subject, slope in slopes.items())
        return (
            f"block {event.block} of {blocks}, {clock(left_s)} left "
            f"(until {time_of_day_in(left_s)}){': ' if so_far else ''}{so_far}"
        )

    def _result(self, trial: Trial) -> str:
        if isinstance(self._hypothesis.kind, Benchmark):
            per_call = self._measured(trial, "time")
            return "no slices" if per_call is None else f"{per_call:.4g} s a call"
        rate = self._measured(trial, "throughput")
        return f"{rate:.1f} requests/s" if rate is not None else "no request"

    def _measured(self, trial: Trial, name: str) -> float | None:
        margins = self._plan.margins.measures
        return measure(trial, name, self._hypothesis.measures, margins=margins)

    def _print(self, text: str, *, keep: bool = False) -> None:
        """Print a plain line; above a live display only one to keep."""
        if not self._is_live or keep:
            self._console.print(Text(text), soft_wrap=True)

    def _draw(self) -> Group:
        line = Table.grid(padding=(0, 1))
        if self._slices is not None:
            line.add_row(*self._slices_line(self._slices))
            return Group(line, *self._estimates())
        if self._trial is None:
            line.add_row(Text(self._stage + " ..."))
            return Group(line, *self._estimates())
        first, last = self._plan.first_look, self._plan.last_look
        passed_s = min(time.monotonic() - self._trial_began, self._trial_s)
        line.add_row(
            Text(f"block {self._blocks_done() + 1} of {first} to {last}"),
            Text(f"trial {self._trial.position}/{len(self._plan.orders[0])}"),
            Text(str(self._trial.step), style="bold"),
            ProgressBar(total=self._trial_s, completed=passed_s, width=24),
            Text(self._rate),
            Text(self._time_left()),
        )
        return Group(line, *self._estimates())

    def _slices_line(self, event: SlicesMeasured) -> tuple[RenderableType, ...]:
        first, last = self._plan.first_look, self._plan.last_look
        return (
            Text(f"block {self._blocks_done() + 1} of {first} to {last}"),
            *([Text(f"launch {event.launch.number}")] if self._launches > 1 else []),
            Text(_slices_text(event)),
            ProgressBar(total=event.slices, completed=event.done, width=24),
            Text(self._time_left()),
        )

    def _estimates(self) -> list[Table]:
        return [judgement_table(self._interim)] if self._blocks_done() and self._interim else []

    def _blocks_done(self) -> int:
        return self._interim.blocks if self._interim else 0

    def _time_left(self) -> str:
        """The time to the first look that may decide, and to the last."""
        block_s = self._block_s or len(self._plan.orders[0]) * (self._trial_s + _SWITCH_S)
        in_block_s = time.monotonic() - self._block_began
        done = self._blocks_done()

        def left_s(blocks: int) -> float:
            return max(0.0, (max(blocks, done + 1) - done) * block_s - in_block_s)

        first_s, last_s = left_s(self._plan.first_look), left_s(self._plan.last_look)
        return f"{clock(first_s)} left, {clock(last_s)} at most"


def _slices_text(event: SlicesMeasured) -> str:
    """What the slices of a launch are, in words."""
    one = event.processes == 1
    return (
        f"{event.processes} process{'' if one else 'es'}, {event.slices} slices of "
        f"{event.slice_s * 1000:g} ms each{'' if one else ' in random order'}"
    )
