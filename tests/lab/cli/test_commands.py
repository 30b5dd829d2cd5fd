"""The commands, as they are typed: what they print, and their exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runs import QUICK, ROOT, copy_project, lab

BROKEN = ROOT / "tests" / "lab" / "hypothesis" / "broken"
VERBS = ["list", "check", "run", "status", "judge", "report", "serve", "doctor"]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help(verb: str) -> None:
    done = lab(verb, "--help")
    assert done.returncode == 0
    assert "Usage" in done.stdout


def test_help_lists_every_verb() -> None:
    shown = lab("--help").stdout
    assert all(verb in shown for verb in VERBS)


def test_list_shows_the_question_and_the_latest_verdict(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    latest = project / "reports" / "quick" / "latest"
    latest.mkdir(parents=True)
    (latest / "verdict.json").write_text('{"verdict": "REFUTED"}')
    done = lab("list", project=project)
    assert done.returncode == 0
    assert done.stdout.startswith("quick") and "Does a narrow pool" in done.stdout
    assert "REFUTED" in done.stdout


def test_list_works_in_any_folder_of_the_project(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    assert lab("list", project=project / "scenarios").stdout == lab("list", project=project).stdout


def test_outside_of_a_project(tmp_path: Path) -> None:
    done = lab("list", project=tmp_path)
    assert done.returncode == 2
    assert "no project here" in done.stderr


def test_a_misspelt_name_gets_a_suggestion() -> None:
    done = lab("run", "pool-exhaution")
    assert done.returncode == 2
    assert "pool-exhaustion" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "name", ["duplicate-key", "bomb", "setting-preload", "scenario-missing", "key-on"]
)
def test_a_broken_file_is_one_message_and_exit_code_2(name: str) -> None:
    path = BROKEN / f"{name}.md"
    assert path.is_file()
    done = lab("run", str(path))
    assert done.returncode == 2
    assert done.stderr.startswith("lab: ") and path.name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run", "quick", "--expect", "TRUE"), "one of CONFIRMED"),
        (("run", "quick", "--target", "moon"), "no target 'moon'"),
        (("run", "quick", "--resume"), "there is no run to resume"),
        (("run", "quick", "--for", "8h"), "quick is no soak"),
        (("run", "quick", "--for", "soon"), "'soon' is no duration"),
        (("judge", "nothing"), "no such run"),
        (("report", "nothing"), "no such run"),
        (("judge", "x" * 300), "no such run"),
        (("status", "nothing"), "nothing was never run here"),
        (("serve", "DB_POOL_SIZE"), "a setting is written NAME=VALUE"),
        (("run", "../escape"), "lab: "),
    ],
)
def test_mistakes_on_the_command_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    done = lab(*arguments, project=copy_project(tmp_path))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hypothesis_can_be_named_by_its_file() -> None:
    done = lab("check", str(QUICK))
    assert done.returncode == 0, done.stderr


@pytest.mark.real
def test_the_doctor_shows_figures() -> None:
    done = lab("doctor")
    assert done.returncode in (0, 1)
    for examined in ("cores", "pinning", "jitter", "loopback", "steal", "other load"):
        assert examined in done.stdout
