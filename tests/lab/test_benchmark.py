"""Benchmarks as a whole: settings, counts, growth, a run from file to report."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab.decision_margins import DecisionMargins, GateLimits
from lab.exit_codes import ExitCode
from lab.experiment.benchmark_block_runner import BenchmarkBlocks
from lab.hypothesis import Hypothesis, HypothesisError, ProcessLifetime, Step, loads
from lab.instruments.benchmark_file import BenchmarkFile
from lab.instruments.benchmark_outcome import MIN_LOOPS
from lab.instruments.benchmark_selection import BenchmarkFunction
from lab.machine.cpu_pinning import Cores
from lab.processes.child_processes import Children
from lab.reporting import render
from lab.runs.run_folder import RunFolder
from lab.targets.benchmark_target import BenchmarkTarget
from lab.trials.plan import Plan, PlannedSlices, draw
from lab.trials.trial import BenchmarkEvidence, Timing, Trial
from lab.verdict.record import Verdict
from lab.verdict.rule import judge
from tests.proof.bench import PLANTED, growth_text, planted_project
from tests.runs import ended, lab
from tests.undisturbed import undisturbed

SIZES = (64.0, 256.0, 1024.0, 4096.0, 16384.0)
TWIN = (PLANTED / "slower-twin.md").read_text()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return planted_project(tmp_path)


@pytest.fixture
def children() -> Iterator[Children]:
    with Children() as started:
        yield started


def read(text: str, project: Path) -> Hypothesis:
    return loads(text, project / "hypotheses" / "planted.md", project)


def test_a_setting_that_the_file_never_reads_is_refused(project: Path) -> None:
    text = TWIN.replace("SLOWER: true", "SLOWR: true")
    file = project / "hypotheses" / "slower-twin.md"
    file.write_text(text)
    done = lab("check", "slower-twin", project=project)
    assert done.returncode == 2
    line = next(n for n, found in enumerate(text.splitlines(), 1) if "SLOWR" in found)
    assert f"{file}:{line}: arm twin: SLOWR is not named in" in done.stderr


# --- counts --------------------------------------------------------------------------------

COUNTED = TWIN.replace(
    "rivals:",
    """  - says: it asks at most two statements
    count: statements
    arm: twin
    at_most: 2
