"""The remedy of every refusal is tried: what it advises is done, and the refusal is gone."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from lab.cli.main import main
from lab.hypothesis import HypothesisError, loads
from lab.machine.run_lock import machine_lock
from lab.runs.report_evidence import evidence_element
from lab.runs.run_folder import RunFolder
from lab.system import SystemFileError, load_system
from lab.targets.target_interface import Loaded
from tests.cases.hypothesis_remedies import EDITS, MORE, Refused
from tests.cases.refusal_sites import Seen, refusal_sites, watched
from tests.lab.hypothesis.examples import BROKEN, make_project
from tests.lab.hypothesis.test_broken_files import MANIFEST
from tests.lab.system import broken_files
from tests.repositories import commit, git, new_repository
from tests.runs import QUICK, QUICK_SOAK, ROOT, copy_project

# -- hypothesis files ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose files no test changes."""
    folder = make_project(tmp_path_factory.mktemp("project"))
    (folder / "scenarios" / "link.py").symlink_to(ROOT / "README.md")
    (folder / "scenarios" / "bench_fingerprint.py").touch()
    return folder


def problem_of(text: str, project: Path) -> str | None:
    try:
        loads(text, Path("a.md"), project)
    except HypothesisError as error:
        return error.problem
    return None


def edited(text: str, edits: list[tuple[str, str]]) -> str:
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    return text


def test_every_broken_file_has_its_remedy_here() -> None:
    assert set(EDITS) == set(MANIFEST)


@pytest.mark.parametrize("name", EDITS)
def test_a_broken_file_is_accepted_once_its_remedy_is_followed(files: Path, name: str) -> None:
    text = (BROKEN / f"{name}.md").read_text(encoding="utf-8")
    assert problem_of(text, files) is not None
    assert problem_of(edited(text, EDITS[name]), files) is None


@pytest.mark.parametrize("case", MORE, ids=str)
def test_the_remedy_of_another_hypothesis_file(files: Path, case: Refused) -> None:
    with pytest.raises(HypothesisError) as caught:
        loads(case.text, Path("a.md"), files)
    assert case.problem in caught.value.problem
    assert case.remedy in caught.value.remedy
    assert problem_of(edited(case.text, case.edits), files) is None


# -- commands --------------------------------------------------------------------------------


