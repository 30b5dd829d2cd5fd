"""A soak: all arms side by side for hours, looked at every few seconds.

The time is cut into blocks. In each, every arm begins with fresh processes and is driven at the
same rate until the block ends: one life of each arm, which is its trial. An interval is on disk
before the next begins. A life that was cut (by a crash, or because the lab itself ended) goes on
as a new segment of the same trial, with fresh processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from typing import Any

from lab.experiment.driver_stream import DriverStream
from lab.experiment.events import BlockEnded, Event, IntervalElapsed
from lab.experiment.load_trials import request_of
from lab.experiment.soak_trial import SoakTrial
from lab.experiment.stored_run import BUDGET_ENDED
from lab.gates import inspect_soak
from lab.hypothesis import Hypothesis, OpenLoad, Step
from lab.instruments.interface import Driver
from lab.instruments.interval_sampler import HttpIntervalSampler, IntervalSample, IntervalSampler
from lab.instruments.load_driver import DriverError
from lab.plan import Plan
from lab.run_folder import RunFolder
from lab.targets.interface import Target, TargetError
from lab.trial import Fault, Trial
from lab.verdict import judge

INTERVAL_S = 5.0
SWITCH_S = 8.0  # between two blocks: fresh processes, the seeded state, the last answers
GRACE_S = 1.0  # that a driver's last frame of an interval may take
LEAST_INTERVALS = 12  # in a block: two thirds of them make the fewest bins of a slope


def block_s(length_s: float, pairs: int, interval_s: float = INTERVAL_S) -> float:
    """How long an arm is driven in each block: whole intervals, what a switch takes left out."""
    return max(0.0, (length_s / pairs - SWITCH_S) // interval_s * interval_s)


def least_s(pairs: int) -> float:
    """The shortest soak of so many blocks."""
    return pairs * (SWITCH_S + LEAST_INTERVALS * INTERVAL_S)


class SoakExperiment:
    """One session of one soak, all parts given; stands where `Experiment` does."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        run_folder: RunFolder,
        target: Target,
        drivers: Mapping[str, Driver],
        began: float,
        looking: Callable[[], IntervalSampler] = HttpIntervalSampler,
        interval_s: float = INTERVAL_S,
        steady: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        assert hypothesis.soak is not None
        assert plan.length_s is not None
        self.hypothesis = hypothesis
        self.plan = plan
        self.run_folder = run_folder
        self._target = target
        self._drivers = drivers
        self._began = began
        self._looking = looking
        self._interval_s = interval_s
        self._steady = steady
        self._conditions = steady()
        self._block_s = block_s(plan.length_s, hypothesis.soak.pairs, interval_s)
        self._fresh = True  # the arms were started just now
        self.interim_verdict = judge(hypothesis, plan, run_folder.trials())

    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def run(self) -> Iterator[Event]:
        """Run the blocks that are left; one that was cut goes on."""
        ended = {(trial.block, trial.arm) for trial in self.run_folder.trials()}
        for block, order in enumerate(self.plan.orders, 1):
            if self.interim_verdict.verdict is not None:
                return
            # of a block that was over when the lab ended, one life may be kept and another not yet
            left = [step for step in order if (block, step.arm) not in ended]
            if not left:
                continue
            lives = yield from self._block(block, left)
            for life in lives:
                self.run_folder.finish_soak_trial(life)
            trials = self.run_folder.trials()
            self.interim_verdict = judge(
                self.hypothesis, self.plan, trials, out_of_time=self._last(block)
            )
            self.run_folder.add_journal("block", block=block, elapsed_s=round(self.elapsed_s(), 3))
            faults = tuple(fault for life in lives for fault in life.faults)
            yield BlockEnded(block, faults, self.interim_verdict)
        self.run_folder.add_journal(BUDGET_ENDED, elapsed_s=round(self.elapsed_s(), 3))

    def profiles(self) -> Iterator[Event]:
        """None: a soak's arms are told apart by what grows in them, not by where time goes."""
        yield from ()

    def _last(self, block: int) -> bool:
        return block == len(self.plan.orders)

    def _block(self, block: int, steps: Sequence[Step]) -> Generator[Event, None, list[Trial]]:
        lives = {
            step.arm: self._life(block, position, step) for position, step in enumerate(steps, 1)
        }
        left_s = self._block_s - max(life.until for life in lives.values())
        if left_s >= self._interval_s:
            try:
                self._renew(lives)
                yield from self._drive(block, lives, left_s)
            except (TargetError, DriverError) as error:
                for life in lives.values():
                    life.fault(Fault("alive", f"{error}.", mendable=False))
        return [inspect_soak(life.whole(), self.hypothesis) for life in lives.values()]

    def _life(self, block: int, position: int, step: Step) -> SoakTrial:
        known = self.run_folder.life(block, step)
        if known is None:
            # killed before the first record was written, after the first interval was
            course = self.run_folder.course(block, step)
            known = Trial(block, position, step.arm, time.time(), 0.0, course=course)
        return SoakTrial(known, self._interval_s)

    def _renew(self, lives: Mapping[str, SoakTrial]) -> None:
        """Fresh processes for every arm, on the seeded state where its life begins."""
        for arm, life in lives.items():
            if not self._fresh:
                self._target.restart(arm)
            if not life.until:
                self._target.reset(arm)
            life.begin_segment()
        self._fresh = False

    def _drive(self, block: int, lives: Mapping[str, SoakTrial], left_s: float) -> Iterator[Event]:
        looking = self._looking()
        feeds = {arm: self._feed(block, arm, left_s) for arm in lives}
        try:
            opened = max(feed.opening() for feed in feeds.values())
            for arm in lives:
                self._follow(looking, arm)
            base = max(life.until for life in lives.values())
            for index in range(1, int(left_s / self._interval_s + 1e-9) + 1):
                until = index * self._interval_s
                for arm, life in lives.items():
                    for frame in feeds[arm].frames(until, opened + until + GRACE_S):
                        life.add(frame)
                looks, others = looking.look()
                for arm, life in lives.items():
                    row = life.interval(base + until, looks[arm], others)
                    self.run_folder.add_interval(block, life.step, row, life.trial())
                yield IntervalElapsed(block, base + until, self._block_s, lives)
                if self._ended(looking, lives, looks):
                    return
                if index == LEAST_INTERVALS and self._blind(lives):
                    return
            for arm, life in lives.items():
                life.close(feeds[arm].close())
        finally:
            looking.close()

    def _follow(self, looking: IntervalSampler, arm: str) -> None:
        roles = {**self._target.roles(arm), "driver": (self._drivers[arm].pid,)}
        looking.follow(arm, self._target.url(arm), roles)

    def _feed(self, block: int, arm: str, left_s: float) -> DriverStream:
        load = self.hypothesis.load
        assert isinstance(load, OpenLoad)
        return DriverStream(
            self._drivers[arm].drive(
                host=self._target.url(arm),
                load=request_of(load.over(left_s)),
                warmup_s=0.0,
                window_s=left_s,
                seed=f"{self.plan.seed}-{block}",  # the same arrivals for every arm
            )
        )

    def _blind(self, lives: Mapping[str, SoakTrial]) -> bool:
        """Whether a series that is asked for was not seen: it is misspelt, and hours are lost."""
        soak, blind = self.hypothesis.soak, False
        assert soak is not None
        limited = [] if soak.exhaustion is None else [soak.exhaustion.of]
        for arm, life in lives.items():
            slopes = [p.slope for p in self.hypothesis.all_predictions if p.slope and arm in p.arms]
            course = life.course()
            lacking = [each for each in (*slopes, *limited) if course.series(each) is None]
            if lacking:
                message = f"No evidence for {lacking[0]} of arm {arm}: its service exports no such"
                life.fault(Fault("evidence", f"{message} series.", mendable=False))
                blind = True
        return blind

    def _ended(
        self,
        looking: IntervalSampler,
        lives: Mapping[str, SoakTrial],
        looks: Mapping[str, IntervalSample],
    ) -> bool:
        """Whether the block cannot go on; an arm that may crash is started again."""
        for arm, life in lives.items():
            how, stranger = self._target.dead(arm), None
            if how is None and looks[arm].gauges:  # one that hangs would hold up every arm
                stranger = self._stranger(arm, life)
            if stranger:
                life.fault(stranger)
                return True
            if how is None:
                continue
            if not self.hypothesis.allow.crash:
                life.fault(Fault("alive", f"A process ended: {how}.", mendable=False))
                return True
            url = self._target.url(arm)
            self._target.restart(arm)
            if self._target.url(arm) != url:
                raise TargetError(f"arm {arm} came back at another address than {url}")
            life.crashed(how)
            self._follow(looking, arm)
        if changed := self._changed():
            next(iter(lives.values())).fault(changed)
            return True
        return False

    def _stranger(self, arm: str, life: SoakTrial) -> Fault | None:
        """Whether the arm answers as another, or as one that started again by itself."""
        try:
            found = self._target.identities(arm)
        except TargetError:
            return None  # too busy to answer: its errors and its latency tell of that
        answered = {key: value for who in found.values() for key, value in who.settings.items()}
        for setting, value in self._target.expected(arm).items():
            if answered.get(setting) != value:
                problem = f"{setting} is {answered.get(setting)}, not {value}"
                return Fault(
                    "settings", f"Arm {arm} answers with other settings: {problem}.", mendable=False
                )
        for role, who in found.items():
            if not life.knows(role, who.instance):
                if not self.hypothesis.allow.crash:
                    return Fault(
                        "settings", f"The {role} of arm {arm} was restarted.", mendable=False
                    )
                life.crashed(f"the {role} of arm {arm} started again by itself")
                life.knows(role, who.instance)
        return None

    def _changed(self) -> Fault | None:
        now = self._steady()
        changed = [key for key, value in self._conditions.items() if now.get(key, value) != value]
        if not changed:
            return None
        return Fault(
            "conditions", f"Changed since the run began: {', '.join(changed)}.", mendable=False
        )
