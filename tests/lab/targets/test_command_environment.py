"""Programs and modules of a revision are its own, and what would hide the lab is refused."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from lab.system import load_system
from lab.targets.command_environment import import_path, refuse_hiding_the_lab, with_program
from lab.targets.target_interface import TargetUsageError
from tests.runs import ROOT

VERSION = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def environment(code: Path, version: str = VERSION) -> Path:
    """A virtual environment in a folder; its packages."""
    packages = code / ".venv" / "lib" / version / "site-packages"
    packages.mkdir(parents=True)
    (code / ".venv" / "pyvenv.cfg").touch()
    return packages


def folders(path: str) -> list[Path]:
    return list(map(Path, path.split(os.pathsep)))


def test_code_comes_before_packages_and_src_if_there_is_one(tmp_path: Path) -> None:
    packages = environment(tmp_path)
    assert folders(import_path(tmp_path)) == [tmp_path]
    (tmp_path / "src").mkdir()
    assert folders(import_path(tmp_path, with_packages=True)) == [
        tmp_path,
        tmp_path / "src",
        packages,
    ]


def test_what_is_installed_by_reference_is_found_like_a_package(tmp_path: Path) -> None:
    packages = environment(tmp_path)
    (tmp_path / "backend").mkdir()
    lines = ("import something", "# a remark", f"{tmp_path}/backend", "../absent", "")
    (packages / "__editable__.shop.pth").write_text("\n".join(lines))
    found = folders(import_path(tmp_path, with_packages=True))
    assert found == [tmp_path, packages, tmp_path / "backend"]


def test_an_environment_that_is_only_linked_is_not_the_revisions_own(tmp_path: Path) -> None:
    environment(tmp_path / "project")
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / ".venv").symlink_to(tmp_path / "project" / ".venv")
    assert folders(import_path(tmp_path / "code", with_packages=True)) == [tmp_path / "code"]


def test_an_environment_of_another_python_is_refused_until_it_is_of_this_one(
    tmp_path: Path,
) -> None:
    environment(tmp_path, "python3.1")
    message = rf"benchmarks run by the lab's {VERSION}.*Build it with that, in the `commands`"
    with pytest.raises(TargetUsageError, match=message):
        import_path(tmp_path, with_packages=True)
    assert import_path(tmp_path), "services run by the environment's own"
    shutil.rmtree(tmp_path / ".venv")
    environment(tmp_path)
    assert import_path(tmp_path, with_packages=True)


@pytest.mark.parametrize("path", ["lab/__init__.py", "lab.py", "src/lab/__init__.py"])
def test_another_lab_is_refused_until_it_is_renamed(tmp_path: Path, path: str) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    with pytest.raises(TargetUsageError, match=rf"{path}: this `lab` hides .*Rename it, or do not"):
        import_path(tmp_path, with_packages=True)
    file.rename(file.with_name("other.py"))
    import_path(tmp_path, with_packages=True)


def test_another_lab_among_the_packages_of_a_revision_is_refused(tmp_path: Path) -> None:
    package = environment(tmp_path) / "lab"
    shutil.copytree(ROOT / "lab", package, ignore=shutil.ignore_patterns("__pycache__"))
    import_path(tmp_path, with_packages=True)
    (package / "errors.py").write_text("# of another version\n")
    with pytest.raises(TargetUsageError, match=r"site-packages/lab/__init__.py: this"):
        import_path(tmp_path, with_packages=True)


def test_the_lab_itself_hides_nothing(tmp_path: Path) -> None:
    refuse_hiding_the_lab(ROOT)
    (tmp_path / "lab").mkdir()
    refuse_hiding_the_lab(tmp_path)  # without modules of Python, it is none to the interpreter


def test_a_program_that_a_revision_lacks_is_named(tmp_path: Path) -> None:
    (tmp_path / "lab.toml").write_text('[[process]]\nname = "web"\ncommand = "./serve {port}"\n')
    (command,) = [process.command for process in load_system(tmp_path).processes]
    code = tmp_path / "code"
    code.mkdir()
    with pytest.raises(TargetUsageError, match=r"lab.toml:3: .* no program `./serve`.*\[build\]"):
        with_program(command, ["./serve"], tmp_path, code)
    with pytest.raises(TargetUsageError, match=r"no program `./serve` on this machine"):
        with_program(command, ["./serve"], tmp_path)
    (code / "serve").touch(mode=0o755)
    assert with_program(command, ["./serve"], tmp_path, code) == [str(code / "serve")]


def test_a_program_of_another_environment_is_refused_until_the_revision_has_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lab.toml").write_text('[[process]]\nname = "web"\ncommand = "tool {port}"\n')
    (command,) = [process.command for process in load_system(tmp_path).processes]
    code, plain = tmp_path / "code", tmp_path / "plain"
    environment(code)
    environment(tmp_path)
    plain.mkdir()

    def installed(folder: Path) -> list[str]:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "tool").touch(mode=0o755)
        return [str(folder / "tool")]

    theirs, systems = installed(tmp_path / ".venv" / "bin"), installed(tmp_path / "usr" / "bin")
    monkeypatch.setenv("PATH", str(Path(theirs[0]).parent))
    message = rf"lab.toml:3: the revision has the environment {code}/.venv, and `tool` is not in it"
    with pytest.raises(TargetUsageError, match=rf"{message}, but in {tmp_path}/.venv.*\[build\]"):
        with_program(command, ["tool"], tmp_path, code)
    assert with_program(command, ["tool"], tmp_path, code, is_build=True) == theirs
    assert with_program(command, ["tool"], tmp_path, plain) == theirs, "it has none of its own"
    assert with_program(command, ["tool"], tmp_path) == theirs
    own = installed(code / ".venv" / "bin")
    assert with_program(command, ["tool"], tmp_path, code) == own
    Path(own[0]).unlink()
    monkeypatch.setenv("PATH", str(Path(systems[0]).parent))
    assert with_program(command, ["tool"], tmp_path, code) == systems
    runner = tmp_path / ".venv" / "bin" / "uv"
    runner.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(runner.parent))
    assert with_program(command, ["uv", "run"], tmp_path, code) == [str(runner), "run"]
