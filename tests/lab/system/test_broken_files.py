"""Each broken `lab.toml` is refused with one message: its line, the problem, the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.exit_codes import ExitCode
from lab.system import SystemFileError, load_system
from tests.lab.system.broken_files import BROKEN, FILES, GOOD, Broken, text_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).touch()
    return tmp_path


def test_the_file_that_all_are_made_of_is_right(folder: Path) -> None:
    (folder / "lab.toml").write_text(GOOD)
    assert load_system(folder).loaded == "web"


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: str(broken.name))
def test_a_broken_file_has_one_message(broken: Broken, folder: Path) -> None:
    path = folder / "lab.toml"
    path.write_text(text_of(broken))
    with pytest.raises(SystemFileError) as refused:
        load_system(folder)
    error = refused.value
    assert error.exit_code == ExitCode.USAGE
    assert (error.line, error.problem[: len(broken.problem)]) == (broken.line, broken.problem)
    assert broken.remedy in error.remedy
    place = f"{path}:{error.line}" if error.line else str(path)
    assert str(error) == f"{place}: {error.problem}. {error.remedy}"
    assert "\n" not in str(error)
    assert error.remedy.endswith((".", "?"))


def test_no_file_is_an_error_that_says_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(SystemFileError, match=r"there is no such file.*\[\[process\]\]"):
        load_system(tmp_path)


def test_text_that_is_not_utf8_and_a_folder_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "lab.toml"
    path.write_bytes(b'code = ["a"]\n# \xff\n')
    with pytest.raises(SystemFileError, match=r"lab\.toml:2: this is not UTF-8 text"):
        load_system(tmp_path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SystemFileError, match="this is not a file"):
        load_system(tmp_path)
