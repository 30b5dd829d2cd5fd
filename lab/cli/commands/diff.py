"""`lab diff`: two revisions of the code compared, without a hypothesis file."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.result_files import JunitOption, ResultFiles, SummaryOption
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.cli.comparison_text import Workload
    from lab.cli.run_preparation import PreparedRun, RunOptions
    from lab.files.project_folder import Project

_PERCENTAGE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?%")
_SLOWER = "5%"
_ARMS = ("before", "after")
_TARGET = "local"  # the only one that can run revisions

ScenarioOption = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="What is measured: a locustfile below scenarios/."),
]
BenchmarkOption = Annotated[
    str | None,
    typer.Option(
        metavar="FILE[::test]", help="What is measured: a benchmark file below scenarios/."
    ),
]
ParameterOption = Annotated[
    list[str] | None,
    typer.Option("--param", metavar="NAME=VALUE", help="A value of a parametrized benchmark."),
]
DatabaseOption = Annotated[
    bool, typer.Option("--database", help="Give the benchmark a PostgreSQL database.")
]
UsersOption = Annotated[int | None, typer.Option(help="Users of the scenario.", show_default="4")]
BudgetOption = Annotated[
    str, typer.Option(metavar="TIME", help="Time for the run; building comes before it.")
]


def command(
    revisions: Annotated[
        str,
        typer.Argument(
            metavar="BEFORE..AFTER",
            help="Two revisions of Git; three dots compare with the merge base; `worktree` is "
            "the working tree, uncommitted changes included.",
        ),
    ],
    scenario: ScenarioOption = None,
    benchmark: BenchmarkOption = None,
    slower_than: Annotated[
        str | None,
        typer.Option(
            metavar="SHARE", help="Claim that it is not slower than this.", show_default=_SLOWER
        ),
    ] = None,
    faster_than: Annotated[
        str | None, typer.Option(metavar="SHARE", help="Claim that it is faster than this.")
    ] = None,
    param: ParameterOption = None,
    database: DatabaseOption = False,
    users: UsersOption = None,
    budget: BudgetOption = "10m",
    seed: Annotated[
        int | None,
        typer.Option(help="Seed of all random orders.", show_default="drawn at random"),
    ] = None,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Stop if another run is measuring.")
    ] = False,
    profile: Annotated[
        bool,
        typer.Option(
            "--profile/--no-profile",
            help="Profile both after the verdict, in runs that are not timed.",
        ),
    ] = True,
    junit: JunitOption = None,
    summary: SummaryOption = None,
) -> None:
    """Compare two revisions: is the second one not slower, or is it faster?

    Exit codes: 0 CONFIRMED, 1 REFUTED, 2 the command or a file is wrong, 3 INCONCLUSIVE,
    4 INVALID, 130 interrupted.
    """
    from lab.cli.comparison_text import Workload
    from lab.cli.run_ending import end, run_to_the_end
    from lab.cli.run_preparation import RunOptions
    from lab.files.project_folder import Project

    workload = Workload.of_options(scenario, benchmark, users, param or (), database=database)
    result_files = ResultFiles.prepare(junit, summary)
    project = Project.find()
    text = _text(workload, _ends(revisions, project), slower_than, faster_than, budget)
    options = RunOptions(
        f"diff-{workload.slug}",
        seed,
        _TARGET,
        False,
        no_wait,
        profile,
        None,
        False,
        written=result_files.asked_for,
    )
    prepared = prepare_text(text, workload, options, project)
    commits = prepared.plan.revisions
    if len(set(commits.values())) < len(commits):
        raise UsageError(
            f"{revisions}: both are the commit {commits[_ARMS[0]][:12]}, so there is nothing to "
            "compare. For what is not committed yet, write HEAD..worktree"
        )
    verdict, _ = run_to_the_end(prepared, options, result_files)
    end(verdict, "CONFIRMED")


def prepare_text(
    text: str, workload: Workload, options: RunOptions, project: Project
) -> PreparedRun:
    """A run of a hypothesis that has no file. UsageError as of the option that it came from."""
    from lab.cli.run_preparation import new_run
    from lab.hypothesis import HypothesisError, loads

    file = project.hypotheses / f"{options.name}.md"
    try:
        hypothesis = loads(text, file, project.root)
    except HypothesisError as error:
        if error.path != file:
            raise
        raise UsageError(f"{workload.option}: {error.problem}. {error.remedy}") from error
    return new_run(hypothesis, file, options, project)


def _ends(revisions: str, project: Project) -> tuple[str, str]:
    """The two revisions of a range. UsageError if it is none."""
    from lab.targets.git_repository import GitRepository

    match = re.fullmatch(r"(.+?)(\.{2,3})(.*)", revisions)
    if match is None:
        raise UsageError(
            f"{revisions}: this is not two revisions. Write them with two dots between, as in "
            "main..HEAD, or HEAD..worktree for what is not committed yet"
        )
    before, after = match[1], match[3] or "HEAD"
    if match[2] == "...":
        before = GitRepository(project.root).merge_base(before, after)
    return before, after


def _text(
    workload: Workload,
    ends: tuple[str, str],
    slower_than: str | None,
    faster_than: str | None,
    budget: str,
) -> str:
    """The hypothesis."""
    from lab.cli.comparison_text import hypothesis_text, revision, statements, written_by

    before, after = ends
    if slower_than is not None and faster_than is not None:
        raise UsageError("--slower-than and --faster-than claim different things. Keep one of them")
    if faster_than is not None:
        share = _share("--faster-than", faster_than)
        option = f"--faster-than {shlex.quote(faster_than)}"
        claim = f"{after} is more than {faster_than} faster than {before}."
        predicted = statements(workload, 1 - share, 1 + share)
    else:
        slower_than = slower_than or _SLOWER
        share = _share("--slower-than", slower_than)
        option = f"--slower-than {shlex.quote(slower_than)}"
        claim = f"{after} is at most {slower_than} slower than {before}."
        predicted = statements(workload, 1 + share, 1 - share)
    return hypothesis_text(
        workload,
        f"Did what changed from {before} to {after} change the speed of {workload.file}?",
        claim,
        dict(zip(_ARMS, map(revision, (before, after)), strict=True)),
        predicted,
        prose=written_by(
            f"diff {shlex.quote(f'{before}..{after}')} {workload.option} {option}", budget
        ),
        budget=budget,
    )


def _share(option: str, text: str) -> float:
    """A percentage as a number. UsageError if it is none, or not between 0 and 100."""
    match = _PERCENTAGE.fullmatch(text)
    share = float(match[1]) / 100 if match else 0.0
    if not 0 < share < 1:
        raise UsageError(f"{option} {text}: write a percentage above 0 and below 100, as in 5%")
    return share