@dataclass
class Typed:
    """Types a command in this process; `lab run` stops where the run would start."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, folder: Path, arguments: str) -> tuple[int, str]:
        self.monkeypatch.chdir(folder)
        self.monkeypatch.setattr(sys, "argv", ["lab", *arguments.split()])
        with pytest.raises(SystemExit) as ended:
            main()
        _, err = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, err


class FakeService:
    """A service that ends as soon as it is up."""

    def check(self, arms: Any) -> None: ...
    def start(self, arms: Any) -> None: ...
    def activate(self, arm: str) -> None: ...
    def stop(self) -> None: ...

    loaded = Loaded("service")

    def url(self, arm: str) -> str:
        return "http://127.0.0.1:1"

    def dead(self, arm: str) -> str | None:
        return "the service ended as it was told"


@pytest.fixture
def typed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], own_lock: None
) -> Typed:
    def started(*_: Any) -> Any:
        raise SystemExit(0)

    monkeypatch.setattr("lab.cli.run_execution.execute", started)
    for name in ("SHOP_TOKEN", "SHOP_PATH"):
        monkeypatch.delenv(name, raising=False)
    return Typed(monkeypatch, capsys)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = copy_project(tmp_path)
    shutil.copy(QUICK_SOAK, folder / "hypotheses")
    return folder


Change = Callable[[Path], object]


@dataclass(frozen=True)
class Command:
    """A command that is refused.

    Attributes:
        typed: What is typed.
        message: What the message has to hold, in this order: what, where, remedy.
        then: What is typed when the remedy has been followed; by default the same.
        before: What makes it wrong.
        remedied: What the remedy asks for.
        environment: Variables that are set, and the variables once the remedy is followed.
    """

    typed: str
    message: tuple[str, ...]
    then: str = ""
    before: Change = lambda _: None
    remedied: Change = lambda _: None
    environment: tuple[dict[str, str], dict[str, str]] = field(default_factory=lambda: ({}, {}))


def written(name: str, text: str) -> Change:
    return lambda project: (project / name).write_text(text, encoding="utf-8")


def replaced(name: str, old: str, new: str) -> Change:
    def change(project: Path) -> None:
        text = (project / name).read_text(encoding="utf-8")
        (project / name).write_text(edited(text, [(old, new)]), encoding="utf-8")

    return change


def each(*changes: Change) -> Change:
    return lambda project: [change(project) for change in changes]


def recorded(project: Path) -> None:
    """A run of before, CONFIRMED."""
    run = project / "reports" / "pool-exhaustion" / "20260101-000000"
    shutil.copytree(ROOT / "reports" / "sample", run)
    (run.parent / "latest").symlink_to(run.name)


def without(name: str) -> Change:
    return lambda project: (project / name).unlink()


def carried(project: Path) -> None:
    """The same, and a page that carries its data."""
    recorded(project)
    run_folder = RunFolder.open((project / LATEST).resolve())
    hypothesis = loads((ROOT / "reports/sample/hypothesis.md").read_text(), Path("a.md"), project)
    page = f"<body>{evidence_element(run_folder, hypothesis)}</body>"
    (project / "report.html").write_text(page, encoding="utf-8")


def unfinished(project: Path) -> None:
    recorded(project)
    without(f"{LATEST}/verdict.json")(project)
    text = (project / f"{LATEST}/trials.jsonl").read_text().splitlines(keepends=True)
    (project / f"{LATEST}/trials.jsonl").write_text("".join(text[:4]))


def sealed(project: Path, name: str = "quick") -> None:
    """A run that has its plan and no trial."""
    from lab.cli.run_preparation import RunOptions, prepare

    prepared = prepare(RunOptions(name, 1, None, False, False, True, None, False))
    folder = RunFolder.create(prepared.project.reports, name)
    folder.write_plan(prepared.plan, prepared.hypothesis.text)


def with_copied_latest(project: Path) -> None:
    """The same, as an artifact of CI has it: links are followed."""
    sealed(project)
    latest = project / QUICK_LATEST
    run = latest.resolve()
    latest.unlink()
    shutil.copytree(run, latest)


def linked_again(project: Path) -> None:
    latest = project / QUICK_LATEST
    shutil.rmtree(latest)
    [run] = latest.parent.iterdir()
    latest.symlink_to(run.name)


def sealed_with_other_machines(project: Path) -> None:
    """The same with a worker of another machine."""
    sealed(project)
    path = project / "reports/quick/latest/plan.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    plan["workers"] = {"local": 1, "remote": 1}
    path.write_text(json.dumps(plan), encoding="utf-8")


def sealed_without_slices(project: Path) -> None:
    """The same of a benchmark, by the lab as it was."""
    shutil.copy(ROOT / "hypotheses" / "fingerprint.md", project / "hypotheses")
    sealed(project, "fingerprint")
    path = project / "reports/fingerprint/latest/plan.json"
    plan = json.loads(path.read_text(encoding="utf-8"))
    del plan["slices"]
    path.write_text(json.dumps(plan), encoding="utf-8")


def added(path: str, text: str) -> Change:
    def add(project: Path) -> None:
        with (project / path).open("a", encoding="utf-8") as file:
            file.write(text)

    return add


def in_git(project: Path) -> None:
    """A repository with two commits, of which the second changes the service."""
    new_repository(project)
    commit(project, {})
    commit(project, {"service/note.py": "NOTE = 1\n"})


def unrelated(project: Path) -> None:
    """And a branch that has no commit in common with them."""
    in_git(project)
    git(project, "checkout", "--quiet", "--orphan", "other")
    commit(project, {"service/note.py": "NOTE = 2\n"})
    git(project, "checkout", "--quiet", "main")


def named_by_its_folder(project: Path) -> None:
    in_git(project)
    module = f"python {project}/service/__main__.py --fd"
    replaced("lab.toml", "python -m service --fd", module)(project)


def with_revisions(project: Path) -> None:
    in_git(project)
    text = QUICK.read_text(encoding="utf-8")
    for arm in ("narrow", "wide", "more-pricing"):
        text = edited(text, [(f"  {arm}: {{", f"  {arm}: {{git: HEAD, ")])
    written("hypotheses/change.md", text)(project)


OPENAPI = '{"openapi": "3.1.0", "paths": {"/orders": {"get": {}}}}'
LATEST = "reports/pool-exhaustion/latest"
QUICK_LATEST = "reports/quick/latest"
SAMPLE = f"{LATEST}/hypothesis.md"
CHECKOUT = "scenarios/checkout.py"
DIFF = f"HEAD~1..HEAD --scenario {CHECKOUT}"
DIFF_BENCHMARK = "HEAD~1..HEAD --benchmark scenarios/bench_serializer.py"
PASS = ("hypotheses/quick.md", "arms:", "pass: [SHOP_TOKEN]\narms:")
READS_TOKEN = replaced(
    CHECKOUT, "from locust", "import os\n\nTOKEN = os.environ.get('SHOP_TOKEN', '')\nfrom locust"
)
SMALL_SLOPE = replaced("hypotheses/quick-soak.md", "100 MB/h", "1 MB/h")
SET = {"SHOP_TOKEN": "t0ken"}


def damaged(name: str, problem: str, text: str) -> Command:
    """A file of a run that holds something else, and the remedy: a copy of it."""
    return Command(
        "judge pool-exhaustion",
        (name, problem, "Restore it from a copy"),
        before=each(recorded, written(f"{LATEST}/{name}", text)),
        remedied=lambda p: shutil.copy(ROOT / "reports" / "sample" / name, p / LATEST / name),
    )


DAMAGED = [
    ("plan.json", "cannot be read", "{"),
    ("plan.json", "not a JSON object", "[]"),
    ("plan.json", "not a plan", "{}"),
    ("trials.jsonl", "damaged line", "{\n{}\n"),
    ("trials.jsonl", "not a trial", "{}\n{}\n"),
]
COMMANDS = {
    "no-project": Command(
        "list",
        ("no project here or above", "Run the lab in a folder that holds lab.toml"),
        before=each(
            without("lab.toml"),
            lambda project: (project / "hypotheses").rename(project / "elsewhere"),
        ),
        remedied=lambda project: shutil.copy(ROOT / "lab.toml", project),
    ),
    "new-of-another-name": Command(
        "new Narrow.Pool",
        ("is not the name of a hypothesis", "as in narrow-pool"),
        "new narrow-pool",
    ),
    "new-of-another-kind": Command(
        "new narrow-pool --kind web",
        ("--kind web: no such kind", "Write one of load, benchmark, soak"),
        "new narrow-pool --kind soak",
    ),
    "new-benchmark-of-a-document": Command(
        "new narrow-pool --kind benchmark --openapi lab.toml",
        ("a benchmark sends no requests", "Leave --openapi out"),
        "new narrow-pool --kind benchmark",
    ),
    "new-writes-of-no-document": Command(
        "new narrow-pool --writes",
        ("--writes is for requests of a document", "Use --openapi FILE or --har FILE as well"),
        "new narrow-pool --writes --openapi openapi.json",
        remedied=written("openapi.json", OPENAPI),
    ),
    "new-of-a-document-and-a-session": Command(
        "new narrow-pool --openapi openapi.json --har session.har",
        ("--openapi and --har both make the scenario", "Leave one of them out"),
        "new narrow-pool --openapi openapi.json",
        before=written("openapi.json", OPENAPI),
    ),
    "new-of-no-document": Command(
        "new narrow-pool --openapi lab.toml",
        ("--openapi lab.toml: it is neither JSON nor YAML", "Name a document such as openapi.json"),
        "new narrow-pool --openapi openapi.json",
        remedied=written("openapi.json", OPENAPI),
    ),
    "new-of-a-document-in-several-files": Command(
        "new narrow-pool --openapi openapi.json",
        ("it refers to another file, orders.json: bundle it first",),
        before=written("openapi.json", OPENAPI.replace('{"get": {}}', '{"$ref": "orders.json"}')),
        remedied=written("openapi.json", OPENAPI),
    ),
    "new-of-an-unreadable-document": Command(
        "new narrow-pool --openapi openapi.json",
        ("--openapi openapi.json: cannot be read", "Name a file or a URL that answers"),
        "new narrow-pool --openapi openapi.json",
        remedied=written("openapi.json", OPENAPI),
    ),
    "new-of-a-document-that-only-writes": Command(
        "new narrow-pool --openapi openapi.json",
        ("none of its operations can be sent without writing", "Use --writes if it may write"),
        "new narrow-pool --openapi openapi.json --writes",
        before=written("openapi.json", OPENAPI.replace("get", "post")),
    ),
    "new-of-what-exists": Command(
        "new quick", ("quick.md exists already", "Choose another name"), "new slow"
    ),
    "too-many-users": Command(
        "run quick",
        (
            "a load of 1,001 users is more than the cap of 1,000",
            "a higher `max_users` into [safety]",
        ),
        before=replaced("hypotheses/quick.md", "users: 20", "users: 1001"),
        remedied=added("lab.toml", "\n[safety]\nmax_users = 1001\n"),
    ),
    "no-hypothesis": Command(
        "run quick",
        ("hypotheses: there is no hypothesis here", "Add a file NAME.md"),
        before=each(without("hypotheses/quick.md"), without("hypotheses/quick-soak.md")),
        remedied=lambda project: shutil.copy(QUICK, project / "hypotheses"),
    ),
    "misspelt-name": Command("run quik", ("quik.md: there is no such", "`quick`"), "run quick"),
    "name-with-a-folder": Command(
        "run hypotheses/quick", ("is not a valid name", "Did you mean `quick`?"), "run quick"
    ),
    "no-file": Command(
        "run hypotheses/other.md",
        ("other.md: there is no such file", "Give the path of a Markdown file"),
        "run hypotheses/quick.md",
    ),
    "file-name": Command(
        "run hypotheses/Quick.md",
        ("the file name is not allowed", "Write it with a-z, 0-9, - and _"),
        "run hypotheses/quick.md",
        before=lambda project: shutil.copy(QUICK, project / "hypotheses" / "Quick.md"),
    ),
    "misnamed-file": Command(
        "check",
        ("Quick.md: the file name is not allowed", "Write it with a-z, 0-9, - and _"),
        before=lambda project: shutil.copy(QUICK, project / "hypotheses" / "Quick.md"),
        remedied=without("hypotheses/Quick.md"),
    ),
    "misnamed-file-by-its-name": Command(
        "run Quick",
        ("Quick.md: the file name is not allowed", "Write it with a-z, 0-9, - and _"),
        "run quick",
        before=lambda project: shutil.copy(QUICK, project / "hypotheses" / "Quick.md"),
    ),
    "not-utf8": Command(
        "run quick",
        ("quick.md:2: this is not UTF-8 text", "Save the file as UTF-8"),
        before=lambda p: (p / "hypotheses/quick.md").write_bytes(b"---\nquestion: \xff?\n---\n"),
        remedied=lambda project: shutil.copy(QUICK, project / "hypotheses"),
    ),
    "scenario-not-utf8": Command(
        "run quick",
        ("checkout.py: this is not UTF-8", "Save it as UTF-8"),
        before=lambda project: (project / CHECKOUT).write_bytes(b"# \xff\n"),
        remedied=lambda project: shutil.copy(ROOT / CHECKOUT, project / CHECKOUT),
    ),
    "large-file": Command(
        "run quick",
        ("the file is larger than 256 KiB", "Keep it short"),
        before=lambda p: (p / "hypotheses/quick.md").write_text(QUICK.read_text() + "x" * 2**18),
        remedied=lambda project: shutil.copy(QUICK, project / "hypotheses"),
    ),
    "expect": Command(
        "run quick --expect TRUE",
        ("--expect TRUE: no such verdict", "Write one of CONFIRMED, REFUTED"),
        "run quick --expect REFUTED",
    ),
    "for-a-load": Command(
        "run quick --for 8h", ("--for: quick is no soak", "Leave --for out"), "run quick"
    ),
    "no-duration": Command(
        "run quick-soak --anyway --for soon",
        ("'soon' is not a duration", "Write it as in 8h, 30m or 0.1h"),
        "run quick-soak --anyway --for 0.1h",
    ),
    "no-length": Command(
        "run quick-soak --anyway",
        ("the length of the soak is missing", "`--for 8h`"),
        "run quick-soak --for 8h --anyway",
    ),
    "no-length-in-the-file": Command(
        "run quick-soak --anyway",
        ("the length of the soak is missing", "or a `length:`"),
        remedied=replaced("hypotheses/quick-soak.md", "load:", "length: 8h\nload:"),
    ),
    "too-short-for-its-blocks": Command(
        "run quick-soak --anyway --for 10s",
        ("a soak of one block takes", "s at least, not 10 s", "Give it --for {} or more"),
        "run quick-soak --anyway --for {}",
    ),
    "too-short-to-detect": Command(
        "run quick-soak --for 2m",
        ("too short for its prediction", "Give it more time with --for, or run it --anyway"),
        "run quick-soak --for 2m --anyway",
        before=SMALL_SLOPE,
    ),
    "too-short-to-detect-more-time": Command(
        "run quick-soak --for 2m",
        ("too short for its prediction", "Give it more time with --for"),
        "run quick-soak --for 150h",
        before=each(SMALL_SLOPE, added("lab.toml", '\n[safety]\nmax_time = "168h"\n')),
    ),
    "workers-none": Command(
        "run quick --workers 0",
        ("--workers 0: write a number from 1 to 256",),
        "run quick --workers 1",
    ),
    "workers-fewer-expected": Command(
        "run quick --workers 4 --expect-workers 2",
        ("--workers 4 --expect-workers 2", "are part of those", "Use --expect-workers 4 or more"),
        "run quick --workers 4 --expect-workers 4",
    ),
    "workers-bind-for-nobody": Command(
        "run quick --workers 2 --bind 127.0.0.1:5557",
        ("no worker of another machine is expected", "--expect-workers, or leave --bind out"),
        "run quick --workers 2 --bind 127.0.0.1:5557 --expect-workers 3",
    ),
    "workers-bind-nowhere": Command(
        "run quick --expect-workers 2 --bind 127.0.0.1",
        ("--bind 127.0.0.1: write an address of this machine and a port", "192.0.2.10:5557"),
        "run quick --expect-workers 2 --bind 127.0.0.1:5557",
    ),
    "workers-of-a-benchmark": Command(
        "run fingerprint --workers 2",
        ("fingerprint is a benchmark", "Leave --workers"),
        "run fingerprint",
        before=lambda p: shutil.copy(ROOT / "hypotheses" / "fingerprint.md", p / "hypotheses"),
    ),
    "workers-of-a-soak-elsewhere": Command(
        "run quick-soak --for 2m --expect-workers 2",
        ("each by workers of its own", "Use --workers instead of --expect-workers"),
        "run quick-soak --for 2m --workers 2",
    ),
    "workers-of-a-soak-script": Command(
        "run reconnect-churn --for 8h --workers 2",
        ("a soak script is one process", "or write the load as a locustfile"),
        "run reconnect-churn --for 8h",
        before=lambda p: shutil.copy(ROOT / "hypotheses" / "reconnect-churn.md", p / "hypotheses"),
    ),
    "workers-without-users": Command(
        "run quick --workers 21",
        ("quick: 20 users cannot be shared by 21 workers", "Use 20 workers at most"),
        "run quick --workers 20",
    ),
    "workers-of-slices": Command(
        "run quick --workers 2",
        ("cuts the window into `slices`", "Leave --workers out, or remove `slices`"),
        before=replaced("hypotheses/quick.md", "users: 20", "users: 20, slices: 100ms"),
        remedied=replaced("hypotheses/quick.md", ", slices: 100ms", ""),
    ),
    "workers-other-than-planned": Command(
        "run quick --resume --workers 2",
        ("this run was planned with 1 worker, not 2 workers", "Leave --workers"),
        "run quick --resume",
        before=sealed,
    ),
    "workers-that-cannot-join-again": Command(
        "run quick --resume",
        ("this run was planned with 2 workers, 1 of them joined by lab worker", "Use --bind"),
        "run quick --resume --bind 127.0.0.1:5557",
        before=sealed_with_other_machines,
    ),
    "workers-token-in-a-log": Command(
        "run quick --expect-workers 2 --detach",
        ("--detach: workers of other machines have to know a token", "Set LAB_WORKER_TOKEN"),
        "run quick --expect-workers 2",
    ),
    "latest-is-a-copy": Command(
        "run quick",
        ("reports/quick/latest: this should be a link to the latest run", "Move it away"),
        before=with_copied_latest,
        remedied=lambda project: (project / QUICK_LATEST).rename(project / "copy"),
    ),
    "latest-is-a-copy-to-be-resumed": Command(
        "run quick --resume",
        ("this should be a link to the latest run", "or put a link in its place"),
        before=with_copied_latest,
        remedied=linked_again,
    ),
    "nothing-to-resume": Command(
        "run quick --resume",
        ("there is no run to resume", "Leave --resume out"),
        "run quick",
    ),
    "resume-a-finished-run": Command(
        "run quick --resume",
        ("this run has its verdict", "Leave --resume out for a new one"),
        "run quick",
        before=each(sealed, written("reports/quick/latest/verdict.json", "{}")),
    ),
    "resume-with-a-length": Command(
        "run quick --resume --for 8h",
        ("its length is sealed", "Leave --for out"),
        "run quick --resume",
        before=sealed,
    ),
    "resume-with-a-target": Command(
        "run quick --resume --target compose",
        ("this run's target is local, not compose", "Leave --target out"),
        "run quick --resume",
        before=sealed,
    ),
    "resume-with-a-target-anew": Command(
        "run quick --resume --target compose",
        ("this run's target is local", "or start a new run without --resume"),
        "run quick --target compose",
        before=sealed,
    ),
    "resume-with-a-seed": Command(
        "run quick --resume --seed 5",
        ("this run's seed is 1, not 5", "Leave --seed out"),
        "run quick --resume",
        before=sealed,
    ),
    "resume-with-a-seed-anew": Command(
        "run quick --resume --seed 5",
        ("this run's seed is 1", "or start a new run without --resume"),
        "run quick --seed 5",
        before=sealed,
    ),
    "resume-a-benchmark-without-slices": Command(
        "run fingerprint --resume",
        ("did not measure benchmarks in slices", "Start a new run without --resume"),
        "run fingerprint",
        before=sealed_without_slices,
    ),
    "resume-with-an-edited-scenario": Command(
        "run quick --resume",
        ("checkout.py: edited since the run began", "Restore it"),
        before=each(sealed, replaced(CHECKOUT, "from locust", "# edited\nfrom locust")),
        remedied=replaced(CHECKOUT, "# edited\nfrom locust", "from locust"),
    ),
    "resume-with-an-edited-scenario-anew": Command(
        "run quick --resume",
        ("edited since the run began", "or start a new run without --resume"),
        "run quick",
        before=each(sealed, replaced(CHECKOUT, "from locust", "# edited\nfrom locust")),
    ),
    "variable-not-set": Command(
        "run quick",
        ("`pass` names SHOP_TOKEN, which is not set", "export SHOP_TOKEN=..."),
        before=replaced(*PASS),
        environment=({}, SET),
    ),
    "variable-withheld": Command(
        "run quick",
        (
            "checkout.py:",
            "reads SHOP_TOKEN, which is set",
            "Write `pass: [SHOP_TOKEN]` in quick.md",
        ),
        before=READS_TOKEN,
        remedied=replaced(*PASS),
        environment=(SET, SET),
    ),
    "variable-withheld-unset": Command(
        "run quick",
        ("reads SHOP_TOKEN, which is set", "or start the lab without it: env -u SHOP_TOKEN lab"),
        before=READS_TOKEN,
        environment=(SET, {}),
    ),
    "judge-no-run": Command(
        "judge other",
        ("other: no such run", "Name a hypothesis that was run, or a folder"),
        "judge pool-exhaustion",
        before=recorded,
    ),
    "report-no-run": Command(
        "report other",
        ("other: no such run", "or a folder reports/NAME/RUN"),
        "report reports/pool-exhaustion/20260101-000000",
        before=recorded,
    ),
    "judge-unfinished": Command(
        "judge pool-exhaustion",
        ("unfinished after", "continue it with lab run pool-exhaustion --resume"),
        "run pool-exhaustion --resume",
        before=unfinished,
    ),
    "report-unfinished": Command(
        "report pool-exhaustion",
        ("unfinished", "continue it with lab run pool-exhaustion --resume"),
        "run pool-exhaustion --resume",
        before=unfinished,
    ),
    "edited-copy": Command(
        "judge pool-exhaustion",
        ("hypothesis.md: edited since the run was sealed", "Restore it"),
        before=each(recorded, replaced(SAMPLE, "at_least: 2.5", "at_least: 1.5")),
        remedied=replaced(SAMPLE, "at_least: 1.5", "at_least: 2.5"),
    ),
    "lost-copy": Command(
        "judge pool-exhaustion",
        ("hypothesis.md: cannot be read", "Restore it from a copy"),
        before=each(recorded, without(SAMPLE)),
        remedied=lambda p: shutil.copy(ROOT / "reports/sample/hypothesis.md", p / SAMPLE),
    ),
    **{
        f"damaged-{name.partition('.')[0]}-{i}": damaged(name, *found)
        for i, (name, *found) in enumerate(DAMAGED)
    },
    "newer-format": Command(
        "judge pool-exhaustion",
        ("plan.json: its schema is 'lab.plan/99'", "reads lab.plan/1", "Read it with the version"),
        before=each(recorded, replaced(f"{LATEST}/plan.json", "lab.plan/2", "lab.plan/99")),
        remedied=replaced(f"{LATEST}/plan.json", "lab.plan/99", "lab.plan/2"),
    ),
    "no-report": Command(
        "judge gone.html",
        ("gone.html: cannot be read", "Name a report.html that the lab wrote"),
        "judge report.html",
        before=carried,
    ),
    "report-without-data": Command(
        "judge old.html",
        ("old.html: carries no data of a run", "Name the folder of the run"),
        f"judge {LATEST}",
        before=each(recorded, written("old.html", "<body></body>")),
    ),
    "report-changed": Command(
        "judge report.html",
        ("report.html: its data were changed", "Get it again from where the run was made"),
        before=each(carried, replaced("report.html", 'sha256="', 'sha256="0')),
        remedied=replaced("report.html", 'sha256="0', 'sha256="'),
    ),
    "verdict-beside": Command(
        "judge report.html",
        ("verdict.json: there already", "report.html", "Move it away"),
        before=each(carried, written("verdict.json", "{}")),
        remedied=without("verdict.json"),
    ),
    "junit-is-a-folder": Command(
        "judge pool-exhaustion --junit reports",
        ("--junit reports: no file can be written there", "Name one in a folder of yours"),
        "judge pool-exhaustion --junit out/junit.xml",
        before=recorded,
    ),
    "history-of-nothing": Command(
        "history quick",
        ("no run of quick has a verdict", "Run it with lab run quick"),
        "run quick",
    ),
    "compare-unfinished": Command(
        "compare pool-exhaustion pool-exhaustion",
        ("unfinished, so there is no verdict yet", "lab run pool-exhaustion --resume"),
        "run pool-exhaustion --resume",
        before=unfinished,
    ),
    "damaged-verdict": Command(
        "compare pool-exhaustion pool-exhaustion",
        ("verdict.json: not a verdict", "Restore it from a copy"),
        before=each(recorded, written(f"{LATEST}/verdict.json", "{}")),
        remedied=lambda p: shutil.copy(ROOT / "reports/sample/verdict.json", p / LATEST),
    ),
    "status-of-nothing": Command(
        "status other",
        ("other was never run here", "Leave the name out to see all runs"),
        "status",
    ),
    "diff-without-git": Command(
        f"diff {DIFF}",
        ("git finds no repository here", "Run the lab in a clone, or make one: git init"),
        remedied=in_git,
    ),
    "diff-of-an-unknown-revision": Command(
        f"diff absent..HEAD --scenario {CHECKOUT}",
        ("there is no revision `absent`", "git branch --all and git tag list what there is"),
        f"diff {DIFF}",
        before=in_git,
    ),
    "diff-of-one-revision": Command(
        f"diff main --scenario {CHECKOUT}",
        ("main: this is not two revisions", "Write them with two dots between"),
        f"diff {DIFF}",
        before=in_git,
    ),
    "diff-of-one-commit": Command(
        f"diff HEAD..main --scenario {CHECKOUT}",
        ("both are the commit", "For what is not committed yet, write HEAD..worktree"),
        f"diff HEAD..worktree --scenario {CHECKOUT}",
        before=in_git,
        remedied=written("service/note.py", "NOTE = 2\n"),
    ),
    "diff-of-what-is-not-related": Command(
        f"diff HEAD...other --scenario {CHECKOUT}",
        ("HEAD and other have no common commit here", "Write two dots to compare the two"),
        f"diff HEAD..other --scenario {CHECKOUT}",
        before=unrelated,
    ),
    "diff-of-nothing": Command(
        "diff HEAD~1..HEAD",
        ("--scenario FILE and --benchmark FILE", "Name a file below scenarios/"),
        f"diff {DIFF}",
        before=in_git,
    ),
    "diff-of-a-scenario-that-is-not-there": Command(
        "diff HEAD~1..HEAD --scenario scenarios/chekout.py",
        ("--scenario scenarios/chekout.py: there is no scenario", "Did you mean"),
        f"diff {DIFF}",
        before=in_git,
    ),
    "diff-users-of-a-benchmark": Command(
        f"diff {DIFF_BENCHMARK} --users 3",
        ("--users: a benchmark has no users", "Leave --users out"),
        f"diff {DIFF_BENCHMARK}",
        before=in_git,
    ),
    "diff-param-of-a-scenario": Command(
        f"diff {DIFF} --param lines=4",
        ("--param: a scenario has none", "Leave --param out"),
        f"diff {DIFF}",
        before=in_git,
    ),
    "diff-param": Command(
        f"diff {DIFF_BENCHMARK} --param 4",
        ("--param 4: a value is written NAME=VALUE", "as in depth=1000"),
        f"diff {DIFF_BENCHMARK} --param lines=4",
        before=in_git,
    ),
    "diff-param-twice": Command(
        f"diff {DIFF_BENCHMARK} --param lines=4 --param lines=64",
        ("--param lines: given twice", "Keep one of the two values"),
        f"diff {DIFF_BENCHMARK} --param lines=64",
        before=in_git,
    ),
    "diff-share": Command(
        f"diff {DIFF} --slower-than 5",
        ("--slower-than 5: write a percentage above 0 and below 100", "as in 5%"),
        f"diff {DIFF} --slower-than 5%",
        before=in_git,
    ),
    "diff-of-two-claims": Command(
        f"diff {DIFF} --slower-than 5% --faster-than 5%",
        ("--slower-than and --faster-than claim different things", "Keep one of them"),
        f"diff {DIFF} --faster-than 5%",
        before=in_git,
    ),
    "diff-of-the-working-tree-by-its-path": Command(
        f"diff {DIFF}",
        ("lab.toml: `python ", "names the folder of the working tree", "from that of lab.toml on"),
        before=named_by_its_folder,
        remedied=lambda p: replaced("lab.toml", f"{p}/service/", "service/")(p),
    ),
    "diff-without-processes": Command(
        f"diff {DIFF}",
        ("lab.toml: revisions run as processes of this machine", "no [[process]]. Add one"),
        before=each(in_git, written("lab.toml", '[url]\nbase = "http://127.0.0.1:1"\n')),
        remedied=lambda project: shutil.copy(ROOT / "lab.toml", project),
    ),
    "revisions-in-containers": Command(
        "run change --target compose",
        ("change: its arms are revisions", "processes of this machine only", "--target local"),
        "run change --target local",
        before=with_revisions,
    ),
    "lab-that-hides-the-lab": Command(
        "run quick",
        ("lab/__init__.py: this `lab` hides that of the lab", "Rename it, or do not"),
        before=each(lambda project: (project / "lab").mkdir(), written("lab/__init__.py", "\n")),
        remedied=lambda project: (project / "lab").rename(project / "laboratory"),
    ),
    "serve-setting": Command(
        "serve DB_POOL_SIZE",
        ("DB_POOL_SIZE: a setting is written NAME=VALUE", "as in DB_POOL_SIZE=5"),
        "serve DB_POOL_SIZE=5",
    ),
    "serve-setting-twice": Command(
        "serve DB_POOL_SIZE=5 DB_POOL_SIZE=6",
        ("DB_POOL_SIZE: given twice", "Keep one of the two values"),
        "serve DB_POOL_SIZE=6",
    ),
}


DRAWN = ("report-no-run",)  # whose remedy draws a whole report


def tries(command: Command, project: Path, typed: Typed) -> tuple[int, str, int, str]:
    """Exit codes and messages, before and after the remedy."""
    typed.monkeypatch.chdir(project)
    with typed.monkeypatch.context() as patch:
        patch.setattr("lab.cli.run_assembly.make_target", lambda *_: FakeService())
        command.before(project)
        for name, value in command.environment[0].items():
            patch.setenv(name, value)
        code, message = typed(project, command.typed)
    command.remedied(project)
    then = command.then or command.typed
    if found := re.search(r"--for (\d+s) or more", message):
        then = then.replace("{}", found[1])
    with typed.monkeypatch.context() as patch:
        patch.setattr("lab.cli.run_assembly.make_target", lambda *_: FakeService())
        for name, value in command.environment[1].items():
            patch.setenv(name, value)
        after, rest = typed(project, then)
    return code, message, after, rest


@pytest.mark.usefixtures("signal_handlers")
@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in DRAWN else []) for name in COMMANDS],
)
def test_the_remedy_of_a_command(project: Path, typed: Typed, name: str) -> None:
    command = COMMANDS[name]
    code, message, after, rest = tries(command, project, typed)
    assert code == 2
    assert len(message.strip().splitlines()) == 1
    place = 0
    for part in command.message:
        pattern = re.escape(part).replace(r"\{\}", r"\S+")
        found = re.compile(pattern).search(message, place)
        assert found, (part, message)
        place = found.start()
    if command.typed.startswith("serve"):  # the fake service ends at once
        assert rest.strip() == "lab: the service ended as it was told"
    else:
        assert (after, rest) == (0, "")


def test_beside_a_run_the_service_is_refused(project: Path, typed: Typed) -> None:
    with machine_lock(None):
        code, message = typed(project, "serve")
    assert code == 2
    assert "another run is measuring (process " in message
    assert "Start the service when it has ended" in message
    typed.monkeypatch.setattr("lab.cli.run_assembly.make_target", lambda *_: FakeService())
    assert typed(project, "serve")[1].strip() == "lab: the service ended as it was told"


# -- all of them -----------------------------------------------------------------------------

WITH_A_PROCESS = "test_scenario_remedies.py"
ARM_SETTINGS = "tests/lab/targets/test_arm_settings.py"
COMMAND_ENVIRONMENT = "tests/lab/targets/test_command_environment.py"
GIT_REPOSITORY = "tests/lab/targets/test_git_repository.py"
REVISION_WORKTREES = "tests/lab/targets/test_revision_worktrees.py"
ELSEWHERE = {  # place -> which test tries its remedy, or why none can
    "cli/cores_of_run.py:_needed": "tests/lab/cli/test_cores_of_run.py",
    "cli/commands/worker.py:_address": "tests/lab/cli/test_worker.py",
    "cli/commands/worker.py:_passed": "tests/lab/cli/test_worker.py",
    "cli/commands/worker.py:_take_part": "tests/real/test_workers.py: of another token",
    "cli/commands/new.py:_of_recording": "tests/lab/scaffolding/test_recording.py",
    "cli/preflight.py:start_driver": WITH_A_PROCESS,
    "cli/preflight.py:collect_benchmark": WITH_A_PROCESS,
    "cli/preflight.py:_check_settings": WITH_A_PROCESS,
    "cli/preflight.py:_check_soak_script": WITH_A_PROCESS,
    "cli/preflight.py:_refuse_unread_settings": WITH_A_PROCESS,
    "cli/run_assembly.py:_bring_up_service": WITH_A_PROCESS,
    "cli/run_assembly.py:_bring_up_benchmark": WITH_A_PROCESS,
    "cli/run_assembly.py:refuse_divided_metrics": "tests/lab/cli/test_run_assembly.py",
    "instruments/benchmark_file.py:select": WITH_A_PROCESS,
    "instruments/benchmark_file.py:_redacted": WITH_A_PROCESS,
    "instruments/benchmark_selection.py:_function": WITH_A_PROCESS,
    "instruments/benchmark_selection.py:_refusal": WITH_A_PROCESS,
    "instruments/locust_driver_process.py:load": WITH_A_PROCESS,
    "instruments/locust_driver_process.py:_expect": WITH_A_PROCESS,
    "instruments/locust_driver_process.py:_answer": "tests/lab/driver/test_workers.py",
    "targets/arm_settings.py:_accepted": WITH_A_PROCESS,
    "targets/arm_settings.py:_refuse_set_by_the_lab": ARM_SETTINGS,
    "targets/arm_settings.py:refuse_unfilled": ARM_SETTINGS,
    "targets/arm_settings.py:_refuse_unnamed": ARM_SETTINGS,
    "targets/arm_settings.py:refuse_reset_of_processes": "test_url_target.py",
    "system/placeholders.py:value": "an arm that lacks it is refused before anything is started",
    "targets/command_environment.py:with_program": COMMAND_ENVIRONMENT,
    "targets/command_environment.py:_refuse_another_environment": COMMAND_ENVIRONMENT,
    "targets/command_environment.py:import_path": COMMAND_ENVIRONMENT,
    "targets/git_repository.py:_refuse_changed_submodules": GIT_REPOSITORY,
    "targets/git_repository.py:_answer": GIT_REPOSITORY,
    "targets/git_repository.py:_run": GIT_REPOSITORY,
    "targets/revision_worktrees.py:_refuse_submodules": REVISION_WORKTREES,
    "targets/revision_worktrees.py:_make": REVISION_WORKTREES,
    "targets/revision_worktrees.py:require_commits": REVISION_WORKTREES,
    "targets/url_target.py:check": "test_url_target.py",
    "trials/process_lifetime.py:choose_lifetime": "tests/lab/trials/test_process_lifetime.py",
    "cli/run_execution.py:_record_conditions": "tests/lab/cli/test_run_execution.py",
    "cli/run_execution.py:_refuse_edited": "tests/lab/cli/test_run_execution.py",
    "instruments/benchmark_fixture.py:pedantic": "tests/lab/instruments/test_benchmark_fixture.py",
    "runs/report_evidence.py:_content": "tests/lab/runs/test_report_evidence.py",
    "runs/report_evidence.py:_damaged": "tests/lab/runs/test_report_evidence.py",
    "runs/report_evidence.py:_packed": "tests/lab/runs/test_report_evidence.py: a page too large",
    "runs/run_folder.py:restore": "tests/lab/runs/test_report_evidence.py",
    "runs/run_folder.py:rounds": "tests/lab/runs/test_run_folder.py: of a report",
    "runs/run_folder.py:open": "no verb opens a folder without looking for its plan first",
    "runs/run_folder.py:create": "needs a hundred runs within one second",
    "machine/run_lock.py:machine_lock": "test_beside_a_run_the_service_is_refused",
    "cli/run_assembly.py:require_described": "test_commands.py: the option is written as advised",
    "files/json_files.py:read_lines": "a file that only another user may read",
    "input_files/text_file.py:read_text": "a file that only another user may read",
    "hypothesis/loader.py:_code": "a file that only another user may read",
    "hypothesis/loader.py:_files": "a file that only another user may read",
    "hypothesis/loader.py:read_headline": "`lab list` shows it in the line of the hypothesis",
    "files/project_folder.py:find": "a current folder that was removed",
    "targets/postgres_databases.py:reset_script": "a file that only another user may read",
    "targets/postgres_databases.py:_blamed": "a PostgreSQL of the user's own",
}
DOCKER = ("targets/compose_", "targets/docker_")  # tried by tests/real and tests/lab/targets


@pytest.fixture(scope="module")
def seen_sites(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Seen:
    """Where the refusals of hypothesis files and of `lab.toml` are made."""
    folder = tmp_path_factory.mktemp("system")
    for name in broken_files.FILES:
        (folder / name).touch()
    with watched() as seen:
        with pytest.raises(SystemFileError):
            load_system(folder)
        for broken in broken_files.BROKEN:
            (folder / "lab.toml").write_text(broken_files.text_of(broken), encoding="utf-8")
            with pytest.raises(SystemFileError):
                load_system(folder)
        for name in EDITS:
            problem_of((BROKEN / f"{name}.md").read_text(encoding="utf-8"), files)
        for case in MORE:
            problem_of(case.text, files)
    return seen


@pytest.mark.slow
@pytest.mark.usefixtures("signal_handlers")
def test_no_refusal_is_left_untried(
    seen_sites: Seen, tmp_path_factory: pytest.TempPathFactory, typed: Typed
) -> None:
    """A new refusal needs an entry in one of the tables, or a reason why it cannot have one."""
    with watched() as seen:
        for command in COMMANDS.values():
            folder = copy_project(tmp_path_factory.mktemp("tried"))
            shutil.copy(QUICK_SOAK, folder / "hypotheses")
            tries(command, folder, typed)
    seen.lines |= seen_sites.lines
    untried = [site for site in refusal_sites() if not seen.covers(site)]
    untried = [site for site in untried if not site.module.startswith(DOCKER)]
    left = [str(site) for site in untried if site.place not in ELSEWHERE]
    assert not left, "\n".join(left)
    assert set(ELSEWHERE) <= {site.place for site in untried}, "tried by now"