rivals:""",
)


def counted(statements: int, arm: str = "twin", block: int = 1) -> Trial:
    return Trial(
        block, 1, arm, 0.0, 0.1,
        evidence=BenchmarkEvidence(
            Timing("min", 5, 1, 1.1 if arm == "twin" else 1.0, 1.2), {"statements": statements}
        ),
    )  # fmt: skip


def blocks(hypothesis: Hypothesis, trial: Callable[[Step, int], Trial], count: int) -> list[Trial]:
    order = draw(hypothesis, 1, "local").orders[0]
    return [
        replace(trial(step, block), repeat=order[:position].count(step))
        for block in range(1, count + 1)
        for position, step in enumerate(order, 1)
    ]


def in_one_launch(plan: Plan) -> Plan:
    """As runs were planned before a block had two launches."""
    halves = tuple(order[: len(order) // 2] for order in plan.orders)
    return replace(plan, orders=halves)


@pytest.mark.parametrize(("statements", "outcome"), [(2, "supported"), (3, "contradicted")])
def test_a_count_is_decided_by_two_processes(project: Path, statements: int, outcome: str) -> None:
    hypothesis = read(COUNTED, project)
    plan = draw(hypothesis, 1, "local")
    trials = blocks(hypothesis, lambda step, block: counted(statements, step.arm, block), 1)
    assert len(trials) == 2 * 2
    judged = judge(hypothesis, plan, trials).predictions[1]
    assert (judged.outcome, judged.decided_at) == (outcome, 1)


@pytest.mark.parametrize(("statements", "outcome"), [(2, "supported"), (3, "contradicted")])
def test_a_count_is_decided_by_two_blocks_of_a_run_with_one_launch(
    project: Path, statements: int, outcome: str
) -> None:
    hypothesis = read(COUNTED, project)
    plan = in_one_launch(draw(hypothesis, 1, "local"))
    trials = [counted(statements, step.arm, block) for block in (1, 2) for step in plan.orders[0]]
    one = judge(hypothesis, plan, [trial for trial in trials if trial.block == 1])
    assert (one.predictions[1].outcome, one.verdict) == ("undecided", None)
    verdict = judge(hypothesis, plan, trials)
    assert verdict.predictions[1].outcome == outcome
    assert verdict.predictions[1].decided_at == 2
    assert verdict.verdict == ("REFUTED" if outcome == "contradicted" else None)


def test_a_count_is_decided_by_one_block_of_a_run_with_three_processes_in_it(project: Path) -> None:
    """Runs that did not measure in slices are judged as they were."""
    hypothesis = read(COUNTED, project)
    drawn = draw(hypothesis, 1, "local")
    single = in_one_launch(drawn)
    plan = replace(single, orders=tuple(order * 3 for order in single.orders), slices=None)
    trials = [counted(3, step.arm) for step in plan.orders[0]]
    assert judge(hypothesis, plan, trials).predictions[1].decided_at == 1


# what else the machine does meanwhile is no matter here
BUSY = GateLimits(max_other_cpu=64, max_other_cpu_in_slices=64, max_steal=1)


class Renewed(BenchmarkTarget):
    """Counts how often its databases are replaced."""

    times = 0

    def renew(self) -> None:
        self.times += 1


class Bench:
    """Runs blocks of a file in place of the planted one."""

    def __init__(
        self,
        project: Path,
        children: Children,
        code: str,
        databases: ProcessLifetime | None = None,
    ) -> None:
        (project / "scenarios" / "bench_planted.py").write_text(code)
        self.hypothesis = read(COUNTED, project)
        self.plan = replace(
            draw(self.hypothesis, 1, "local"),
            slices=PlannedSlices(0.01, MIN_LOOPS),
            margins=DecisionMargins(gates=BUSY),
            databases=databases,
        )
        self.target = Renewed(children, Cores((), ()), None, database=False)
        self.run_folder = RunFolder.create(project / "reports", "planted")
        self.runner = BenchmarkBlocks(
            self.hypothesis,
            self.plan,
            self.run_folder,
            self.target,
            BenchmarkFile(children, project, Cores((), ()), "scenarios/bench_planted.py"),
            BenchmarkFunction("test_twin", {None: "scenarios/bench_planted.py::test_twin"}),
        )

    def block(self, *blanks: Trial) -> list[Trial]:
        made = list(ended(self.runner.block(blanks)))
        for trial in made:
            self.run_folder.add_trial(trial)
        return made


COUNTING = """\
import os, pathlib
SEEN = pathlib.Path('seen')
def test_twin(benchmark):
    with SEEN.open('a') as file:
        file.write('begin ')
    benchmark(sum, range(100))
    benchmark.extra_info['statements'] = STATEMENTS
    with SEEN.open('a') as file:
        file.write('end ')
