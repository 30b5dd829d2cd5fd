"""The loop: gate, run the plan, save each trial, look, stop. It yields events and draws nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lab.gates import OTHER_CPU, STEAL, TICKER_FLOOR_S, inspect
from lab.hypothesis import Hypothesis, loads
from lab.instruments.base import Driver, Watch, Watcher
from lab.instruments.load import DriverError
from lab.instruments.observation import Observation
from lab.instruments.sampler import Sampler, others_over, timer_lateness
from lab.notebook import Notebook, NotebookError
from lab.plan import Plan
from lab.stats.histogram import Histogram
from lab.targets.base import Identity, Profiled, Target, TargetError
from lab.trial import Fault, Requests, Trial
from lab.verdict import Verdict, judge

BUDGET_ENDED = "budget ended"
SETTLE_S = 20.0  # at most, after a voided block
PROFILE_WARMUP_S = 0.5
PROFILE_WINDOW_S = 2.0


@dataclass(frozen=True)
class TrialBegun:
    """A trial is about to be driven."""

    block: int
    position: int
    arm: str


@dataclass(frozen=True)
class Second:
    """A second of a trial has passed."""

    rate: float  # requests that ended in it, per second


@dataclass(frozen=True)
class TrialEnded:
    """A trial is on disk."""

    trial: Trial


@dataclass(frozen=True)
class BlockEnded:
    """A block is complete, or void; what the evidence says so far."""

    block: int
    faults: tuple[Fault, ...]
    standing: Verdict


@dataclass(frozen=True)
class Profiling:
    """An arm is being profiled, untimed."""

    arm: str


Event = TrialBegun | Second | TrialEnded | BlockEnded | Profiling


class Experiment:
    """One session of one run, all parts given."""

    def __init__(
        self,
        hypothesis: Hypothesis,
        plan: Plan,
        notebook: Notebook,
        target: Target,
        driver: Driver,
        began: float,
        watch: Watcher = Observation,
        steady: Callable[[], Mapping[str, Any]] = dict,
    ) -> None:
        self.hypothesis = hypothesis
        self.plan = plan
        self.notebook = notebook
        self.target = target
        self.driver = driver
        self._watch = watch
        self._steady = steady  # what must not change in the run
        self._conditions = steady()
        self._began = began  # when the command began, monotonic
        self._instances = {
            arm: {role: who.instance for role, who in target.identities(arm).items()}
            for arm in hypothesis.arms
        }
        self.standing = judge(hypothesis, plan, notebook.trials())

    def elapsed_s(self) -> float:
        """Seconds since the command began."""
        return time.monotonic() - self._began

    def run(self) -> Iterator[Event]:
        """Run blocks until the evidence decides, the plan or the budget ends."""
        trials = self.notebook.trials()
        earlier_s = elapsed_of(self.notebook.journal())
        block = max((trial.block for trial in trials), default=0)
        longest = 0.0
        while self.standing.verdict is None:
            block += 1
            if block > len(self.plan.orders) or self._over_budget(earlier_s + longest):
                self.notebook.add_journal(BUDGET_ENDED, elapsed_s=round(self.elapsed_s(), 3))
                return
            block_began = time.monotonic()
            faults: tuple[Fault, ...] = ()
            for position, arm in enumerate(self.plan.orders[block - 1], 1):
                yield TrialBegun(block, position, arm)
                trial = yield from self.trial(block, position, arm)
                trials.append(trial)
                self.notebook.add_trial(trial)
                yield TrialEnded(trial)
                if faults := trial.faults:
                    break  # the block is void: its other trials would be wasted
            longest = max(longest, time.monotonic() - block_began)
            self.standing = judge(self.hypothesis, self.plan, trials)
            self.notebook.add_journal("block", block=block, elapsed_s=round(self.elapsed_s(), 3))
            yield BlockEnded(block, faults, self.standing)
            if faults and self.standing.verdict is None:
                self._settle()

    def profiles(self) -> Iterator[Event]:
        """Profile every arm in a trial of its own that is never timed."""
        for arm in self.hypothesis.arms:
            yield Profiling(arm)
            try:
                copy = self.target.profile(arm)
                self._load_untimed(copy)
                text = copy.finish()
            except (TargetError, DriverError) as error:  # the verdict does not depend on it
                text = f"no profile: {error}"
            self.notebook.write_text(f"profiles/{arm}.txt", text)

    def _load_untimed(self, copy: Profiled) -> None:
        copy.wait()
        for _ in self.driver.drive(
            host=copy.url,
            users=self.hypothesis.load.users,
            warmup_s=PROFILE_WARMUP_S,
            window_s=PROFILE_WINDOW_S,
            seed=f"{self.plan.seed}-profile",
        ):
            pass

    def _settle(self) -> None:
        """Let a passing disturbance pass, so that it voids its own block only."""
        deadline = time.monotonic() + SETTLE_S
        while time.monotonic() < deadline:
            watch = Sampler({})
            watch.sample()
            late = timer_lateness(1.0)
            watch.sample()
            others, steal = others_over(watch.samples)
            if others <= OTHER_CPU and steal <= STEAL and late <= TICKER_FLOOR_S:
                return

    def _over_budget(self, more_s: float) -> bool:
        return self.elapsed_s() + more_s > self.hypothesis.budget_s

    def trial(self, block: int, position: int, arm: str) -> Generator[Event, None, Trial]:
        """Reset, drive and observe one trial; returns it with its faults."""
        blank = Trial(block, position, arm, time.time(), self.hypothesis.trial.window_s)
        if fault := self._changed() or self._stranger(arm):
            return replace(blank, faults=(fault,))
        try:
            self.target.reset(arm)
        except Exception as error:
            problem = (str(error).strip() or type(error).__name__).splitlines()[0]
            return replace(
                blank,
                faults=(
                    self._stranger(arm)
                    or Fault("alive", f"Arm {arm} cannot be reset: {problem}", mendable=False),
                ),
            )
        return (yield from self._drive(blank))

    def _drive(self, blank: Trial) -> Generator[Event, None, Trial]:
        arm = blank.arm
        observation: Watch | None = None
        tally = _Tally(self.hypothesis.load.users)
        series = self.notebook.series_writer(blank.block, arm)
        fault: Fault | None = None
        driven = False
        try:
            for message in self.driver.drive(
                host=self.target.url(arm),
                users=self.hypothesis.load.users,
                warmup_s=self.hypothesis.trial.warmup_s,
                window_s=self.hypothesis.trial.window_s,
                # the same shoppers for every arm of a block: they are compared as pairs
                seed=f"{self.plan.seed}-{blank.block}",
            ):
                if message["event"] == "opened":
                    roles = {**self.target.roles(arm), "driver": (self.driver.pid,)}
                    observation = self._watch(
                        self.target.url(arm),
                        roles,
                        lambda: self.target.activity(arm),
                        message["opens"],
                        message["closes"],
                    )
                elif message["event"] == "frame":
                    tally.add(message)
                    seen = {} if observation is None else observation.row()
                    row = {key: message[key] for key in ("t", "window", "requests")}
                    series.add({**row, **seen})
                    yield Second(tally.rate)
                else:
                    tally.drained = message["drained"]
            driven = True
        except DriverError as error:
            fault = Fault("alive", f"{error}", mendable=False)
        finally:
            if observation is not None:
                observation.finish(whole=driven)
            series.close()
        fault = self._stranger(arm) or fault
        trial = tally.into(blank)
        if observation is not None:
            others, steal = observation.others
            trial = replace(
                trial,
                counters=observation.counters,
                counters_uncertainty_s=observation.counters_uncertainty_s,
                usage=observation.usage,
                other_cpu=others,
                steal=steal,
            )
        if fault is not None:
            trial = replace(trial, faults=(fault,))
        return inspect(trial, self.hypothesis, tally.task_errors)

    def _changed(self) -> Fault | None:
        """Whether the conditions are no longer those that the run began under.

        What cannot be seen now has not changed: a dead driver is told as that.
        """
        now = self._steady()
        changed = [key for key, value in self._conditions.items() if now.get(key, value) != value]
        if not changed:
            return None
        return Fault(
            "conditions", f"Changed since the run began: {', '.join(changed)}.", mendable=False
        )

    def _stranger(self, arm: str) -> Fault | None:
        """Whether the arm answers with other settings, was restarted, or is dead.

        In this order: who answers as another arm is the graver finding than that one has ended.
        """
        try:
            found = self.target.identities(arm)
        except TargetError as error:
            how = self.target.dead(arm)
            reason = f"A process ended: {how}." if how else f"{error}."
            return Fault("alive", reason, mendable=False)
        answered = {key: value for who in found.values() for key, value in who.settings.items()}
        for setting, value in self.target.expected(arm).items():
            if answered.get(setting) != value:
                return Fault(
                    "settings",
                    f"Arm {arm} answers with other settings: {setting} is "
                    f"{answered.get(setting)}, not {value}.",
                    mendable=False,
                )
        if fault := self._restarted(arm, found):
            return fault
        how = self.target.dead(arm)
        return Fault("alive", f"A process ended: {how}.", mendable=False) if how else None

    def _restarted(self, arm: str, found: dict[str, Identity]) -> Fault | None:
        for role, who in found.items():
            if who.instance != self._instances[arm][role]:
                return Fault("settings", f"The {role} of arm {arm} was restarted.", mendable=False)
        return None


class _Tally:
    """Frames of the window, added up."""

    def __init__(self, users: int) -> None:
        self._users, self._fewest = users, users
        self.drained = True
        self._requests: dict[str, Requests] = {}
        self._errors: dict[str, int] = {}
        self._late: list[float] = []
        self.task_errors: dict[str, int] = {}
        self.rate = 0.0  # requests a second in the last frame
        self._until = 0.0

    def add(self, frame: dict[str, Any]) -> None:
        seen = {name: Requests.from_dict(data) for name, data in frame["requests"].items()}
        length, self._until = frame["t"] - self._until, frame["t"]
        self.rate = sum(requests.count for requests in seen.values()) / max(length, 1e-9)
        _count(self.task_errors, frame["task_errors"])
        if not frame["window"]:
            return
        self._late += frame["late"]
        self._fewest = min(self._fewest, frame["users"])
        _count(self._errors, frame["errors"])
        for name, requests in seen.items():
            known = self._requests.get(name, Requests(0, 0, Histogram()))
            known.latency.merge(requests.latency)
            self._requests[name] = Requests(
                known.count + requests.count, known.errors + requests.errors, known.latency
            )

    def into(self, trial: Trial) -> Trial:
        late = sorted(self._late)
        p99 = late[math.ceil(len(late) * 0.99) - 1] if late else 0.0
        return replace(
            trial,
            requests=self._requests,
            errors=self._errors,
            ticker_late_p99_s=p99,
            users_missing=self._users - self._fewest if self.drained else self._users,
        )


def _count(totals: dict[str, int], more: dict[str, int]) -> None:
    for text, count in more.items():
        totals[text] = totals.get(text, 0) + count


def elapsed_of(journal: list[dict[str, Any]]) -> float:
    """Seconds that the run's sessions took together, as far as each was noted."""
    total, current = 0.0, 0.0
    for entry in journal:
        if entry["event"] == "session began":
            total, current = total + current, 0.0
        current = max(current, float(entry.get("elapsed_s", 0.0)))
    return total + current


def sealed_hypothesis(notebook: Notebook, plan: Plan, project: Path) -> Hypothesis:
    """The claim as it was sealed; refuses a copy that was edited since."""
    path = notebook.path("hypothesis.md")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotebookError(f"{path}: cannot be read ({error})") from error
    hypothesis = loads(text, path, project, name=plan.hypothesis, sealed=True)
    if hypothesis.digest != plan.digest:
        raise NotebookError(
            f"{path}: edited since the run was sealed (its digest is not the plan's). "
            "Restore it: new bounds are never applied to old data"
        )
    return hypothesis


def verdict_of(notebook: Notebook, hypothesis: Hypothesis, plan: Plan) -> Verdict:
    """The verdict from what is on disk, and from nothing else."""
    journal = notebook.journal()
    return judge(
        hypothesis,
        plan,
        notebook.trials(),
        out_of_time=any(entry["event"] == BUDGET_ENDED for entry in journal),
        elapsed_s=elapsed_of(journal),
    )
