"""The commands, as they are typed: what they print, and their exit codes."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.cli.main import main
from lab.cli.run_forecast import UNKNOWN
from tests.runs import PATH, QUICK, ROOT, copy_project, lab

BROKEN = ROOT / "tests" / "lab" / "hypothesis" / "broken"
VERBS = [
    *("list", "check", "run", "status", "judge", "report"),
    *("history", "compare", "export", "serve", "doctor"),
]

pytestmark = pytest.mark.usefixtures("own_lock", "signal_handlers")


@dataclass
class Command:
    """Types a command in this process: starting an interpreter for each takes most of the time."""

    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]

    def __call__(self, *arguments: str, folder: Path = ROOT) -> tuple[int, str, str]:
        """Exit code, standard output and standard error."""
        self.monkeypatch.chdir(folder)
        self.monkeypatch.setattr(sys, "argv", ["lab", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self.capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, out, err


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(monkeypatch, capsys)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str, command: Command) -> None:
    code, out, _ = command(verb, "--help")
    assert code == 0
    assert "Usage" in out


def test_help_lists_every_verb(command: Command) -> None:
    _, out, _ = command("--help")
    assert all(f" {verb} " in out for verb in VERBS)


def test_list_shows_the_question_and_the_latest_verdict(tmp_path: Path, command: Command) -> None:
    project = copy_project(tmp_path)
    latest = project / "reports" / "quick" / "latest"
    latest.mkdir(parents=True)
    (latest / "verdict.json").write_text('{"verdict": "REFUTED"}')
    code, out, _ = command("list", folder=project)
    assert code == 0
    assert out.startswith("quick") and "Does a narrow pool" in out
    assert "REFUTED" in out


def test_list_works_in_any_folder_of_the_project(tmp_path: Path, command: Command) -> None:
    project = copy_project(tmp_path)
    assert command("list", folder=project / "scenarios") == command("list", folder=project)


def test_outside_of_a_project(tmp_path: Path, command: Command) -> None:
    code, _, err = command("list", folder=tmp_path)
    assert code == 2
    assert "no project here" in err


def test_a_misspelt_name_gets_a_suggestion(command: Command) -> None:
    code, _, err = command("run", "pool-exhaution")
    assert code == 2
    assert "pool-exhaustion" in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "name", ["duplicate-key", "bomb", "setting-preload", "scenario-missing", "key-on"]
)
def test_a_broken_file_is_one_message_and_exit_code_2(name: str, command: Command) -> None:
    path = BROKEN / f"{name}.md"
    assert path.is_file()
    code, _, err = command("run", str(path))
    assert code == 2
    assert err.startswith("lab: ") and path.name in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "quick", "--expect", "TRUE"), "one of CONFIRMED"),
        (
            ("run", "quick", "--target", "moon"),
            "--target moon: no such target. Write one of local, compose, url",
        ),
        (("run", "quick", "--resume"), "there is no run to resume"),
        (("run", "quick", "--for", "8h"), "quick is no soak"),
        (("run", "quick", "--for", "soon"), "'soon' is not a duration"),
        (("judge", "nothing"), "no such run"),
        (("report", "nothing"), "no such run"),
        (("judge", "x" * 300), "no such run"),
        (("judge", "x" * 300 + ".html"), "cannot be read"),
        (("export", "nothing", "--to", "out"), "no such run"),
        (("status", "nothing"), "nothing was never run here"),
        (("serve", "DB_POOL_SIZE"), "a setting is written NAME=VALUE"),
        (("run", "../escape"), "lab: "),
    ],
)
def test_mistakes_on_the_command_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, command: Command
) -> None:
    code, out, err = command(*arguments, folder=copy_project(tmp_path))
    assert code == 2
    assert not out
    assert message in err


def test_the_command_in_a_process_of_its_own() -> None:
    """Exit code, one message and no traceback, by way of `python -m lab`."""
    done = lab("judge", "nothing")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("lab: nothing: no such run")
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_file_in_the_place_of_a_folder_is_one_message(tmp_path: Path, command: Command) -> None:
    project = copy_project(tmp_path)
    shutil.rmtree(project / "hypotheses")
    (project / "hypotheses").touch()
    code, out, err = command("new", "narrow-pool", folder=project)
    assert (code, out) == (4, "")
    assert err.endswith("hypotheses: cannot be used (File exists)\n")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("unbuffered", ["", "1"])  # the last words are written late, or at once
def test_a_reader_that_has_gone_gets_neither_a_traceback_nor_a_verdict(unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "lab", "list"],
        cwd=ROOT,
        env=os.environ | PATH | {"PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (4, "")


def test_a_hypothesis_can_be_named_by_its_file() -> None:
    done = lab("check", str(QUICK))
    assert done.returncode == 0, done.stderr
    first, *forecast = done.stdout.splitlines()
    assert first == f"{QUICK}: ok (3 arms, 1 prediction, 1 rival)"
    assert forecast == [
        "  processes: the arms keep their processes from block to block, since no predicted ratio "
        "of two arms has a bound within a factor 1.25 of no difference",
        f"  {UNKNOWN}",
    ]


def test_arms_that_are_equal_are_said_to_be(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    text = QUICK.read_text(encoding="utf-8").replace("DB_POOL_SIZE: 8", "DB_POOL_SIZE: 2")
    (project / "hypotheses" / "quick.md").write_text(text, encoding="utf-8")
    done = lab("check", "quick", project=project)
    assert done.returncode == 0, done.stderr
    _, note, *_ = done.stdout.splitlines()
    assert note == "  arms: narrow and wide are given the same settings"


@pytest.mark.real
def test_the_doctor_shows_figures() -> None:
    done = lab("doctor")
    assert done.returncode in (0, 1)
    for examined in ("cores", "pinning", "jitter", "loopback", "steal", "other load"):
        assert examined in done.stdout