"""


@pytest.mark.slow
@pytest.mark.parametrize(("databases", "times"), [(None, 0), ("kept", 0), ("fresh", 2)])
def test_fresh_databases_are_made_before_each_block(
    project: Path, children: Children, databases: ProcessLifetime | None, times: int
) -> None:
    bench = Bench(project, children, COUNTING.replace("STATEMENTS", "1"), databases)
    for block in (1, 2):
        bench.block(*(Trial(block, 1, "twin", 0.0, 0.0, repeat=launch) for launch in (1, 2)))
    assert bench.target.times == times


@pytest.mark.slow
@pytest.mark.parametrize("second", [(1, 2), (2, 1)], ids=["launch", "block"])
def test_a_count_that_differs_between_processes_makes_the_run_invalid(
    project: Path, children: Children, second: tuple[int, int]
) -> None:
    bench = Bench(
        project, children, COUNTING.replace("STATEMENTS", "SEEN.read_text().count('begin')")
    )
    blanks = [
        Trial(block, 1, "twin", 0.0, 0.0, repeat=launch) for block, launch in ((1, 1), second)
    ]
    if second == (1, 2):
        made = bench.block(*blanks)
    else:
        made = [trial for blank in blanks for trial in bench.block(blank)]
    evidence = made[0].evidence
    assert isinstance(evidence, BenchmarkEvidence)
    assert evidence.counts == {"statements": 1}
    assert len(evidence.slices) == MIN_LOOPS
    verdict = judge(bench.hypothesis, bench.plan, bench.run_folder.trials())
    assert verdict.verdict == "INVALID"
    assert "statements of twin was 1 in one process and 2 in another" in verdict.reasons[0]
    assert bench.run_folder.trials() == made
    assert min(bench.run_folder.rounds(made[0])) == evidence.timing.min_s


@pytest.mark.slow
def test_the_launches_of_a_block_follow_each_other(project: Path, children: Children) -> None:
    """Two processes of an arm and value at a time would share its database."""
    bench = Bench(project, children, COUNTING.replace("STATEMENTS", "7"))
    made = bench.block(*(Trial(1, launch, "twin", 0.0, 0.0, repeat=launch) for launch in (1, 2)))
    assert (project / "seen").read_text() == "begin end begin end "
    assert [trial.repeat for trial in made] == [1, 2]
    slices = [
        trial.evidence.slices for trial in made if isinstance(trial.evidence, BenchmarkEvidence)
    ]
    assert [[each.position for each in own] for own in slices] == [[1, 2, 3], [4, 5, 6]]
    loops = [bench.run_folder.rounds(trial) for trial in made]
    assert loops[0] and loops[1] and loops[0] != loops[1]
    assert bench.run_folder.trials() == made
    assert made[0].other_cpu == made[1].other_cpu  # of both together
    assert made[0].surroundings == made[1].surroundings is not None


@pytest.mark.slow
def test_if_the_second_launch_fails_its_trial_alone_is_kept(
    project: Path, children: Children
) -> None:
    code = COUNTING.replace("STATEMENTS", "1 / (2 - SEEN.read_text().count('begin'))")
    bench = Bench(project, children, code)
    made = bench.block(*(Trial(1, launch, "twin", 0.0, 0.0, repeat=launch) for launch in (1, 2)))
    assert [(trial.repeat, trial.faults[0].gate) for trial in made] == [(2, "alive")]
    assert "ZeroDivisionError" in made[0].faults[0].message


# --- growth --------------------------------------------------------------------------------

GROWING: dict[str, Callable[[float], float]] = {
    "constant": lambda n: 20,
    "logarithm": lambda n: 20 + 4 * math.log2(n),
    "slight-logarithm": lambda n: 80 + 4 * math.log2(n),
    "linear": lambda n: 20 + n / 100,
    "quadratic": lambda n: 20 + n * n / 2e5,
}


def grown(
    project: Path, planted: str, claim: str, seed: int, keep: RunFolder | None = None
) -> Verdict:
    """Made-up processes with 5 % of noise, judged block by block as a run does."""
    hypothesis = read(growth_text(planted, claim), project)
    plan = draw(hypothesis, seed, "local")
    generator = np.random.default_rng(seed)

    def trial(step: Step, block: int) -> Trial:
        assert step.level is not None
        time = GROWING[planted](step.level) * 1e-6 * math.exp(generator.normal(0, 0.05))
        timing = Timing("min", 5, 1, time, time)
        return Trial(block, 1, step.arm, 0.0, 0.05, step.level, evidence=BenchmarkEvidence(timing))

    trials = blocks(hypothesis, trial, plan.last_look)
    if keep is not None:
        keep.write_plan(plan, hypothesis.text)
        for made in trials:
            keep.add_trial(made)
            assert isinstance(made.evidence, BenchmarkEvidence)
            keep.write_rounds(made, [made.evidence.timing.min_s] * 5)
    for count in range(plan.first_look, plan.last_look + 1):
        verdict = judge(hypothesis, plan, [t for t in trials if t.block <= count])
        if verdict.verdict is not None:
            return verdict
    raise AssertionError("never judged")


@pytest.mark.parametrize("claim", ["constant", "linear", "quadratic"])
@pytest.mark.parametrize("planted", list(GROWING))
def test_growths_are_told_apart(project: Path, planted: str, claim: str) -> None:
    verdicts = [grown(project, planted, claim, seed).verdict for seed in range(5)]
    if planted == claim:
        assert verdicts.count("CONFIRMED") >= 4, verdicts
    else:
        assert "CONFIRMED" not in verdicts


@pytest.mark.slow
def test_the_report_draws_time_by_size_with_a_row_for_every_size(project: Path) -> None:
    run_folder = RunFolder.create(project / "reports", "planted")
    verdict = grown(project, "linear", "linear", 1, run_folder)
    hypothesis = read(growth_text("linear", "linear"), project)
    render(run_folder, hypothesis, run_folder.plan(), verdict)
    page, markdown = (run_folder.path(f"report.{kind}").read_text() for kind in ("html", "md"))
    for report in (page, markdown):
        assert "n^1.0" in report or "n^0.9" in report
        assert "predicted: linear: exponent within 0.8 to 1.25" in report
    assert page.count('class="chart"') == 2 + 3  # two predictions, two scales, the rounds
    for size in SIZES:
        assert re.search(rf"\| planted \| {size:,.0f} \| [1-9]", markdown)


# --- the whole of it -----------------------------------------------------------------------


@pytest.mark.real
def test_a_run_from_file_to_report(project: Path) -> None:
    text = TWIN.replace("budget: 2m", "budget: 15s")
    (project / "hypotheses" / "slower-twin.md").write_text(text)
    done = lab("run", "slower-twin", "--seed", "1", "--no-profile", project=project)
    if done.returncode == ExitCode.INVALID:
        undisturbed(done)
    assert done.returncode in (0, 3), done.stdout + done.stderr
    folder = project / "reports" / "slower-twin" / "latest"
    verdict = (folder / "verdict.json").read_bytes()
    assert json.loads(verdict)["verdict"] != "REFUTED"

    assert lab("judge", "slower-twin", project=project).returncode == 0
    assert (folder / "verdict.json").read_bytes() == verdict
    assert lab("report", "slower-twin", project=project).returncode == 0
    assert "Timed loops of every process" in (folder / "report.html").read_text()
    assert "### Processes" in (folder / "report.md").read_text()

    trials = RunFolder.open(folder).trials()
    for trial in trials:
        assert isinstance(trial.evidence, BenchmarkEvidence)
        rounds = RunFolder.open(folder).rounds(trial)
        assert len(rounds) == trial.evidence.timing.rounds
        assert len(trial.evidence.slices) == 15
        assert trial.repeat in (1, 2)
        assert min(rounds) == trial.evidence.timing.min_s


def test_a_benchmark_runs_on_this_machine_only(project: Path) -> None:
    (project / "hypotheses" / "slower-twin.md").write_text(TWIN)
    done = lab("run", "slower-twin", "--target", "compose", project=project)
    assert done.returncode == 2
    assert "leave --target out" in done.stderr


def test_one_arm_and_one_size_leave_nothing_to_compare(project: Path) -> None:
    text = TWIN.replace("  twin: {SLOWER: true}\n", "").replace("twin / original", "original")
    with pytest.raises(HypothesisError, match="fewer than two arms"):
        read(text.replace("compare:", "arm:"), project)
